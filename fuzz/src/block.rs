//! A damaged block whose checksums hold: everything that can be asked is answered or refused. Then the
//! input as parts of columns that only large blocks have.

use std::sync::OnceLock;

use treering::PreparedQuery;
use treering::fuzzing::{BlockImage, MemoryBlock, decode_parts};
use treering::{Batch, SearchOptions, TagOptions};

use crate::bytes::Bytes;
use crate::{questions, spans};

/// Spans of a block.
const SPANS_MAX: usize = 24;
/// Queries of the list that one block is asked; the input says which.
const QUERIES_ASKED: usize = 6;

/// Queries that together read all there is in a block, each in more than one way.
const QUERIES: [&str; 24] = [
    "{ }",
    "{ name = \"get\" }",
    "{ name =~ \"g.*|x\" && kind = server } >> { }",
    "{ .a = 1 || .b > 0.5 } &<< { .a != nil }",
    "{ span.n >= 0 || span.flag } !~ { statusMessage != \"x\" }",
    "{ .arr = \"x\" || .arr != 1 || .a =~ \".*\" }",
    "{ resource.service.name != \"web\" } < { status = error }",
    "{ instrumentation:name = \"lib\" || instrumentation.a = \"x\" }",
    "{ event:name = \"exception\" && event.a != 1 }",
    "{ event:timeSinceStart > 1 || event.arr = nil }",
    "{ link:traceID != \"1\" || link:spanID = \"2\" || link.b = true }",
    "{ span:childCount > 0 } ~ { nestedSetParent < 3 }",
    "{ nestedSetLeft + nestedSetRight > 3 && span:depth < 9 }",
    "{ span:selfDuration >= 0 && duration < maxInt }",
    "{ trace:duration >= 0 && trace:spanCount > 0 && trace:serviceCount > 0 }",
    "{ trace:errorCount = 0 || trace:startTime > 5 || span:endTime > 7 }",
    "{ rootName = name || rootServiceName =~ \".*\" }",
    "{ parent.name = \"get\" || parent.a = nil } !< { parent.duration > 0 }",
    "{ span:id > \"1\" || span:parentID = \"\" || trace:id =~ \"d.*\" }",
    "{ trace:id = \"d0000000000000000000000000000000\" }",
    "{ } | by(.a) | count() > 0 | coalesce() | avg(duration) >= 0",
    "{ } | by(resource.service.name) | sum(span.n) > 0 | { } ~ { }",
    "{ } | select(.b, event.a, link.a, span:startTime, parent.kind, .\"two words\")",
    "{ } unless { kind = client }",
];
const FIELDS: [&str; 14] = [
    ".a",
    "span.arr",
    "resource.service.name",
    "event.a",
    "link.b",
    "instrumentation.a",
    "name",
    "kind",
    "event:name",
    "duration",
    "trace:id",
    "link:spanID",
    "span:childCount",
    "rootName",
];

/// A change to the bytes of an image.
struct Edit {
    section: u8,
    offset: u16,
    how: u8,
    with: u8,
}

impl Edit {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        Self { section: bytes.byte(), offset: bytes.u16(), how: bytes.byte(), with: bytes.byte() }
    }

    fn apply(&self, image: &mut BlockImage) {
        let sections = image.sections();
        let head = 0..sections.first().map_or(0, |section| section.start);
        let place = match usize::from(self.section) % (sections.len() + 1) {
            0 => head,
            number => sections[number - 1].clone(),
        };
        let bytes = image.bytes_mut();
        if place.is_empty() || place.end > bytes.len() {
            return;
        }
        let at = place.start + usize::from(self.offset) % place.len();
        let with = self.with;
        let wide: u64 = [0, u64::MAX, u64::MAX / 2, 1 << 32, u64::from(u32::MAX) - 1, 1 << 63]
            [usize::from(with) % 6];
        match self.how % 9 {
            0 => bytes[at] = with,
            1 => bytes[at] ^= 1 << (with % 8),
            2 => bytes[at] = bytes[at].wrapping_add(1),
            3 => bytes[at] = bytes[at].wrapping_sub(1),
            4 => put(bytes, at, &wide.to_le_bytes()),
            5 => put(bytes, at, &u32::from(with).to_le_bytes()),
            6 => put(bytes, at, &vec![0xff; with.into()]),
            7 => {
                let from = usize::from(with) * 7 % bytes.len();
                let len = usize::from(with % 16).min(bytes.len() - from);
                let copy = bytes[from..from + len].to_vec();
                put(bytes, at, &copy);
            }
            _ => bytes.truncate(bytes.len() - usize::from(with) % (bytes.len() - at)),
        }
    }
}

/// Puts `new` at `at`, as far as there is room.
fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes.iter_mut().skip(at).zip(new).for_each(|(to, from)| *to = *from);
}

/// Builds a block, damages it, and reads all of it.
pub(crate) fn run(bytes: &[u8]) {
    decode_parts(bytes);
    let mut bytes = Bytes(bytes);
    let first = bytes.byte();
    let chunk_len = bytes.pick(&[60, 200, 1_000, u16::MAX]);
    let edits = bytes.list(6, Edit::new);
    let masked = bytes.list(2, |bytes| u32::from(bytes.below(7)));
    let query = questions::search(&mut bytes);
    let mut batch = Batch::new();
    while !bytes.is_empty() && batch.len() < SPANS_MAX {
        batch.push(&spans::span(&mut bytes)).expect("a span that a store takes");
    }
    let Some(mut image) = BlockImage::new(batch) else { return };
    for edit in edits {
        edit.apply(&mut image);
        image.repair();
    }
    let block = image.open(chunk_len, &masked);
    let planned = PreparedQuery::new(&query).ok();
    let listed = planned_queries().iter().cycle().skip(usize::from(first) % QUERIES.len());
    for query in listed.take(QUERIES_ASKED).chain(&planned) {
        ask(&block, query);
    }
    if first.is_multiple_of(4) {
        ask_tags(&block, &planned_queries()[2]);
    }
    for number in 0..6 {
        drop(block.trace(spans::trace_id(number)));
    }
    take_over(&block);
}

/// The queries of the list: patterns take long to compile.
fn planned_queries() -> &'static [PreparedQuery] {
    static PLANNED: OnceLock<Vec<PreparedQuery>> = OnceLock::new();
    let plan = |query| PreparedQuery::new(query).expect("a right query");
    PLANNED.get_or_init(|| QUERIES.into_iter().map(plan).collect())
}

fn ask(block: &MemoryBlock, query: &PreparedQuery) {
    let mut few = SearchOptions::default();
    (few.limit, few.spans_per_spanset) = (Some(2), Some(1));
    drop(block.search(query, &few));
    drop(block.search(query, &SearchOptions::all()));
    drop(block.count(query, &SearchOptions::all()));
}

/// Tags are counted in one way on all spans, in another on those that a query finds.
fn ask_tags(block: &MemoryBlock, query: &PreparedQuery) {
    for query in [None, Some(query)] {
        drop(block.tag_names(query, &TagOptions::default()));
        for field in FIELDS {
            drop(block.tag_values(field, query, &TagOptions::default()));
        }
    }
}

/// What a writer does when spans of the block's traces come late.
fn take_over(block: &MemoryBlock) {
    let Ok(spans) = block.spans() else { return };
    let mut batch = Batch::new();
    for span in &spans {
        if batch.push(span).is_err() {
            return;
        }
    }
    drop(BlockImage::new(batch));
}
