//! Store files of every layout there ever was, two each, committed: opened for ever. Beside each lies
//! what it holds, as OTLP/JSON, a trace a line; of the large one a rule says it. Invariant: a file that
//! is here is never written anew once its layout was released; a new layout adds two.
//!
//! The small file was copied as its writer was killed: blocks, masks of traces that moved on and that were
//! deleted, and a journal with late spans, new ones and a deletion. To make both for a new layout:
//! `cargo test --test compat -- --ignored`, which puts them into `target/tmp`.

#[cfg(test)]
#[path = "support/collect.rs"]
#[expect(dead_code, reason = "some of it is for the tests of OTLP alone")]
mod collect;
#[cfg(test)]
#[path = "support/spans.rs"]
#[expect(dead_code, reason = "some of it is for the random properties alone")]
mod spans;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::io::Read;
    use std::path::{Path, PathBuf};

    use flate2::Compression;
    use flate2::read::{GzDecoder, GzEncoder};
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use treering::model::{Attribute, Span};
    use treering::otlp::write_json;
    use treering::{Batch, Maintenance, Options, SearchOptions, SpanId, Store, Timestamp, TraceId};
    use treering_generator::Generator;

    use crate::collect::from_json;

    /// The layout that this build writes.
    const NEWEST: u32 = 1;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat")
    }

    /// The bytes of a file compressed by gzip.
    fn unpacked(name: &str) -> Vec<u8> {
        let file =
            fs::File::open(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut bytes = Vec::new();
        GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn options() -> Options {
        let mut options = Options::default();
        options.block_rows_max = 400;
        options.chunk_bytes = 4_000;
        options.maintenance = Maintenance::ByHand;
        options
    }

    /// All traces of a store, by id.
    fn traces(store: &Store) -> BTreeMap<TraceId, Vec<Span>> {
        let found = store.search("{ }", &SearchOptions::all()).unwrap();
        let ids: BTreeSet<TraceId> = found.traces.iter().map(|found| found.trace_id).collect();
        ids.into_iter().map(|id| (id, store.trace(id).unwrap().unwrap().spans().to_vec())).collect()
    }

    /// The traces of a text, a trace a line.
    fn expected(text: &str) -> BTreeMap<TraceId, Vec<Span>> {
        let spans = |line: &str| {
            let (spans, rejections) = from_json(line).unwrap();
            assert_eq!(rejections, []);
            (spans[0].trace_id, spans)
        };
        text.lines().map(spans).collect()
    }

    /// Spans as text, in an order that does not depend on how they were grouped.
    fn shown(spans: &[Span]) -> BTreeSet<String> {
        spans.iter().map(|span| format!("{span:?}")).collect()
    }

    #[test]
    fn a_file_of_each_layout_is_read() {
        for version in 1..=NEWEST {
            let scratch = tempfile::tempdir().unwrap();
            let path = scratch.path().join("store.redb");
            fs::write(&path, unpacked(&format!("store-{version}.redb.gz"))).unwrap();
            let text = String::from_utf8(unpacked(&format!("store-{version}.jsonl.gz"))).unwrap();
            let expected = expected(&text);
            assert!(expected.len() > 30, "there are traces to read");
            for round in ["as it was", "written on", "opened again"] {
                let store = Store::open(&path, Options::default()).unwrap();
                let found = traces(&store);
                assert!(found.keys().eq(expected.keys()), "layout {version}, {round}");
                for (id, spans) in &found {
                    let same = shown(spans) == shown(&expected[id]);
                    assert!(same, "layout {version}, {round}: trace {id}");
                }
                let server =
                    store.count("{ kind = server } >> { kind = client }", &SearchOptions::all());
                assert!(server.unwrap().spans > 10, "layout {version}, {round}");
                assert!(store.verify().unwrap().faults.is_empty(), "layout {version}, {round}");
                if round == "written on" {
                    store.maintain().unwrap();
                }
                store.close().unwrap();
            }
        }
    }

    /// Spans by a rule: enough for what only large blocks have.
    fn many_spans() -> Vec<Span> {
        let span = |number: u32| {
            let mixed = u64::from(number.wrapping_mul(0x9e37_79b9));
            let [a, b, c, d] = (number / 4 + 1).to_le_bytes();
            let start = 1_795_334_400_000_000_000 + u64::from(number) * 1_000;
            let mut attributes = vec![Attribute::new("few", i64::from(number % 7))];
            if number.is_multiple_of(3) {
                attributes.push(Attribute::new("many", format!("{:06x}", mixed % 9973)));
            }
            Span {
                trace_id: TraceId::from_bytes([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
                span_id: SpanId::from_bytes([
                    a,
                    b,
                    c,
                    d,
                    0,
                    0,
                    0,
                    u8::try_from(number % 4 + 1).unwrap(),
                ]),
                parent_span_id: (!number.is_multiple_of(4)).then(|| {
                    SpanId::from_bytes([a, b, c, d, 0, 0, 0, u8::try_from(number % 4).unwrap()])
                }),
                name: format!("step {}", number % 5),
                start: Timestamp::from_unix_nanos(start),
                end: Timestamp::from_unix_nanos(start + mixed % 1_000_000),
                attributes,
                ..Span::default()
            }
        };
        (0..18_000).map(span).collect()
    }

    #[test]
    fn a_large_block_of_each_layout_is_read() {
        let expected = many_spans();
        let longer = |nanos| expected.iter().filter(move |span| span.duration_nanos() > nanos);
        let with = |value: &str| {
            let is_value = move |attribute: &Attribute| {
                attribute.key == "many" && attribute.value == value.into()
            };
            expected.iter().filter(move |span| span.attributes.iter().any(&is_value)).count()
        };
        let questions = [
            ("{ duration > 990us }".to_owned(), longer(990_000).count()),
            ("{ span.many = \"000abc\" }".to_owned(), with("000abc")),
            ("{ span.many != nil }".to_owned(), expected.len() / 3),
            ("{ name = \"step 1\" }".to_owned(), expected.len() / 5),
        ];
        for version in 1..=NEWEST {
            let scratch = tempfile::tempdir().unwrap();
            let path = scratch.path().join("store.redb");
            fs::write(&path, unpacked(&format!("large-{version}.redb.gz"))).unwrap();
            let store = Store::open(&path, Options::default()).unwrap();
            assert!(store.verify().unwrap().faults.is_empty(), "layout {version}");
            assert_eq!(store.stats().unwrap().blocks, 1);
            for (query, count) in &questions {
                let found = store.count(query, &SearchOptions::all()).unwrap().spans;
                assert_eq!(usize::try_from(found).unwrap(), *count, "layout {version}: {query}");
            }
            let found = traces(&store);
            let spans: Vec<Span> = found.into_values().flatten().collect();
            assert!(shown(&spans) == shown(&expected), "layout {version}");
        }
    }

    /// Spans of every field and type of value, the same at each call.
    fn odd_spans() -> Vec<Span> {
        let mut runner = TestRunner::deterministic();
        let trees = (0..12).map(|_| crate::spans::spans(8).new_tree(&mut runner).unwrap());
        trees.flat_map(|tree| tree.current()).collect()
    }

    fn ingest<'a>(store: &Store, spans: impl IntoIterator<Item = &'a Span>) {
        let mut batch = Batch::new();
        spans.into_iter().for_each(|span| batch.push(span).unwrap());
        store.ingest(batch).unwrap();
    }

    #[test]
    #[ignore = "makes a file to be committed where there is a new layout"]
    fn make_a_file() {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = out.join("compat.redb");
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        let store = Store::open(&path, options()).unwrap();
        let made: Vec<Span> = Generator::new(3).spans(900).collect();
        let odd = odd_spans();
        let is_late = |at: usize| at.is_multiple_of(9);
        let (late, early): (Vec<_>, Vec<_>) =
            made.iter().enumerate().partition(|(at, _)| is_late(*at));
        ingest(&store, early.iter().map(|(_, span)| *span));
        ingest(&store, &odd[..odd.len() / 2]);
        store.maintain().unwrap();
        let (sealed, journalled) = late.split_at(late.len() / 2);
        ingest(&store, sealed.iter().map(|(_, span)| *span));
        let gone = [made[0].trace_id, made[300].trace_id];
        assert_eq!(store.delete(&gone[..1]).unwrap(), 1);
        store.maintain().unwrap();
        for part in journalled.chunks(20) {
            ingest(&store, part.iter().map(|(_, span)| *span));
        }
        ingest(&store, &odd[odd.len() / 2..]);
        assert_eq!(store.delete(&gone[1..]).unwrap(), 1);
        let bytes = fs::read(&path).unwrap();
        let lines: Vec<String> =
            traces(&store).values().map(|spans| write_json(spans) + "\n").collect();
        let path = out.join("compat-large.redb");
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        let store = Store::open(&path, Options::default()).unwrap();
        ingest(&store, &many_spans());
        store.maintain().unwrap();
        store.close().unwrap();
        let large = fs::read(&path).unwrap();
        let files = [
            (format!("store-{NEWEST}.redb"), bytes),
            (format!("store-{NEWEST}.jsonl"), lines.concat().into_bytes()),
            (format!("large-{NEWEST}.redb"), large),
        ];
        for (name, bytes) in files {
            let mut packed = Vec::new();
            GzEncoder::new(bytes.as_slice(), Compression::best()).read_to_end(&mut packed).unwrap();
            fs::write(out.join(format!("{name}.gz")), packed).unwrap();
        }
    }
}
