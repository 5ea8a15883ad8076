//! From text to tokens. Invariant: tokens come in the order of the text, within it and without
//! overlap, and what was read before a mistake is kept, so that an earlier mistake is told first.

use super::token::{Placed, Token};
use super::{
    AttributeScope, Field, FieldKind, Form, Intrinsic, KindLiteral, Literal, Relation, SpansetOp,
    StatusLiteral, TextRange, explain, number, quote,
};
use crate::query::{QueryError, QueryErrorKind};

/// The tokens of a text, up to its end or its first mistake.
pub(super) struct Lexed {
    pub(super) tokens: Vec<Placed>,
    pub(super) error: Option<QueryError>,
}

/// The tokens of `text`.
pub(super) fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let next = lexer.skip_blanks().and_then(|()| {
            let start = lexer.at;
            let token = if lexer.rest().is_empty() { None } else { Some(lexer.token()?) };
            Ok(token.map(|token| Placed { token, range: lexer.range_from(start) }))
        });
        match next {
            Ok(Some(placed)) => tokens.push(placed),
            Ok(None) => return Lexed { tokens, error: None },
            Err(error) => return Lexed { tokens, error: Some(error) },
        }
    }
}

/// Whether an attribute name, unless quoted, ends before `char`.
pub(super) fn ends_name(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '{' | '}' | '(' | ')' | '=' | '~' | '!' | '<' | '>' | '&' | '|' | '^' | ','
        )
}

/// The scopes whose name and a dot begin an attribute.
pub(super) const SCOPES: [(&str, AttributeScope); 5] = [
    ("span.", AttributeScope::Span),
    ("resource.", AttributeScope::Resource),
    ("event.", AttributeScope::Event),
    ("link.", AttributeScope::Link),
    ("instrumentation.", AttributeScope::Instrumentation),
];

/// What begins a field of the parent.
pub(super) const PARENT: &str = "parent.";

/// Operators, longer ones before their beginnings.
pub(super) static OPERATORS: [(&str, Token); 35] = [
    ("!>>", structural(Relation::Descendant, Form::Not)),
    ("!<<", structural(Relation::Ancestor, Form::Not)),
    ("&>>", structural(Relation::Descendant, Form::Union)),
    ("&<<", structural(Relation::Ancestor, Form::Union)),
    (">>", structural(Relation::Descendant, Form::Plain)),
    ("<<", structural(Relation::Ancestor, Form::Plain)),
    ("!>", structural(Relation::Child, Form::Not)),
    ("!<", structural(Relation::Parent, Form::Not)),
    ("&>", structural(Relation::Child, Form::Union)),
    ("&<", structural(Relation::Parent, Form::Union)),
    ("&~", structural(Relation::Sibling, Form::Union)),
    ("&&", Token::And),
    ("||", Token::Or),
    ("<=", Token::LessEqual),
    (">=", Token::GreaterEqual),
    ("!=", Token::NotEqual),
    ("=~", Token::Match),
    ("!~", Token::NotMatch),
    ("{", Token::OpenBrace),
    ("}", Token::CloseBrace),
    ("(", Token::OpenParen),
    (")", Token::CloseParen),
    (",", Token::Comma),
    ("|", Token::Pipe),
    ("!", Token::Not),
    ("+", Token::Plus),
    ("-", Token::Minus),
    ("*", Token::Star),
    ("/", Token::Slash),
    ("%", Token::Percent),
    ("^", Token::Caret),
    ("=", Token::Equal),
    ("<", Token::Less),
    (">", Token::Greater),
    ("~", structural(Relation::Sibling, Form::Plain)),
];

