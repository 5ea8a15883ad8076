//! What types promise beside their methods. Invariant: what a service shares between its threads can be
//! shared, and nothing that is shown in a log is empty.

use std::collections::HashSet;
use std::error::Error as _;
use std::hash::Hash;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde::de::DeserializeOwned;
use treering::model::{
    Attribute, AttributeRef, EntityRef, EventRef, InstrumentationScope, Link, LinkRef, OneLine,
    OriginBytes, Refusal, Resource, ShortDuration, Span, SpanKind, SpanRef, SpanSink, Status,
    StatusCode, Trace, Value, ValueRef, Waterfall, WaterfallLine,
};
use treering::otlp::{OtlpError, Rejection};
use treering::query::syntax::{
    AggregateOp, ArithmeticOp, AttributeScope, BinaryOp, CompareOp, Field, FieldExpr,
    FieldExprKind, FieldKind, Form, Hint, Intrinsic, KindLiteral, Literal, MetricsExpr,
    MetricsExprKind, MetricsField, MetricsFunction, MetricsStep, Pipeline, Query, Relation,
    ScalarExpr, ScalarExprKind, ScalarFilter, SpansetExpr, SpansetOp, Stage, StatusLiteral,
    TextRange, UnaryOp, ValueType,
};
use treering::query::{
    CheckedQuery, FieldValue, QueryError, QueryErrorKind, SearchMetrics, SearchResult, SpanMatch,
    Spanset, TraceMatch,
};
use treering::{
    Batch, CancelToken, Counts, Cursor, Durability, Error, ErrorKind, Event, Explanation, Fault,
    Ingested, Limits, Maintained, Maintenance, Matches, Options, Order, ParseCursorError,
    ParseIdError, ParseTagScopeError, Place, PreparedQuery, Purged, Salvaged, ScopeTags,
    SearchOptions, SpanId, Stats, Store, TagName, TagNames, TagOptions, TagScope, TagValue,
    TagValues, Timestamp, ToQuery, TraceId, Verification, Work,
};

