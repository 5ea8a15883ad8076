//! Store files of every layout there ever was, one each, committed: opened for ever. Beside each lies
//! what it holds, as OTLP/JSON, a trace a line. Invariant: a file that is here is never written anew;
//! a new layout adds one.
//!
//! A file was copied as its writer was killed: blocks, masks of traces that moved on and that were
//! deleted, and a journal with late spans, new ones and a deletion. To make one for a new layout:
//! `cargo test --test compat -- --ignored`, which puts it into `target/tmp`.

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
    use treering::model::Span;
    use treering::otlp::write_json;
    use treering::{Batch, Maintenance, Options, SearchOptions, Store, TraceId};
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
        for (name, bytes) in [("redb", bytes), ("jsonl", lines.concat().into_bytes())] {
            let mut packed = Vec::new();
            GzEncoder::new(bytes.as_slice(), Compression::best()).read_to_end(&mut packed).unwrap();
            fs::write(out.join(format!("store-{NEWEST}.{name}.gz")), packed).unwrap();
        }
    }
}
