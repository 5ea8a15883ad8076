//! Points and lengths of time as people write them. Invariant: what is read, and what is written here,
//! is exact to the nanosecond.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, SpanRelativeTo};
use treering::Timestamp;

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// A point in time: RFC 3339; a day or a time of day in UTC, as times are shown; `now`, `today`,
/// `yesterday`; a length before now, such as `2h`, `2h ago` or `-1d12h`, or after it, `+30s`; Unix
/// seconds with or without a fraction.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    parse_at(text.trim(), Timestamp::now())
}

fn parse_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if text == "now" {
        return Ok(now);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return unix_seconds(text).ok_or_else(wrong_time);
    }
    if let Some(moved) = moved(text, now) {
        return moved;
    }
    let point = text.parse::<jiff::Timestamp>().ok().or_else(|| civil(text, now));
    let Some(point) = point else { return Err(wrong_time()) };
    match u64::try_from(point.as_nanosecond()) {
        Ok(nanos) => Ok(Timestamp::from_unix_nanos(nanos)),
        Err(_) => Err("expected a time from 1970 to 2554".to_owned()),
    }
}

fn wrong_time() -> String {
    "expected a time such as `2h` (ago), `yesterday`, `2026-11-20`, `2026-11-20 14:00` (UTC), \
     `2026-11-22T08:00:00+01:00`, Unix seconds or `now`"
        .to_owned()
}

/// A time that is so long before or after now, if there is such; `None` where `text` is no length.
fn moved(text: &str, now: Timestamp) -> Option<Result<Timestamp, String>> {
    let now = now.unix_nanos();
    let moved = if let Some(rest) = text.strip_prefix('+') {
        now.checked_add(length(rest)?)
    } else {
        let rest = text.strip_prefix('-').unwrap_or(text);
        let rest = rest.strip_suffix("ago").map_or(rest, str::trim_end);
        now.checked_sub(length(rest)?)
    };
    Some(moved.map(Timestamp::from_unix_nanos).ok_or_else(wrong_time))
}

