//! Random query texts in the words of the random forests. Invariant: every text is a right query, and
//! one of the language's filters, spanset operators and (apart) stages.

use std::fmt::{Debug, Display};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The structural operators.
pub(crate) const STRUCTURAL: [&str; 15] =
    [">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~"];

/// An attribute, of any scope.
pub(crate) fn attribute() -> impl Strategy<Value = String> {
    let scope = select(
        &[
            "span.",
            "span.",
            ".",
            ".",
            "resource.",
            "event.",
            "event.",
            "link.",
            "instrumentation.",
            "parent.",
            "parent.span.",
            "parent.resource.",
        ][..],
    );
    let key = select(&["a", "a", "b", "b", "n", "flag", "arr", "\"two words\"", "none"][..]);
    (scope, key).prop_map(|(scope, key)| format!("{scope}{key}"))
}

fn span_attribute() -> impl Strategy<Value = String> {
    attribute().prop_map(|name| name.replace("event.", "span.").replace("link.", "resource."))
}

fn comparison() -> impl Strategy<Value = &'static str> {
    select(&["=", "!=", "<", "<=", ">", ">="][..])
}

fn equality() -> impl Strategy<Value = &'static str> {
    select(&["=", "!="][..])
}

fn matching() -> impl Strategy<Value = &'static str> {
    select(&["=~", "!~"][..])
}

fn string() -> impl Strategy<Value = &'static str> {
    select(
        &[
            r#""x""#,
            r#""y""#,
            r#""xyz""#,
            r#""200""#,
            r#""""#,
            r#""x\ny""#,
            "`Xé`",
            r#""two words""#,
            r#""1""#,
            r#""get""#,
            r#""web""#,
            r#""exception""#,
            r#""z""#,
        ][..],
    )
}

fn pattern() -> impl Strategy<Value = &'static str> {
    select(
        &[
            r#""x.*""#,
            r#"".*y""#,
            r#""x|y""#,
            r#"".""#,
            r#"".*""#,
            r#""""#,
            r"`\d+`",
            r#""[xy]+""#,
            r#""(?i)X.?Z?""#,
            r#""x.y""#,
            r#"".*e.*""#,
            r"`X\pL`",
            r#""g|get""#,
            r#""GET .cart""#,
            r"`X\bé`",
            r"`[\w-]+\B.`",
            r"`two\b.\bw.*`",
        ][..],
    )
}

fn number() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "0",
            "1",
            "2",
            "3",
            "5",
            "200",
            "0.5",
            "1.0",
            "2.5",
            "-1",
            "maxInt",
            "minInt",
            "5ns",
            "10ns",
            "1s",
            "3.5",
            "1e300",
            "9223372036854775807.0",
            "9007199254740992.0",
            "9007199254740993",
        ][..],
    )
}

/// A numeric expression.
fn arithmetic() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => attribute(),
        4 => number().prop_map(|number| {
            if number.starts_with('-') { format!("({number})") } else { number.to_owned() }
        }),
        1 => select(&["duration", "span:childCount", "traceDuration", "nestedSetLeft"][..])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let op = select(&["+", "-", "*", "/", "%"][..]);
        // What a negative exponent makes of an int is not settled.
        let exponent = select(&["0", "2", "3", "0.5"][..]);
        prop_oneof![
            1 => infix(inner.clone(), Just("^"), exponent),
            4 => (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            1 => inner.clone().prop_map(|a| format!("({a})")),
            1 => inner.prop_map(|a| format!("(-{a})")),
        ]
    })
}

/// One condition.
fn condition() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => infix(attribute(), comparison(), string()),
        6 => infix(attribute(), comparison(), number()),
        2 => infix(string(), comparison(), attribute()),
        3 => infix(attribute(), equality(), any::<bool>()),
        4 => infix(attribute(), equality(), Just("nil")),
        3 => infix(attribute(), comparison(), attribute()),
        4 => infix(attribute(), matching(), pattern()),
        3 => attribute(),
        // What `!` does to an event's field within a chain is not settled.
        2 => span_attribute().prop_map(|a| format!("!{a}")),
        1 => span_attribute().prop_map(|a| format!("!!{a}")),
        4 => infix(arithmetic(), comparison(), arithmetic()),
        1 => (arithmetic(), arithmetic(), equality())
            .prop_map(|(a, b, op)| format!("({a} + {b}) {op} nil")),
        18 => of_intrinsics(),
        1 => any::<bool>().prop_map(|value| value.to_string()),
    ]
}

fn infix<L: Display + Debug, R: Display + Debug>(
    left: impl Strategy<Value = L>,
    op: impl Strategy<Value = &'static str>,
    right: impl Strategy<Value = R>,
) -> impl Strategy<Value = String> {
    (left, op, right).prop_map(|(left, op, right)| format!("{left} {op} {right}"))
}