#[test]
fn everything_goes_from_thread_to_thread() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<(Store, Options, Limits, Durability, Maintenance)>();
    shared::<(PreparedQuery, CancelToken, Cursor, Order, SearchOptions, TagOptions, TagScope)>();
    shared::<(Error, ErrorKind, QueryError, QueryErrorKind, OtlpError, Rejection, Refusal)>();
    shared::<(ParseIdError, ParseCursorError, ParseTagScopeError)>();
    shared::<(Event<'_>, Work, Ingested, Maintained, Purged, Salvaged, Stats)>();
    shared::<(Verification, Fault, Place, Explanation, Counts)>();
    shared::<(SearchResult, SearchMetrics, TraceMatch, Spanset, SpanMatch, FieldValue)>();
    shared::<(TagNames, ScopeTags, TagName, TagValues, TagValue, ValueType)>();
    shared::<(Span, treering::model::Event, Link, Status, StatusCode, SpanKind)>();
    shared::<(Resource, EntityRef, InstrumentationScope, Attribute, Value)>();
    shared::<(SpanRef<'_>, EventRef<'_>, LinkRef<'_>, AttributeRef<'_>, ValueRef<'_>)>();
    shared::<(Trace, Waterfall<'_>, WaterfallLine<'_>, OneLine<'_>, ShortDuration)>();
    shared::<(TraceId, SpanId, Timestamp, OriginBytes<'_>, TextRange)>();
    shared::<(CheckedQuery, Query, Hint, Pipeline, Stage, SpansetExpr, SpansetOp, Relation, Form)>(
    );
    shared::<(FieldExpr, FieldExprKind, UnaryOp, BinaryOp, CompareOp, ArithmeticOp, Literal)>();
    shared::<(StatusLiteral, KindLiteral, Field, FieldKind, AttributeScope, Intrinsic)>();
    shared::<(ScalarFilter, ScalarExpr, ScalarExprKind, AggregateOp)>();
    shared::<(MetricsExpr, MetricsExprKind, MetricsField, MetricsFunction, MetricsStep)>();
    sent::<(Batch, Matches)>();
    // Those that users may write can be handed on without their types.
    sent::<(Box<dyn ToQuery + Send>, Box<dyn SpanSink + Send>)>();
}

/// The words of every value of an enum: as `Display` has them, and as serde has.
fn words<T: Copy + Eq + Hash + ToString + Serialize + DeserializeOwned>(all: &[T]) -> Vec<String> {
    let mut seen = HashSet::new();
    let word = |value: &T| {
        let word = value.to_string();
        assert_eq!(serde_json::to_value(value).unwrap(), word);
        assert!(serde_json::from_value::<T>(word.clone().into()).unwrap() == *value, "{word}");
        assert!(seen.insert(*value), "{word} twice");
        word
    };
    all.iter().map(word).collect()
}

#[test]
fn kinds_and_scopes_have_one_word_everywhere() {
    assert_eq!(words(&QueryErrorKind::ALL)[2], "unknown_field");
    assert_eq!(words(&[ErrorKind::NotAStore, ErrorKind::OutOfSpace])[1], "out_of_space");
    assert_eq!(words(&[ValueType::Int, ValueType::Nil, ValueType::Status])[0], "int");
    for (word, scope) in words(&TagScope::ALL).iter().zip(TagScope::ALL) {
        assert_eq!((word.as_str(), word.parse()), (scope.name(), Ok(scope)));
    }
    let wrong = "spans".parse::<TagScope>().unwrap_err().to_string();
    assert!(wrong.starts_with("\"spans\" is no scope: span, resource,"), "{wrong}");
    assert_eq!(format!("[{:<6}]", TagScope::Span), "[span  ]");
}

#[test]
fn what_is_wrong_can_be_sent_elsewhere() {
    let text = "{ foo = 1 }";
    let error = text.parse::<PreparedQuery>().unwrap_err();
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(
        (&json["kind"], &json["start"], &json["end"]),
        (&"unknown_field".into(), &2.into(), &5.into())
    );
    let back: QueryError = serde_json::from_value(json).unwrap();
    assert_eq!((&back, back.report(text)), (&error, error.report(text)));
    // A range that is none of this text is shown as well as can be.
    let json =
        serde_json::json!({ "kind": "type", "message": "m", "help": null, "start": 9, "end": 3 });
    let odd: QueryError = serde_json::from_value(json).unwrap();
    assert!(odd.report("é").starts_with("error: m"));

    let rejection = Batch::new().push(&Span::default()).unwrap_err();
    let json = serde_json::to_string(&rejection).unwrap();
    assert_eq!(serde_json::from_str::<Rejection>(&json).unwrap(), rejection);
    let refusal = Refusal { field: "name".into(), reason: "too long".into() };
    let refusal: Box<dyn std::error::Error + Send + Sync> = refusal.into();
    assert_eq!(refusal.to_string(), "name: too long");
}

#[test]
#[expect(clippy::mutable_key_type, reason = "a query is hashed by its text, which does not change")]
fn equal_queries_are_one_key() {
    let query = |text: &str| text.parse::<PreparedQuery>().unwrap();
    let all: HashSet<_> = ["{duration>1s}", "{ span:duration > 1s }", "{ }"].map(query).into();
    assert_eq!(all.len(), 2);
}

#[test]
fn errors_say_a_thing_once_and_lead_to_their_causes() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none").join("s");
    std::fs::write(folder.path().join("text"), "no store at all".repeat(999)).unwrap();
    let store = Store::open(folder.path().join("s"), Options::default()).unwrap();
    let errors = [
        Store::open(missing, Options::default()).unwrap_err(),
        Store::open(folder.path().join("text"), Options::default()).unwrap_err(),
        store.count("{ foo }", &SearchOptions::all()).unwrap_err(),
        Batch::new().push_protobuf(b"no request").unwrap_err(),
    ];
    for error in errors {
        let mut causes = vec![error.to_string()];
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        assert!(causes.len() > 1, "{causes:?}");
        for pair in causes.windows(2) {
            assert!(!pair[0].contains(&pair[1]), "{causes:?}");
        }
        assert!(causes.iter().all(|text| !text.is_empty() && !text.ends_with('.')), "{causes:?}");
    }
}

#[test]
fn what_is_shown_to_programmers_is_not_empty() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("s"), Options::default()).unwrap();
    let shown = [
        format!("{store:?}"),
        format!("{:?}", store.batch()),
        format!("{:?}", store.matches("{ }", &SearchOptions::all()).unwrap()),
        format!("{:?}", CancelToken::new()),
        format!("{:?}", TraceId::ZERO),
        format!("{:?}", Error::ReadOnly.kind()),
    ];
    assert!(shown.iter().all(|text| text.len() > 4), "{shown:?}");
}

#[test]
fn ids_and_times_come_from_what_others_have() {
    let bytes: [u8; 16] = TraceId::from([7; 16]).into();
    assert_eq!(TraceId::try_from(&bytes[..]).unwrap().as_ref(), bytes);
    assert!(SpanId::try_from(&bytes[..]).unwrap_err().to_string().contains("8 bytes"));
    assert_eq!((bytes, SpanId::from([7; 8]).to_bytes()), ([7; 16], [7; 8]));
    let time = |nanos| UNIX_EPOCH + Duration::from_nanos(nanos);
    assert_eq!(
        Timestamp::from(time(1_795_334_400_000_000_001)).unix_nanos(),
        1_795_334_400_000_000_001
    );
    assert_eq!(SystemTime::from(Timestamp::from_unix_nanos(1_700)), time(1_700));
    assert_eq!(Timestamp::from(SystemTime::from(Timestamp::MAX)), Timestamp::MAX);
    assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_secs(1)), Timestamp::default());
    assert_eq!(Timestamp::from(UNIX_EPOCH + Duration::from_secs(1 << 40)), Timestamp::MAX);
}