/// A day, a time of today or a time of some day, in UTC.
fn civil(text: &str, now: Timestamp) -> Option<jiff::Timestamp> {
    let now = jiff::Timestamp::from_nanosecond(i128::from(now.unix_nanos())).ok()?;
    let today = now.to_zoned(TimeZone::UTC).date();
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let day: Option<Date> = match first {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        "tomorrow" => today.tomorrow().ok(),
        _ => None,
    };
    let point = match (day, rest.trim()) {
        (Some(day), "") => day.to_datetime(Time::midnight()),
        (Some(day), rest) => day.to_datetime(rest.parse().ok()?),
        (None, _) => match text.parse::<DateTime>() {
            Ok(point) => point,
            Err(_) => today.to_datetime(text.parse().ok()?),
        },
    };
    Some(point.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn unix_seconds(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let seconds: u64 = seconds.parse().ok()?;
    let nanos: u64 = format!("{fraction:0<9}").parse().ok()?;
    seconds.checked_mul(SECOND)?.checked_add(nanos).map(Timestamp::from_unix_nanos)
}

/// A length of time, such as `500ms`, `1m30s` or `1h 30m`.
pub(crate) fn parse_length(text: &str) -> Result<std::time::Duration, String> {
    let nanos =
        length(text.trim()).ok_or("expected a length of time, such as `500ms` or `1m30s`")?;
    Ok(std::time::Duration::from_nanos(nanos))
}

/// Nanoseconds of a length such as `15m` or `1d12h`; a day has 24 hours.
fn length(text: &str) -> Option<u64> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let span: jiff::Span = text.parse().ok()?;
    let length: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    u64::try_from(length.as_nanos()).ok()
}

/// A length of time exactly: `1m0.000000001s`, `1.5ms`, `-3s`, `0s`.
pub(crate) fn exact(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let text = match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{size}ns"),
        1_000..1_000_000 => decimal(size, 3, "µs"),
        1_000_000..SECOND => decimal(size, 6, "ms"),
        _ => {
            let minutes = size / (60 * SECOND);
            let rest = decimal(size % (60 * SECOND), 9, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => rest,
                (0, minutes) => format!("{minutes}m{rest}"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
            }
        }
    };
    format!("{sign}{text}")
}

/// `value` with its last `places` digits after the point, without zeros at the end.
fn decimal(value: u64, places: u32, unit: &str) -> String {
    let one = 10_u64.pow(places);
    let width = usize::try_from(places).unwrap_or(0);
    let digits = format!("{:0width$}", value % one);
    let fraction = digits.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}{unit}", value / one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> u64 {
        parse_at(text, Timestamp::from_unix_nanos(1_000_000 * SECOND)).unwrap().unix_nanos()
    }

    #[test]
    fn times_are_read_exactly() {
        assert_eq!(nanos("2026-11-22T08:00:00Z"), 1_795_334_400 * SECOND);
        assert_eq!(nanos("2026-11-22T09:00:00.000000001+01:00"), 1_795_334_400 * SECOND + 1);
        assert_eq!(nanos("1795334400"), 1_795_334_400 * SECOND);
        assert_eq!(nanos("1795334400.25"), 1_795_334_400 * SECOND + 250_000_000);
        assert_eq!(nanos("now"), 1_000_000 * SECOND);
        assert_eq!(nanos("-15m"), (1_000_000 - 900) * SECOND);
        assert_eq!(nanos("-1d12h"), (1_000_000 - 129_600) * SECOND);
        assert_eq!(nanos("+30s"), 1_000_030 * SECOND);
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let midnight = 11 * 86_400 * SECOND;
        let at = |hours: u64, minutes: u64| midnight + (hours * 60 + minutes) * 60 * SECOND;
        assert_eq!(nanos("2h"), (1_000_000 - 7_200) * SECOND);
        assert_eq!(nanos("1h30m ago"), (1_000_000 - 5_400) * SECOND);
        assert_eq!(nanos("2 hours ago"), (1_000_000 - 7_200) * SECOND);
        assert_eq!(nanos("today"), midnight);
        assert_eq!(nanos("yesterday"), midnight - 86_400 * SECOND);
        assert_eq!(nanos("yesterday 14:00"), at(14, 0) - 86_400 * SECOND);
        assert_eq!(nanos("14:05"), at(14, 5));
        assert_eq!(nanos("2026-11-20"), (1_795_334_400 - 56 * 3600) * SECOND);
        assert_eq!(nanos("2026-11-20 14:00"), (1_795_334_400 - 42 * 3600) * SECOND);
        assert_eq!(nanos("2026-11-20T14:00:00.5"), nanos("2026-11-20 14:00") + SECOND / 2);
        assert_eq!(parse_length("1h30m").unwrap().as_secs(), 5_400);
        assert_eq!(parse_length("1h 30m").unwrap().as_secs(), 5_400);
        assert!(parse_length("2h ago").is_err());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            ".",
            "1.",
            "1.2.3",
            "-",
            "--1m",
            "-x",
            "ago",
            "soon",
            "last tuesday",
            "yesterday noon",
            "2026-13-01",
            "25:00",
            "yesterday",
            "2h",
            "-99999d",
            "1969-01-01T00:00:00Z",
            "99999999999999999999",
        ] {
            assert!(parse_at(text, Timestamp::from_unix_nanos(SECOND)).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_read_as_people_write_them() {
        let exactly = [0, 999, 1_500, 1_500_000, 2_000_000_000, 60_000_000_001, -90_000_000_000];
        let texts = exactly.map(exact);
        assert_eq!(texts, ["0s", "999ns", "1.5µs", "1.5ms", "2s", "1m0.000000001s", "-1m30s"]);
        assert_eq!(exact(i64::MIN), "-2562047h47m16.854775808s");
    }
}
