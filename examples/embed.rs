//! A service that keeps its own traces: opens a store, records a request with two spans below it,
//! and asks which database calls made a request slow. Run with `cargo run --example embed`.

use std::io::Write;
use std::sync::Arc;

use treering::model::{Attribute, Resource, Span, SpanKind, Status, StatusCode, Value};
use treering::{Batch, Options, SearchOptions, SpanId, Store, Timestamp, TraceId};

const MILLISECOND: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("treering-embed-{}.redb", std::process::id()));
    let store = Store::open(&path, Options::default())?;

    let mut batch = Batch::new();
    for span in request(Timestamp::now()) {
        batch.push(&span)?;
    }
    let stored = store.ingest(batch)?;

    let mut out = std::io::stdout().lock();
    writeln!(out, "stored {} spans in {}", stored.spans, path.display())?;

    let query = "{ kind = server && duration > 100ms } >> { span.db.system != nil }";
    let found = store.search(query, &SearchOptions::default())?;
    // Fields of the answer have all of this; as text it is a line a trace and a line a span.
    write!(out, "{found}")?;

    // A query that is wrong says where, and what would be right.
    let wrong = "{ http.route = \"/cart\" }";
    if let Err(error) = treering::query::check(wrong) {
        writeln!(out, "\n{}", error.report(wrong))?;
    }

    drop(store);
    std::fs::remove_file(path)?;
    Ok(())
}

/// A request that began at `start`, with two calls of the database below it.
fn request(start: Timestamp) -> [Span; 3] {
    let attributes = vec![Attribute::new("service.name", "cart")];
    let resource = Arc::new(Resource { attributes, ..Resource::default() });
    let trace_id = TraceId::from_bytes(u128::from(start.unix_nanos()).to_le_bytes());
    let span = |id: u8, name: &str, from: u64, to: u64| Span {
        trace_id,
        span_id: SpanId::from_bytes([id; 8]),
        name: name.to_owned(),
        start: Timestamp::from_unix_nanos(start.unix_nanos() + from * MILLISECOND),
        end: Timestamp::from_unix_nanos(start.unix_nanos() + to * MILLISECOND),
        resource: Arc::clone(&resource),
        ..Span::default()
    };
    let root = Span { kind: SpanKind::SERVER, ..span(1, "GET /cart", 0, 180) };
    let call = |id: u8, name: &str, from: u64, to: u64| Span {
        parent_span_id: Some(root.span_id),
        kind: SpanKind::CLIENT,
        attributes: vec![Attribute::new("db.system", Value::from("postgresql"))],
        ..span(id, name, from, to)
    };
    let select = call(2, "SELECT cart", 5, 20);
    let message = "lock wait timeout".to_owned();
    let status = Status { code: StatusCode::ERROR, message };
    let update = Span { status, ..call(3, "UPDATE cart", 20, 175) };
    [root, select, update]
}
