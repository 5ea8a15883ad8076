//! RFC 3339 times as numbers. Invariant: only a time of the calendar has a number.

/// Nanoseconds from the Unix epoch to the RFC 3339 time in `text`, negative before it.
pub(super) fn nanos(text: &str) -> Option<i128> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-');
    let (year, month) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?);
    let days = days(year, month, digits(date.next()?, 2)?)?;
    let (clock, offset) = split_offset(time)?;
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(a, b)| (a, Some(b)));
    let mut clock = clock.splitn(3, ':');
    let (hour, minute) = (digits(clock.next()?, 2)?, digits(clock.next()?, 2)?);
    let second = digits(clock.next()?, 2)?;
    // A leap second counts as the first one after it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(fraction.map_or(Some(0), nano_part)?))
}

/// Splits the clock from its offset from UTC, in seconds.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let at = time.rfind(['+', '-'])?;
    let (clock, offset) = time.split_at_checked(at)?;
    let (hour, minute) = offset.get(1..)?.split_once(':')?;
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    if hour > 23 || minute > 59 {
        return None;
    }
    let seconds = hour * 3600 + minute * 60;
    Some((clock, if offset.starts_with('-') { -seconds } else { seconds }))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

/// The nanoseconds of a decimal fraction; digits beyond the ninth are dropped.
fn nano_part(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let places = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(places.fold(0, |nanos, digit| nanos * 10 + i64::from(digit - b'0')))
}

/// Days from the Unix epoch to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years are taken from March on, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_fractions_and_offsets() {
        let second = 1_000_000_000;
        assert_eq!(nanos("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(nanos("2026-11-22T08:00:00.5Z"), Some(1_795_334_400 * second + second / 2));
        assert_eq!(nanos("2000-02-29T23:59:59-01:30"), nanos("2000-03-01T01:29:59Z"));
        assert_eq!(nanos("1969-12-31T23:59:59.999999999Z"), Some(-1));
        assert_eq!(nanos("1970-01-01T01:00:00+01:00"), Some(0));
    }

    #[test]
    fn what_is_no_time_has_no_number() {
        let texts = [
            "",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01",
            "2026-01-01T00:00:00",
        ];
        let more = [
            "2026-1-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00.Z",
            "x-01-01T00:00:00Z",
        ];
        for text in texts.into_iter().chain(more) {
            assert_eq!(nanos(text), None, "{text}");
        }
    }
}
