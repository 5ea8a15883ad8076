//! What types promise beside their methods. Invariant: what a service shares between its threads can be
//! shared, and nothing that is shown in a log is empty.

use treering::model::{Span, Trace, Waterfall};
use treering::query::{QueryError, SearchResult, TraceMatch};
use treering::{
    Batch, CancelToken, Cursor, Error, ErrorKind, Event, Matches, Options, PreparedQuery,
    SearchOptions, SpanId, Stats, Store, TagNames, TagOptions, TagValues, Timestamp, TraceId,
    Verification,
};

#[test]
fn everything_goes_from_thread_to_thread() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<(Store, Options, PreparedQuery, CancelToken, Cursor)>();
    shared::<(Error, ErrorKind, QueryError, Event<'_>)>();
    shared::<(SearchOptions, SearchResult, TraceMatch, Stats, Verification)>();
    shared::<(TagOptions, TagNames, TagValues)>();
    shared::<(Span, Trace, Waterfall<'_>, TraceId, SpanId, Timestamp)>();
    sent::<(Batch, Matches)>();
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
    use std::time::{Duration, UNIX_EPOCH};
    let bytes: [u8; 16] = TraceId::from([7; 16]).into();
    assert_eq!((bytes, SpanId::from([7; 8]).to_bytes()), ([7; 16], [7; 8]));
    let time = |nanos| UNIX_EPOCH + Duration::from_nanos(nanos);
    assert_eq!(
        Timestamp::from(time(1_795_334_400_000_000_001)).unix_nanos(),
        1_795_334_400_000_000_001
    );
    assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_secs(1)), Timestamp::default());
    assert_eq!(Timestamp::from(UNIX_EPOCH + Duration::from_secs(1 << 40)), Timestamp::MAX);
}
