//! The tokens of `TraceQL`. Invariant: a token says what was written, not what it means: `>`, `<` and
//! `!~` are one token each, whether they compare values or relate spansets.

use super::{Field, Literal, SpansetOp, TextRange};

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    OpenBrace,
    CloseBrace,
    OpenParen,
    CloseParen,
    Comma,
    Pipe,
    And,
    Or,
    Not,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Caret,
    Equal,
    NotEqual,
    /// `<`: less than, or the structural operator.
    Less,
    LessEqual,
    /// `>`: greater than, or the structural operator.
    Greater,
    GreaterEqual,
    Match,
    /// `!~`: does not match, or the structural operator.
    NotMatch,
    /// The twelve structural operators that are nothing else.
    Structural(SpansetOp),
    By,
    With,
    Unless,
    Literal(Literal),
    Field(Field),
    /// A word that is no literal, no field and none of the above.
    Word(String),
}

/// A token and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) range: TextRange,
}

impl Token {
    /// Whether an operand may end with this token, so that a `-` after it is a difference.
    pub(crate) fn ends_operand(&self) -> bool {
        matches!(
            self,
            Self::CloseBrace | Self::CloseParen | Self::Literal(_) | Self::Field(_) | Self::Word(_)
        )
    }

    /// Whether it compares two values.
    pub(crate) fn is_comparison(&self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::NotEqual
                | Self::Less
                | Self::LessEqual
                | Self::Greater
                | Self::GreaterEqual
                | Self::Match
                | Self::NotMatch
        )
    }
}
