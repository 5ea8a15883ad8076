//! Queries from a fuzzer's bytes, in the words of the fuzzer's spans. Invariant: every text has the
//! form of a query; its types may still not fit.

use crate::bytes::Bytes;

const STRUCTURAL: [&str; 15] =
    [">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~"];
const SETS: [&str; 3] = ["&&", "||", "unless"];
const COMPARE: [&str; 8] = ["=", "!=", "<", "<=", ">", ">=", "=~", "!~"];
const SCOPES: [&str; 9] = [
    "span.",
    ".",
    "resource.",
    "event.",
    "link.",
    "instrumentation.",
    "parent.",
    "parent.span.",
    "parent.resource.",
];
const KEYS: [&str; 9] =
    ["a", "b", "n", "flag", "arr", "\"two words\"", "service.name", "\"\"", "none"];
const INTRINSICS: [&str; 34] = [
    "name",
    "kind",
    "status",
    "duration",
    "statusMessage",
    "rootName",
    "rootServiceName",
    "traceDuration",
    "event:name",
    "event:timeSinceStart",
    "link:traceID",
    "link:spanID",
    "instrumentation:name",
    "instrumentation:version",
    "span:id",
    "span:parentID",
    "trace:id",
    "span:childCount",
    "nestedSetLeft",
    "nestedSetRight",
    "nestedSetParent",
    "span:depth",
    "span:selfDuration",
    "trace:spanCount",
    "trace:serviceCount",
    "trace:errorCount",
    "span:startTime",
    "span:endTime",
    "trace:startTime",
    "parent.name",
    "parent.kind",
    "parent.duration",
    "parent.span:id",
    "parent.nestedSetLeft",
];
const LITERALS: [&str; 40] = [
    "\"x\"",
    "\"y\"",
    "\"xyz\"",
    "\"200\"",
    "\"\"",
    "\"x\\ny\"",
    "`X\u{e9}`",
    "\"get\"",
    "\"web\"",
    "\"exception\"",
    "\"101\"",
    "\"AB00000000000103\"",
    "\"d1\"",
    "\"2026-11-22T08:00:00.000000007Z\"",
    "0",
    "1",
    "2",
    "5",
    "200",
    "0.5",
    "1.0",
    "2.5",
    "-1",
    "maxInt",
    "minInt",
    "1e300",
    "9223372036854775807.0",
    "1795334400000000007",
    "5ns",
    "10ns",
    "1s",
    "true",
    "false",
    "nil",
    "server",
    "client",
    "unspecified",
    "error",
    "ok",
    "unset",
];
const PATTERNS: [&str; 10] = [
    "\"x.*\"",
    "\".*y\"",
    "\"x|y\"",
    "\".\"",
    "\".*\"",
    "\"\"",
    "`\\d+`",
    "\"(?i)X.?Z?\"",
    "`X\\pL`",
    "\"[xy]+\"",
];

/// A search.
pub(crate) fn search(bytes: &mut Bytes<'_>) -> String {
    let mut text = if bytes.once_in(8) { stage(bytes) } else { spansets(bytes, 2) };
    for _ in 0..bytes.below(8).saturating_sub(4) {
        text.push_str(" | ");
        text.push_str(&stage(bytes));
    }
    text
}

fn stage(bytes: &mut Bytes<'_>) -> String {
    match bytes.below(6) {
        0 => spansets(bytes, 1),
        1 => format!("by({})", field(bytes)),
        2 => "coalesce()".to_owned(),
        3 => format!("select({}, {})", field(bytes), field(bytes)),
        4 => format!("{} {} {}", aggregate(bytes), bytes.pick(&COMPARE[..6]), aggregate(bytes)),
        _ => {
            let constant = bytes.pick(&["0", "1", "2", "3", "2.5", "5ns"]);
            format!("{} {} {constant}", aggregate(bytes), bytes.pick(&COMPARE[..6]))
        }
    }
}

fn aggregate(bytes: &mut Bytes<'_>) -> String {
    match bytes.below(4) {
        0 => "count()".to_owned(),
        1 => format!("({} | count())", spansets(bytes, 0)),
        2 => format!("{}({})", bytes.pick(&["avg", "min", "max", "sum"]), value(bytes, 1)),
        _ => format!("{}({})", bytes.pick(&["avg", "min", "max", "sum"]), field(bytes)),
    }
}

fn spansets(bytes: &mut Bytes<'_>, depth: u8) -> String {
    match bytes.below(if depth == 0 { 4 } else { 8 }) {
        0 => "{ }".to_owned(),
        1..4 => format!("{{ {} }}", condition(bytes, 2)),
        4..7 => {
            let op = if bytes.once_in(4) { bytes.pick(&SETS) } else { bytes.pick(&STRUCTURAL) };
            format!("{} {op} {}", spansets(bytes, depth - 1), spansets(bytes, depth - 1))
        }
        _ if bytes.once_in(2) => {
            format!("({} | {})", spansets(bytes, depth - 1), stage(bytes))
        }
        _ => format!("({})", spansets(bytes, depth - 1)),
    }
}

fn condition(bytes: &mut Bytes<'_>, depth: u8) -> String {
    match bytes.below(if depth == 0 { 8 } else { 12 }) {
        0 | 1 => {
            format!("{} {} {}", field(bytes), bytes.pick(&COMPARE[..6]), bytes.pick(&LITERALS))
        }
        2 => format!("{} {} {}", field(bytes), bytes.pick(&COMPARE[6..]), bytes.pick(&PATTERNS)),
        3 => format!("{} {} nil", field(bytes), bytes.pick(&COMPARE[..2])),
        4 => format!("{} {} {}", value(bytes, 1), bytes.pick(&COMPARE[..6]), value(bytes, 1)),
        5 => format!("{}{}", bytes.pick(&["", "!", "!!"]), attribute(bytes)),
        6 => format!("{} {} {}", bytes.pick(&LITERALS), bytes.pick(&COMPARE[..6]), field(bytes)),
        7 => bytes.pick(&["kind = server", "status = error", "duration > 5", "true"]).to_owned(),
        8..11 => {
            let (left, op) = (condition(bytes, depth - 1), bytes.pick(&["&&", "||"]));
            format!("{left} {op} {}", condition(bytes, depth - 1))
        }
        _ => format!("{}({})", bytes.pick(&["!", ""]), condition(bytes, depth - 1)),
    }
}

fn value(bytes: &mut Bytes<'_>, depth: u8) -> String {
    match bytes.below(if depth == 0 { 4 } else { 7 }) {
        0..2 => field(bytes),
        2 | 3 => bytes.pick(&LITERALS[14..31]).replace('-', "0 - "),
        4 => format!("(-{})", value(bytes, depth - 1)),
        _ => {
            let op = bytes.pick(&["+", "-", "*", "/", "%", "^"]);
            format!("({} {op} {})", value(bytes, depth - 1), value(bytes, depth - 1))
        }
    }
}

/// An attribute or an intrinsic.
pub(crate) fn field(bytes: &mut Bytes<'_>) -> String {
    if bytes.once_in(2) { bytes.pick(&INTRINSICS).to_owned() } else { attribute(bytes) }
}

fn attribute(bytes: &mut Bytes<'_>) -> String {
    format!("{}{}", bytes.pick(&SCOPES), bytes.pick(&KEYS))
}