/// A condition on a field that every span, event or link has.
fn of_intrinsics() -> impl Strategy<Value = String> {
    let texts = select(
        &[
            "name",
            "statusMessage",
            "rootName",
            "rootServiceName",
            "event:name",
            "instrumentation:name",
            "instrumentation:version",
            "resource.service.name",
            "parent.name",
            "parent.resource.service.name",
        ][..],
    );
    let ids = select(&["span:id", "span:parentID", "trace:id", "link:traceID", "link:spanID"][..]);
    let id = select(
        &[
            r#""""#,
            r#""0""#,
            r#""101""#,
            r#""AB00000000000103""#,
            r#""ab00000000000100""#,
            r#""0000000000000102""#,
            r#""no""#,
            r#""d1""#,
            r#""1""#,
            r#""202""#,
        ][..],
    );
    let numbers = select(
        &[
            "duration",
            "traceDuration",
            "span:childCount",
            "nestedSetLeft",
            "nestedSetRight",
            "nestedSetParent",
            "event:timeSinceStart",
            "parent.duration",
            "span:depth",
            "span:selfDuration",
            "trace:spanCount",
            "trace:serviceCount",
            "trace:errorCount",
        ][..],
    );
    let kinds =
        select(&["unspecified", "internal", "server", "client", "producer", "consumer"][..]);
    prop_oneof![
        3 => infix(texts.clone(), comparison(), string()),
        2 => infix(texts, matching(), pattern()),
        2 => infix(ids.clone(), comparison(), id),
        1 => infix(ids, matching(), Just(r#"".*(2|0)1.*""#)),
        4 => infix(numbers, comparison(), number()),
        3 => infix(Just("kind"), equality(), kinds),
        2 => infix(Just("status"), equality(), select(&["ok", "error", "unset"][..])),
    ]
}

/// What stands between `{` and `}`.
pub(crate) fn expression() -> impl Strategy<Value = String> {
    condition().prop_recursive(3, 10, 4, |inner| {
        let op = select(&["&&", "&&", "||"][..]);
        let more = vec((op, inner.clone()), 1..4);
        prop_oneof![
            5 => (inner.clone(), more).prop_map(|(first, rest)| {
                rest.iter().fold(first, |all, (op, next)| format!("{all} {op} {next}"))
            }),
            2 => inner.clone().prop_map(|inner| format!("({inner})")),
            1 => condition().prop_map(|condition| format!("!({condition})")),
            1 => inner.prop_map(|inner| format!("!({inner} && true)")),
        ]
    })
}

/// A filter.
pub(crate) fn filter() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => expression().prop_map(|expression| format!("{{ {expression} }}")),
        // Wide filters, so that operators have something to do.
        5 => select(&["{ }", "{ kind = server }", "{ kind = client }", "{ kind != server }",
            "{ span:childCount > 0 }", "{ name = \"get\" }", "{ duration > 5 }"][..])
            .prop_map(str::to_owned),
    ]
}

/// A spanset expression: filters under structural and set operators.
pub(crate) fn spanset() -> impl Strategy<Value = String> {
    filter().prop_recursive(3, 8, 3, |inner| {
        let op = prop_oneof![
            4 => select(&STRUCTURAL[..]),
            1 => Just("&&"),
            1 => Just("||"),
            1 => Just("unless"),
        ];
        let more = vec((op, inner.clone()), 1..3);
        prop_oneof![
            3 => (inner.clone(), more).prop_map(|(first, rest)| {
                rest.iter().fold(first, |all, (op, next)| format!("{all} {op} {next}"))
            }),
            1 => inner.prop_map(|inner| format!("({inner})")),
        ]
    })
}

/// A pipeline of two stages or more.
pub(crate) fn pipeline() -> impl Strategy<Value = String> {
    let aggregate = prop_oneof![
        Just("count()".to_owned()),
        (
            select(&["avg", "min", "max", "sum"][..]),
            select(&["duration", "span.n", ".a", "event.n", "span:childCount"][..]),
        )
            .prop_map(|(function, field)| format!("{function}({field})")),
    ];
    let by = prop_oneof![
        2 => attribute(),
        2 => select(&["name", "kind", "status", "resource.service.name", "span:childCount"][..])
            .prop_map(str::to_owned),
    ];
    let stage = prop_oneof![
        3 => (aggregate, comparison(), select(&["0", "1", "2", "3", "2.5"][..]))
            .prop_map(|(aggregate, op, constant)| format!("{aggregate} {op} {constant}")),
        3 => by.prop_map(|by| format!("by({by})")),
        1 => Just("coalesce()".to_owned()),
        1 => spanset(),
        1 => attribute().prop_map(|field| format!("select({field})")),
    ];
    let first = prop_oneof![1 => Just("{ }".to_owned()), 1 => spanset()];
    (first, vec(stage, 1..4)).prop_map(|(first, stages)| {
        stages.iter().fold(first, |all, stage| format!("{all} | {stage}"))
    })
}
