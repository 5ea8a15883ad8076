//! RFC 3339 texts. Invariant: what is not one is `None`.

/// The nanoseconds since the Unix epoch that the text stands for.
pub(crate) fn rfc3339(text: &str) -> Option<i128> {
    let (date, rest) = text.split_at_checked(10)?;
    let (year, month, day) = (digits(date, 0, 4)?, digits(date, 5, 2)?, digits(date, 8, 2)?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let (hour, minute, second) = (digits(clock, 0, 2)?, digits(clock, 3, 2)?, digits(clock, 6, 2)?);
    let separators = date.as_bytes()[4] == b'-' && date.as_bytes()[7] == b'-';
    if !separators || clock.as_bytes()[2] != b':' || clock.as_bytes()[5] != b':' {
        return None;
    }
    if !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(rest) => {
            let (fraction, zone) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
            let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
            (nanos.parse::<i128>().ok()?, zone)
        }
    };
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let (sign, zone) = zone.split_at_checked(1)?;
            let sign = if sign == "+" { 1 } else { -1 };
            sign * (digits(zone, 0, 2)? * 3600 + digits(zone, 3, 2)? * 60)
        }
    };
    let days = days_before_year(year) + days_before_month(year, month) + day - 1;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(seconds * 1_000_000_000 + fraction)
}

fn digits(text: &str, from: usize, len: usize) -> Option<i128> {
    let digits = text.get(from..from + len)?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn leap(year: i128) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_before_year(year: i128) -> i128 {
    if year < 1970 {
        return -(year..1970).map(|year| if leap(year) { 366 } else { 365 }).sum::<i128>();
    }
    (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum()
}

fn days_before_month(year: i128, month: i128) -> i128 {
    (1..month).map(|month| days_in(year, month)).sum()
}

fn days_in(year: i128, month: i128) -> i128 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
