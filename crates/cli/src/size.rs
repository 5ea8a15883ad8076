//! Numbers of bytes as people write them. Invariant: what is parsed is exact, or rounded down to a byte.

/// Units, and how many bytes each is.
const UNITS: [(&str, u64); 10] = [
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("", 1),
];

/// Bytes, such as `500MB`, `1.5 GiB` or `20000000`; units in either case.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    bytes(text.trim())
        .ok_or_else(|| "expected a number of bytes, such as `500MB` or `2GiB`".to_owned())
}

fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().ok()?;
    if fraction.len() > 12 || number.ends_with('.') {
        return None;
    }
    let digits: u128 = format!("0{fraction}").parse().ok()?;
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = u64::try_from(digits * u128::from(*size) / scale).ok()?;
    whole.checked_mul(*size)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_written() {
        for (text, expected) in [
            ("500MB", 500_000_000),
            ("2GiB", 2 << 30),
            ("1.5 kib", 1536),
            ("16777216", 1 << 24),
            ("0.25tb", 250_000_000_000),
            (" 7 B ", 7),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "MB", "-1MB", "1.MB", "1..5MB", "5M", "5 apples", "99999999999TB", ".5GB"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
