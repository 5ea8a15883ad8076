//! The signs and words that can go on a query at a place. Invariant: each is one of the language's
//! own, and stands at its place in a query that is right.

/// A spanset begins.
pub(super) const SPANSET: [&str; 2] = ["{ ", "("];

/// Between spansets, and before a pipeline; most used first.
pub(super) const AFTER_SPANSET: [&str; 20] = [
    "|", "&&", "||", ">>", ">", "<<", "<", "~", "!>>", "!>", "!<<", "!<", "!~", "&>>", "&>", "&<<",
    "&<", "&~", "unless", ")",
];

/// After a function outside of braces.
pub(super) const AFTER_FUNCTION: [&str; 8] = [">", ">=", "<", "<=", "=", "!=", "|", ")"];

/// After a field.
pub(super) const AFTER_FIELD: [&str; 12] =
    ["=", "!=", "=~", "!~", ">", ">=", "<", "<=", "&&", "||", ")", "}"];

/// After a condition.
pub(super) const AFTER_CONDITION: [&str; 4] = ["&&", "||", ")", "}"];

/// After an argument, which may be a condition.
pub(super) const AFTER_ARGUMENT: [&str; 12] =
    [")", ", ", "=", "!=", "=~", "!~", ">", ">=", "<", "<=", "&&", "||"];

/// Between numbers that are computed from spansets; `>` and `<` go between these, too.
pub(super) const COMPARISONS: [&str; 4] = [">=", "<=", "=", "!="];

/// Stages that a search runs, as far as they are the same in every query.
pub(super) const STAGES: [&str; 9] =
    ["by(", "select(", "coalesce()", "count()", "avg(", "max(", "min(", "sum(", "{ "];

/// Values of a status.
pub(super) const STATUSES: [&str; 3] = ["error", "ok", "unset"];

/// Values of a kind.
pub(super) const KINDS: [&str; 6] =
    ["server", "client", "internal", "producer", "consumer", "unspecified"];

#[cfg(test)]
mod tests {
    use treering::query::{check, check_search};

    use super::*;

    #[track_caller]
    fn is_right(query: &str) {
        let checked = check(query).unwrap();
        assert!(check_search(&checked).is_ok(), "{query}");
    }

    #[test]
    fn everything_is_of_the_language() {
        for sign in AFTER_SPANSET.into_iter().filter(|sign| *sign != "|" && *sign != ")") {
            is_right(&format!("{{ }} {sign} {{ .a = 1 }}"));
        }
        for sign in AFTER_FUNCTION.into_iter().take(6) {
            is_right(&format!("{{ }} | count() {sign} 2"));
        }
        for sign in AFTER_FIELD.into_iter().take(4) {
            is_right(&format!("{{ .a {sign} \"x\" && (.b) || .c }}"));
        }
        for sign in AFTER_FIELD.into_iter().skip(4).take(4) {
            is_right(&format!("{{ .a {sign} 1 }}"));
        }
        for stage in STAGES {
            let rest = match stage {
                "{ " => "}",
                "by(" | "select(" => ".a)",
                "coalesce()" => "",
                stage if stage.ends_with("()") => " > 1",
                _ => "duration) > 1ms",
            };
            is_right(&format!("{{ }} | {stage}{rest}"));
        }
        for word in STATUSES {
            is_right(&format!("{{ status = {word} }}"));
        }
        for word in KINDS {
            is_right(&format!("{{ kind = {word} }}"));
        }
    }
}
