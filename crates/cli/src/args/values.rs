//! Single values on the command line. Invariant: what is refused is said with what would be right.

use treering::TraceId;

/// A largest number; `None` is all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Most(pub(crate) Option<usize>);

/// A number from 1, or `all`.
pub(crate) fn most(text: &str) -> Result<Most, String> {
    if text == "all" {
        return Ok(Most(None));
    }
    match text.parse() {
        Ok(number) if number > 0 => Ok(Most(Some(number))),
        _ => Err("expected a number from 1, or `all`".to_owned()),
    }
}

/// A number from 0.
pub(super) fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().ok_or_else(|| "expected a number from 0".to_owned())
}

/// An id of a trace, whose leading zeros may be left out.
pub(crate) fn trace_id(text: &str) -> Result<TraceId, String> {
    let wrong = || format!("expected up to 32 hex digits, got {} characters", text.chars().count());
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || text.len() > 32 {
        return Err(wrong());
    }
    let Ok(id) = format!("{text:0>32}").parse() else { return Err(wrong()) };
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_may_lack_leading_zeros() {
        assert_eq!(trace_id("ff").unwrap().to_string(), format!("{:0>32}", "ff"));
        assert!(trace_id("").is_err());
        assert!(trace_id("xyz").is_err());
        assert!(trace_id(&"1".repeat(33)).is_err());
    }

    #[test]
    fn all_is_no_limit_and_zero_is_refused() {
        assert_eq!(most("all").unwrap(), Most(None));
        assert_eq!(most("7").unwrap(), Most(Some(7)));
        assert!(most("0").is_err());
        assert!(most("-1").is_err());
    }
}
