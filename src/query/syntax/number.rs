//! Numbers and durations as they are written. Invariant: a literal is exact or an error; nothing
//! wraps, saturates or is guessed.

use super::{Literal, TextRange};
use crate::query::{QueryError, QueryErrorKind};

/// Nanoseconds of the units of a duration, longest first. Decimals know those from `h` down.
pub(super) const UNITS: [(&str, u64); 11] = [
    ("y", 365 * 24 * 3_600 * 1_000_000_000),
    ("w", 7 * 24 * 3_600 * 1_000_000_000),
    ("d", 24 * 3_600 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ns", 1),
];

/// The first unit of [`UNITS`] that the decimal style has.
const DECIMAL_FIRST: usize = 3;
/// The last unit of [`UNITS`] that the falling style has.
const FALLING_LAST: usize = 6;

/// The unit of durations that `word` is, or says in full.
pub(super) fn meant_unit(word: &str) -> Option<&'static str> {
    if let Some((unit, _)) = UNITS.iter().find(|(unit, _)| *unit == word) {
        return Some(unit);
    }
    let lower = word.to_lowercase();
    let singular = lower.strip_suffix('s').filter(|stem| stem.len() > 1).unwrap_or(&lower);
    Some(match singular {
        "y" | "yr" | "year" => "y",
        "w" | "wk" | "week" => "w",
        "d" | "day" => "d",
        "h" | "hr" | "hour" => "h",
        "m" | "min" | "minute" => "m",
        "s" | "sec" | "second" => "s",
        "ms" | "msec" | "milli" | "millisecond" => "ms",
        "us" | "usec" | "micro" | "microsecond" => "us",
        "ns" | "nsec" | "nano" | "nanosecond" => "ns",
        _ => return None,
    })
}

/// The bytes at the start of `text` that belong to one number or duration.
pub(super) fn run_length(text: &str) -> usize {
    let mut mantissa_only = true;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            'e' | 'E' if mantissa_only => {
                mantissa_only = false;
                let mut ahead = text.get(at + 1..).unwrap_or("").chars();
                let sign = matches!(ahead.next(), Some('+' | '-'));
                if sign && ahead.next().is_some_and(|char| char.is_ascii_digit()) {
                    chars.next();
                }
            }
            '0'..='9' | '.' => {}
            '_' | '\u{b5}' | '\u{3bc}' => mantissa_only = false,
            char if char.is_ascii_alphabetic() => mantissa_only = false,
            _ => return at,
        }
    }
    text.len()
}

/// The literal that `run`, found at `start`, spells.
pub(super) fn literal(run: &str, start: usize) -> Result<Literal, QueryError> {
    let range = TextRange { start, end: start + run.len() };
    let error = |message: String| QueryError::new(QueryErrorKind::Number, range, message);
    if run.bytes().all(|byte| byte.is_ascii_digit()) {
        return run.parse().map(Literal::Int).map_err(|_overflow| {
            error(format!("`{run}` is too large for a 64-bit integer"))
                .with_help(format!("the largest is {}, or `maxInt`, the least `minInt`", i64::MAX))
        });
    }
    if run.contains('_') {
        let plain = run.replace('_', "");
        return Err(error(format!("`{run}` is not a number: digits stand without `_`"))
            .with_help(format!("write `{plain}`")));
    }
    if is_float(run) {
        return match run.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Literal::Float(value)),
            _ => Err(error(format!("`{run}` is too large for a float"))
                .with_help("the largest is about 1.8e308")),
        };
    }
    let lower = run.to_ascii_lowercase();
    if let Some(digits) = ["0x", "0b", "0o"].iter().find_map(|prefix| lower.strip_prefix(prefix)) {
        let radix = if lower.starts_with("0x") {
            16
        } else if lower.starts_with("0b") {
            2
        } else {
            8
        };
        let error = error(format!("`{run}` is not a number: integers are decimal"));
        return Err(match i64::from_str_radix(digits, radix) {
            Ok(value) => error.with_help(format!("write `{value}`")),
            Err(_) => error.with_help("write the number in decimal digits"),
        });
    }
    duration(run, range).map(Literal::Duration)
}

