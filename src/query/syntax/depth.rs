//! The limits on a query, checked on its tokens before anything recurses. Invariant: the tree of a
//! query that passes is nested at most as deep as counted here.

use super::TextRange;
use super::token::{Placed, Token};
use crate::query::{QueryError, QueryErrorKind};

/// Most bytes of a query's text.
pub(super) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Most levels of nesting: parentheses and braces, unary operators and `^`.
pub(super) const DEPTH_MAX: usize = 128;

/// Refuses a text that is too long.
pub(super) fn check_length(text: &str) -> Result<(), QueryError> {
    if text.len() <= TEXT_BYTES_MAX {
        return Ok(());
    }
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at > 0).unwrap_or(0);
    Err(QueryError::new(
        QueryErrorKind::Limit,
        TextRange { start: 0, end },
        format!("the query is {} bytes long; at most {TEXT_BYTES_MAX} are read", text.len()),
    )
    .with_help("ask for less at once"))
}

/// What is open within one pair of brackets. `a ^ b ^ c` nests to the right until `*` or anything
/// looser; what a unary operator applies to may go on after `*`, and ends at anything looser.
#[derive(Default)]
struct Open {
    unary: usize,
    power: usize,
}

impl Open {
    /// A unary operator stands inside the powers before it.
    fn enter_unary(&mut self) {
        self.unary += 1 + self.power;
        self.power = 0;
    }
}

/// Refuses tokens that nest too deeply.
pub(super) fn check_depth(tokens: &[Placed]) -> Result<(), QueryError> {
    let mut outer: Vec<Open> = Vec::new();
    let mut open = Open::default();
    let mut outer_depth = 0;
    let mut operand_before = false;
    for Placed { token, range } in tokens {
        match token {
            Token::OpenBrace | Token::OpenParen => {
                outer_depth += 1 + open.unary + open.power;
                outer.push(std::mem::take(&mut open));
            }
            Token::CloseBrace | Token::CloseParen => {
                if let Some(before) = outer.pop() {
                    outer_depth -= 1 + before.unary + before.power;
                    open = before;
                }
            }
            Token::Not => open.enter_unary(),
            Token::Minus if !operand_before => open.enter_unary(),
            Token::Caret => open.power += 1,
            Token::Star | Token::Slash | Token::Percent => open.power = 0,
            Token::Literal(_) | Token::Field(_) | Token::Word(_) => {}
            _ => open = Open::default(),
        }
        operand_before = token.ends_operand();
        if outer_depth + open.unary + open.power > DEPTH_MAX {
            return Err(QueryError::new(
                QueryErrorKind::Limit,
                *range,
                format!("the query is nested deeper than {DEPTH_MAX} levels"),
            )
            .with_help("parentheses, braces, unary operators and `^` each count as a level"));
        }
    }
    Ok(())
}
