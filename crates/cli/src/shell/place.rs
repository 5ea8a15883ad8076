//! What can stand at a place of a query. Invariant: only what is before the place counts.

use super::pieces::{Kind, Piece, pieces};

/// What can stand at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place<'t> {
    /// What is half typed there; empty between pieces.
    pub(super) typed: &'t str,
    pub(super) wants: Wants<'t>,
}

/// What a place wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants<'t> {
    /// Nothing that is known: within a comment or a text of its own.
    Nothing,
    /// A spanset in braces.
    Spanset,
    /// A stage of the pipeline.
    Stage,
    /// What goes between spansets, or a `|`.
    AfterSpanset,
    /// What goes after a parenthesis around spansets, or around a number that is computed from them.
    AfterGroup,
    /// What goes after a function outside of braces.
    AfterFunction,
    /// A field.
    Field,
    /// What goes after a field within braces.
    AfterField,
    /// A value to compare this field with.
    Value(&'t str),
    /// What goes after a condition within braces.
    AfterCondition,
    /// What goes after an argument of a function.
    AfterArgument,
}

/// What encloses a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    Brace,
    /// A parenthesis around the arguments of a function.
    Arguments,
    /// Any other parenthesis.
    Group,
}

const COMPARISONS: [&str; 8] = ["=", "!=", "=~", "!~", "<", "<=", ">", ">="];

/// The place at the end of `text`.
pub(super) fn place(text: &str) -> Place<'_> {
    let all = pieces(text);
    if let Some(Piece { kind: Kind::Comment { closed }, .. }) = all.last()
        && (!closed
            || all
                .last()
                .is_some_and(|last| last.text.starts_with("//") && last.end() == text.len()))
    {
        return Place { typed: "", wants: Wants::Nothing };
    }
    let code = all.into_iter().filter(|piece| !matches!(piece.kind, Kind::Comment { .. }));
    let mut code: Vec<Piece<'_>> = code.collect();
    let typed = code.pop_if(|last| last.end() == text.len() && is_half_typed(last));
    Place { typed: typed.map_or("", |piece| piece.text), wants: wants(&code, typed) }
}

/// True for a piece that more may be typed of.
fn is_half_typed(piece: &Piece<'_>) -> bool {
    match piece.kind {
        Kind::Word | Kind::Number | Kind::Text { closed: false } => true,
        // Between others, `>` may become `>>`; those of a comparison want a value.
        Kind::Sign => matches!(piece.text, "!" | "&" | "~" | ">" | "<" | ">>" | "<<"),
        Kind::Text { closed: true } | Kind::Comment { .. } => false,
    }
}

/// What is wanted after `before`; `typed` has been begun.
fn wants<'t>(before: &[Piece<'t>], typed: Option<Piece<'t>>) -> Wants<'t> {
    let (opened, closed) = brackets(before);
    let mut back = before.iter().rev();
    let (last, second) = (back.next(), back.next());
    let in_text = typed.is_some_and(|piece| matches!(piece.kind, Kind::Text { .. }));
    let wants = if opened.contains(&Opened::Brace) {
        within_braces(last, second, back.next())
    } else if opened.last() == Some(&Opened::Arguments) {
        match within_braces(last, second, back.next()) {
            Wants::AfterField | Wants::AfterCondition => Wants::AfterArgument,
            other => other,
        }
    } else {
        between_braces(last, closed)
    };
    // Within quotes nothing but a value is known.
    if in_text && !matches!(wants, Wants::Value(_)) { Wants::Nothing } else { wants }
}

fn between_braces<'t>(last: Option<&Piece<'_>>, closed: Option<Opened>) -> Wants<'t> {
    let Some(last) = last else { return Wants::Spanset };
    let after_function = closed == Some(Opened::Arguments);
    match (last.kind, last.text) {
        (Kind::Sign, "}") => Wants::AfterSpanset,
        (Kind::Sign, ")") if after_function => Wants::AfterFunction,
        (Kind::Sign, ")") => Wants::AfterGroup,
        (Kind::Sign, "|") => Wants::Stage,
        // What a number is compared with is for its user to say.
        (Kind::Sign, sign) if after_function && COMPARISONS.contains(&sign) => Wants::Nothing,
        (Kind::Number | Kind::Text { .. }, _) => Wants::AfterFunction,
        (Kind::Word, word) if word != "unless" => Wants::Nothing,
        _ => Wants::Spanset,
    }
}