fn is_float(run: &str) -> bool {
    let (mantissa, exponent) = match run.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (run, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_right =
        digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_right = exponent.is_none_or(|exponent| {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !unsigned.is_empty() && digits(unsigned)
    });
    mantissa_right && exponent_right
}

/// One number with its unit.
struct Part<'t> {
    whole: &'t str,
    fraction: Option<&'t str>,
    /// Its place in [`UNITS`].
    unit: usize,
}

fn duration(run: &str, range: TextRange) -> Result<i64, QueryError> {
    let error = |message: String| QueryError::new(QueryErrorKind::Number, range, message);
    let parts = parts(run, range)?;
    let decimal = parts.iter().all(|part| part.unit >= DECIMAL_FIRST);
    let falling = parts.iter().all(|part| part.unit <= FALLING_LAST && part.fraction.is_none())
        && parts.is_sorted_by(|a, b| a.unit < b.unit);
    if !decimal && !falling {
        return Err(error(format!("`{run}` mixes the two ways to write a duration")).with_help(
            "either whole numbers in falling order of `y w d h m s ms`, such as `1d12h`, \
             or decimals of `h m s ms us ns`, such as `1.5h30m`",
        ));
    }
    let mut total: u128 = 0;
    for part in &parts {
        let unit = UNITS.get(part.unit).map_or(0, |(_, nanos)| u128::from(*nanos));
        total = nanos(part, unit).and_then(|nanos| total.checked_add(nanos)).unwrap_or(u128::MAX);
        if i64::try_from(total).is_err() {
            return Err(error(format!("`{run}` is too long a duration"))
                .with_help("the longest is about 292 years (2562047h47m16s)"));
        }
    }
    i64::try_from(total).map_err(|_overflow| error(format!("`{run}` is too long a duration")))
}

/// The nanoseconds of `part`, a fraction of a nanosecond cut off; none where they overflow.
fn nanos(part: &Part<'_>, unit: u128) -> Option<u128> {
    let whole = if part.whole.is_empty() { 0 } else { part.whole.parse::<u128>().ok()? };
    let mut nanos = whole.checked_mul(unit)?;
    let mut scale: u128 = 1;
    let mut fraction: u128 = 0;
    // No unit has more than 13 decimal digits of nanoseconds: further digits add nothing.
    for digit in part.fraction.unwrap_or("").bytes().take(18) {
        scale *= 10;
        fraction = fraction * 10 + u128::from(digit.wrapping_sub(b'0'));
    }
    nanos = nanos.checked_add(fraction * unit / scale)?;
    Some(nanos)
}

fn parts(run: &str, range: TextRange) -> Result<Vec<Part<'_>>, QueryError> {
    let error = |message: String| QueryError::new(QueryErrorKind::Number, range, message);
    let mut parts = Vec::new();
    let mut rest = run;
    while !rest.is_empty() {
        let number_end =
            rest.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let unit_end =
            after.find(|char: char| char.is_ascii_digit() || char == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        rest = after;
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (number, None),
        };
        let malformed = fraction.is_some_and(|fraction| fraction.contains('.'))
            || (whole.is_empty() && fraction.is_none_or(str::is_empty));
        if malformed {
            return Err(error(format!("`{run}` is not a number"))
                .with_help("numbers are `15`, `1.5`, `1e3`, `1.5s`, `1h30m`"));
        }
        if unit.is_empty() {
            let what = if parts.is_empty() { "a number" } else { "a duration" };
            return Err(error(format!("`{run}` is not {what}"))
                .with_help(format!("`{number}` needs a unit: one of `y w d h m s ms us ns`")));
        }
        let Some(unit) = UNITS.iter().position(|(name, _)| *name == unit) else {
            let error = |right: String| {
                let message = format!("`{run}` is not a number: there is no unit `{unit}`");
                error(message).with_help(right)
            };
            let is_id = matches!(run.len(), 16 | 32) && run.bytes().all(|b| b.is_ascii_hexdigit());
            if is_id {
                let field = if run.len() == 32 { "trace:id" } else { "span:id" };
                return Err(error(format!(
                    "an id is written in quotes: `{{ {field} = \"{run}\" }}`"
                )));
            }
            if let Some(meant) = meant_unit(unit) {
                return Err(error(format!("write `{number}{meant}`")));
            }
            return Err(error(
                "units are `y w d h m s ms us ns`; an attribute name that starts with a digit is quoted, as in `.\"5xx\"`".into(),
            ));
        };
        parts.push(Part { whole, fraction, unit });
    }
    Ok(parts)
}
