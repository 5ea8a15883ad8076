//! Every word and sign of the language, for pages, suggestions and editors. Invariant: what is listed
//! here is what the lexer and the functions' own code know.

use super::{lexer, number};

/// Every function: stages, aggregates, metrics functions and the steps after these.
pub const FUNCTIONS: [&str; 19] = [
    "by",
    "coalesce",
    "select",
    "count",
    "avg",
    "max",
    "min",
    "sum",
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
    "topk",
    "bottomk",
];

/// Every word that is no function and no field.
pub const KEYWORDS: [&str; 16] = [
    "with",
    "unless",
    "true",
    "false",
    "nil",
    "minInt",
    "maxInt",
    "error",
    "ok",
    "unset",
    "unspecified",
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
];

/// Every operator, bracket and other sign.
pub fn signs() -> impl Iterator<Item = &'static str> {
    lexer::OPERATORS.iter().map(|(sign, _)| *sign)
}

/// What may stand before the name of an attribute, its dot included: the scopes, and `parent.`.
pub fn prefixes() -> impl Iterator<Item = &'static str> {
    lexer::SCOPES.iter().map(|(scope, _)| *scope).chain([".", lexer::PARENT])
}

/// The units of durations, longest first; microseconds may be written in three ways.
pub fn units() -> impl Iterator<Item = &'static str> {
    number::UNITS.iter().map(|(unit, _)| *unit)
}

#[cfg(test)]
mod tests {
    use super::super::token::Token;
    use super::*;

    #[test]
    fn no_listed_word_is_just_a_word() {
        for word in KEYWORDS {
            let tokens = lexer::lex(word).tokens;
            assert!(tokens.len() == 1 && !matches!(tokens[0].token, Token::Word(_)), "{word}");
        }
        for prefix in prefixes() {
            let tokens = lexer::lex(&format!("{prefix}x")).tokens;
            assert!(tokens.len() == 1 && matches!(tokens[0].token, Token::Field(_)), "{prefix}");
        }
    }
}