const fn structural(relation: Relation, form: Form) -> Token {
    Token::Structural(SpansetOp::Structural(relation, form))
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn range_from(&self, start: usize) -> TextRange {
        TextRange { start, end: self.at }
    }

    fn eat(&mut self, word: &str) -> bool {
        let there = self.rest().starts_with(word);
        if there {
            self.at += word.len();
        }
        there
    }

    fn skip_blanks(&mut self) -> Result<(), QueryError> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(length) = comment.find("*/") else {
                    let range = TextRange { start: self.at, end: self.at + 2 };
                    return Err(
                        syntax(range, "this comment is never closed").with_help("end it with `*/`")
                    );
                };
                self.at += length + 4;
            } else {
                return Ok(());
            }
        }
    }

    /// The token at this place, which is neither blank nor the end.
    fn token(&mut self) -> Result<Token, QueryError> {
        let start = self.at;
        let rest = self.rest();
        let mut chars = rest.chars();
        let first = chars.next().unwrap_or(' ');
        let digit_next = chars.next().is_some_and(|char| char.is_ascii_digit());
        if first == '"' {
            return Ok(self.quoted(quote::string(rest, start)?));
        }
        if first == '`' {
            return Ok(self.quoted(quote::raw(rest, start)?));
        }
        if first.is_ascii_digit() || (first == '.' && digit_next) {
            let run = rest.get(..number::run_length(rest)).unwrap_or(rest);
            self.at += run.len();
            return number::literal(run, start).map(Token::Literal);
        }
        if first == '.' {
            self.at += 1;
            return self.attribute(start, false, AttributeScope::Any);
        }
        if first.is_alphabetic() || first == '_' {
            return self.word();
        }
        if let Some(error) = explain::wrong_operator(rest, start) {
            return Err(error);
        }
        match OPERATORS.iter().find(|(text, _)| rest.starts_with(text)) {
            Some((text, token)) => {
                self.at += text.len();
                Ok(token.clone())
            }
            None => Err(explain::wrong_char(rest, start)),
        }
    }

    fn quoted(&mut self, quoted: quote::Quoted) -> Token {
        self.at += quoted.length;
        Token::Literal(Literal::String(quoted.content))
    }

    /// A token that begins with a letter: a keyword, a literal, a field or just a word.
    fn word(&mut self) -> Result<Token, QueryError> {
        let start = self.at;
        let rest = self.rest();
        if self.eat(PARENT) {
            return self.parent(start);
        }
        if let Some((prefix, scope)) = SCOPES.iter().find(|(prefix, _)| rest.starts_with(prefix)) {
            self.at += prefix.len();
            return self.attribute(start, false, *scope);
        }
        let word = rest.get(..word_length(rest)).unwrap_or(rest);
        self.at += word.len();
        let mut after = self.rest().chars();
        let next = after.next();
        let name_follows = after.next().is_some_and(|char| char.is_alphabetic() || char == '_');
        if next == Some(':') && name_follows {
            self.at += 1;
            self.at += word_length(self.rest());
            let name = self.text.get(start..self.at).unwrap_or("");
            if let Some(intrinsic) = Intrinsic::from_name(name) {
                return Ok(field(false, FieldKind::Intrinsic(intrinsic)));
            }
            self.at += self.rest().find(ends_name).unwrap_or(self.rest().len());
            let range = self.range_from(start);
            let name = self.text.get(range.start..range.end).unwrap_or("");
            return Err(explain::unknown_intrinsic(name, range));
        }
        if next == Some('.') && name_follows {
            self.at += self.rest().find(ends_name).unwrap_or(self.rest().len());
            let range = self.range_from(start);
            let name = self.text.get(range.start..range.end).unwrap_or("");
            return Err(explain::no_scope(name, range));
        }
        Ok(known_word(word))
    }

    /// What stands after `parent.`.
    fn parent(&mut self, start: usize) -> Result<Token, QueryError> {
        if self.eat("span.") {
            return self.attribute(start, true, AttributeScope::Span);
        }
        if self.eat("resource.") {
            return self.attribute(start, true, AttributeScope::Resource);
        }
        let rest = self.rest();
        let name = rest.get(..rest.find(ends_name).unwrap_or(rest.len())).unwrap_or(rest);
        if let Some(intrinsic) = Intrinsic::from_name(name) {
            self.at += name.len();
            if of_many(intrinsic) {
                return Err(explain::parents_many(intrinsic, self.range_from(start)));
            }
            return Ok(field(true, FieldKind::Intrinsic(intrinsic)));
        }
        self.attribute(start, true, AttributeScope::Any)
    }

    /// An attribute whose name begins here.
    fn attribute(
        &mut self,
        start: usize,
        parent: bool,
        scope: AttributeScope,
    ) -> Result<Token, QueryError> {
        let name_start = self.at;
        let mut name = String::new();
        while let Some(char) = self.rest().chars().next().filter(|char| !ends_name(*char)) {
            if char == '"' {
                let quoted = quote::name(self.rest(), self.at)?;
                self.at += quoted.length;
                name.push_str(&quoted.content);
            } else {
                self.at += char.len_utf8();
                name.push(char);
            }
        }
        if self.at == name_start {
            return Err(explain::no_name(self.text, self.range_from(start)));
        }
        Ok(field(parent, FieldKind::Attribute(scope, name)))
    }
}

/// True for fields of which a span has one for each event or link.
fn of_many(intrinsic: Intrinsic) -> bool {
    matches!(
        intrinsic,
        Intrinsic::EventName
            | Intrinsic::EventTimeSinceStart
            | Intrinsic::LinkTraceId
            | Intrinsic::LinkSpanId
    )
}

fn syntax(range: TextRange, message: &str) -> QueryError {
    QueryError::new(QueryErrorKind::Syntax, range, message)
}

fn field(parent: bool, kind: FieldKind) -> Token {
    Token::Field(Field { parent, kind })
}

fn word_length(text: &str) -> usize {
    text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len())
}

fn known_word(word: &str) -> Token {
    let literal = match word {
        "by" => return Token::By,
        "with" => return Token::With,
        "unless" => return Token::Unless,
        "true" => Literal::Bool(true),
        "false" => Literal::Bool(false),
        "nil" => Literal::Nil,
        "minInt" => Literal::Int(i64::MIN),
        "maxInt" => Literal::Int(i64::MAX),
        "unset" => Literal::Status(StatusLiteral::Unset),
        "ok" => Literal::Status(StatusLiteral::Ok),
        "error" => Literal::Status(StatusLiteral::Error),
        "unspecified" => Literal::Kind(KindLiteral::Unspecified),
        "internal" => Literal::Kind(KindLiteral::Internal),
        "server" => Literal::Kind(KindLiteral::Server),
        "client" => Literal::Kind(KindLiteral::Client),
        "producer" => Literal::Kind(KindLiteral::Producer),
        "consumer" => Literal::Kind(KindLiteral::Consumer),
        _ => {
            return match Intrinsic::from_name(word) {
                Some(intrinsic) => field(false, FieldKind::Intrinsic(intrinsic)),
                None => Token::Word(word.into()),
            };
        }
    };
    Token::Literal(literal)
}
