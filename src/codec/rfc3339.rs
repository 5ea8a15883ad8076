//! Points in time as text. Invariant: a text that is read names one instant of the proleptic
//! Gregorian calendar (RFC 3339, section 5.6), to the nanosecond.

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

#[cfg(test)]
mod tests {
    use super::nanos;

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
