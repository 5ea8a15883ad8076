//! Points in time as text. Invariant: a text that is read names one instant of the proleptic
//! Gregorian calendar (RFC 3339, section 5.6), to the nanosecond.

use std::fmt;

/// Nanoseconds since the Unix epoch, before it negative, of a text such as
/// `2024-05-01T12:00:00.5+02:00`; none where it is no such text. Digits beyond the nanosecond are
/// cut off; a leap second counts as the second after it.
pub(crate) fn nanos(text: &str) -> Option<i128> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(digits) => {
            let end = digits.find(|char: char| !char.is_ascii_digit())?;
            digits.split_at_checked(end)?
        }
        None => ("0", rest),
    };
    let month_right = (1..=12).contains(&month);
    let day_right = (1..=days_of_month(year, month)).contains(&day);
    let time_right = hour < 24 && minute < 60 && second <= 60;
    if fraction.is_empty() || !month_right || !day_right || !time_right {
        return None;
    }
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
        - zone_seconds(zone)?;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(digits.parse::<i64>().ok()?))
}

fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, length) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != length || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(zone.strip_prefix(['+', '-'])?, ':', [2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, counted over whole years and then whole months.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let years = (year - 1970) * 365 + leap_days(before) - leap_days(1969);
    let months: i64 = (1..month).map(|month| days_of_month(year, month)).sum();
    years + months + day - 1
}

/// The day so many days after 1970-01-01: year, month, day.
fn day_of(days: i64) -> [i64; 3] {
    // No year has fewer days than 365, so this one is never before the right one by much.
    let mut year = 1970 + days.div_euclid(366);
    while days_since_epoch(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut left = days - days_since_epoch(year, 1, 1);
    let mut month = 1;
    while left >= days_of_month(year, month) {
        left -= days_of_month(year, month);
        month += 1;
    }
    [year, month, left + 1]
}

/// Writes a point in time with so many digits after the second, up to nine, further ones cut off.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, unix_nanos: u64, digits: usize) -> fmt::Result {
    const SECOND: u64 = 1_000_000_000;
    let (seconds, nanos) = (unix_nanos / SECOND, unix_nanos % SECOND);
    let [year, month, day] = day_of(i64::try_from(seconds / 86_400).unwrap_or(0));
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
    if digits > 0 {
        let fraction = format!("{nanos:09}");
        write!(f, ".{}", fraction.get(..digits).unwrap_or(&fraction))?;
    }
    f.write_str("Z")
}

#[cfg(test)]
mod tests {
    use super::nanos;
    use crate::time::Timestamp;

    #[test]
    fn what_is_written_is_read() {
        let mut point = 0u64;
        for step in 0..4000 {
            let text = Timestamp::from_unix_nanos(point).to_string();
            assert_eq!(nanos(&text), Some(i128::from(point)), "{text}");
            // Through all the years there are, by steps of unlike length.
            point = point.saturating_add(4_611_686_018_427_387 + step * 86_400_000_000_000 % 977);
        }
        assert_eq!(Timestamp::MAX.to_string(), "2554-07-21T23:34:33.709551615Z");
        let short = format!("{:.3}", Timestamp::from_unix_nanos(1_709_164_799_999_999_999));
        assert_eq!(short, "2024-02-28T23:59:59.999Z");
        assert_eq!(format!("{:.0}", Timestamp::default()), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn known_instants() {
        let seconds = |text| nanos(text).map(|nanos| nanos / 1_000_000_000);
        assert_eq!(nanos("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(nanos("1970-01-01T00:00:00.000000001z"), Some(1));
        assert_eq!(nanos("1969-12-31T23:59:59.9Z"), Some(-100_000_000));
        assert_eq!(seconds("2000-03-01T00:00:00Z"), Some(951_868_800));
        assert_eq!(seconds("2024-02-29T12:00:00+02:00"), Some(1_709_200_800));
        assert_eq!(seconds("2023-11-14T22:13:20Z"), Some(1_700_000_000));
        assert_eq!(seconds("2023-11-14T17:13:20-05:00"), Some(1_700_000_000));
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "2024",
            "2024-05-01",
            "2024-05-01T12:00:00",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-05-01T24:00:00Z",
            "2024-05-01T12:00:00.Z",
            "2024-05-01T12:00:00+2:00",
            "2024-05-01T12:00:00Zx",
            "2024-5-01T12:00:00Z",
            "2024-05-0\u{e9}T12:00:00Z",
        ] {
            assert_eq!(nanos(text), None, "{text}");
        }
    }
}