fn within_braces<'t>(
    last: Option<&Piece<'t>>,
    second: Option<&Piece<'t>>,
    third: Option<&Piece<'t>>,
) -> Wants<'t> {
    let Some(last) = last else { return Wants::Field };
    let compared = |piece: Option<&Piece<'_>>| {
        piece.is_some_and(|piece| piece.kind == Kind::Sign && COMPARISONS.contains(&piece.text))
    };
    match last.kind {
        // What is in parentheses is a condition or a value.
        Kind::Sign if [")", "}"].contains(&last.text) => Wants::AfterField,
        Kind::Sign if compared(Some(last)) => match second {
            Some(field) if field.kind == Kind::Word => Wants::Value(field.text),
            _ => Wants::Field,
        },
        Kind::Sign => Wants::Field,
        _ if compared(second) => Wants::AfterCondition,
        // A sign before a value, as in `-1`.
        _ if second.is_some_and(|sign| sign.is_sign("-")) && compared(third) => {
            Wants::AfterCondition
        }
        _ => Wants::AfterField,
    }
}

/// What is open after `pieces`, and what was closed last.
fn brackets(pieces: &[Piece<'_>]) -> (Vec<Opened>, Option<Opened>) {
    let (mut opened, mut closed) = (Vec::new(), None);
    let mut before: Option<&Piece<'_>> = None;
    for piece in pieces {
        if piece.kind == Kind::Sign {
            match piece.text {
                "{" => opened.push(Opened::Brace),
                "(" if before.is_some_and(|piece| piece.kind == Kind::Word) => {
                    opened.push(Opened::Arguments);
                }
                "(" => opened.push(Opened::Group),
                "}" | ")" => closed = opened.pop(),
                _ => {}
            }
        }
        before = Some(piece);
    }
    (opened, closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_wants_what_the_grammar_has_there() {
        for (text, typed, wants) in [
            ("", "", Wants::Spanset),
            ("{", "", Wants::Field),
            ("{ .serv", ".serv", Wants::Field),
            ("{ .a ", "", Wants::AfterField),
            ("{ .a !", "!", Wants::AfterField),
            ("{ .a =", "", Wants::Value(".a")),
            ("{ .a = er", "er", Wants::Value(".a")),
            ("{ .a = \"x y", "\"x y", Wants::Value(".a")),
            ("{ .a = \"x\"", "", Wants::AfterCondition),
            ("{ .a > -1 ", "", Wants::AfterCondition),
            ("{ .a = 1 && ", "", Wants::Field),
            ("{ (.a = 1) ", "", Wants::AfterField),
            ("{ .a = 1 } ", "", Wants::AfterSpanset),
            ("{ } >", ">", Wants::AfterSpanset),
            ("{ } >> ", "", Wants::Spanset),
            ("({ }", "", Wants::AfterSpanset),
            ("({ })", "", Wants::AfterGroup),
            ("{ } | co", "co", Wants::Stage),
            ("{ } | by(", "", Wants::Field),
            ("{ } | select(.a, ", "", Wants::Field),
            ("{ } | select(.a ", "", Wants::AfterArgument),
            ("{ } | by(duration > 1ms ", "", Wants::AfterArgument),
            ("{ } | by(.a = \"x", "\"x", Wants::Value(".a")),
            ("{ } | count ", "", Wants::Nothing),
            ("{ } unless ", "", Wants::Spanset),
            ("{ } | count() ", "", Wants::AfterFunction),
            ("{ } | count() > ", "", Wants::Nothing),
            ("{ } | count() > 2 ", "", Wants::AfterFunction),
            ("{ /* x", "", Wants::Nothing),
            ("{ } // x", "", Wants::Nothing),
            ("{ \"x", "\"x", Wants::Nothing),
        ] {
            assert_eq!(place(text), Place { typed, wants }, "{text}");
        }
    }
}
