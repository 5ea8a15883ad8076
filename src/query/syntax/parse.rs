//! From text to tree. Invariant: nothing recurses before the limits are checked, and of several
//! mistakes the first in the text is told.

use lalrpop_util::ParseError;

use super::grammar::QueryParser;
use super::{Query, depth, explain, explain_kind, explain_order, lexer, lower};
use crate::query::QueryError;

/// Reads a query. The tree says what was written; whether its types fit is checked by
/// [`check`](fn@crate::query::check).
///
/// # Errors
/// If the text is not `TraceQL`, or is beyond a limit.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    depth::check_length(text)?;
    let lexed = lexer::lex(text);
    depth::check_depth(&lexed.tokens)?;
    if let (true, None) = (lexed.tokens.is_empty(), &lexed.error) {
        return Err(explain::empty());
    }
    let placed = lexed
        .tokens
        .iter()
        .map(|placed| Ok((placed.range.start, placed.token.clone(), placed.range.end)));
    let error = lexed.error.clone().map(Err);
    let (phrase, hints) =
        QueryParser::new().parse(placed.chain(error)).map_err(|error| match error {
            ParseError::User { error } => error,
            ParseError::UnrecognizedToken { token: (start, _, _), .. }
            | ParseError::ExtraToken { token: (start, _, _) } => {
                let at = lexed.tokens.partition_point(|placed| placed.range.start < start);
                explain_order::unexpected(text, &lexed.tokens, at)
            }
            ParseError::UnrecognizedEof { .. } | ParseError::InvalidToken { .. } => {
                explain_order::unexpected(text, &lexed.tokens, lexed.tokens.len())
            }
        })?;
    lower::query(phrase, hints)
        .map_err(|error| explain_kind::of_whole_condition(text, &lexed.tokens, error))
}
