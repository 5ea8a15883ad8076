//! Merging blocks gives byte for byte the block of the same spans, however these were cut up, masked,
//! resent, and turned round.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::{MergedTrace, Pulled, merged};
use crate::block::error::BlockError;
use crate::block::format::Section;
use crate::block::reader::Block;
use crate::block::tests::{block_from, block_of, spans};
use crate::codec::cast::usize_of_u64;
use crate::id::{SpanId, TraceId};
use crate::model::{Attribute, Span};
use crate::time::Timestamp;

/// The traces of some blocks but for those masked, each as `join` says: taken over as they are, or
/// put together anew.
fn taken<'a>(
    pulled: &mut Pulled<'a>,
    blocks: &'a [Block],
    is_masked: impl Fn(TraceId) -> bool,
    join: impl Fn(usize) -> bool,
) -> Result<Vec<MergedTrace>, BlockError> {
    let mut places: BTreeMap<TraceId, Vec<(usize, u32)>> = BTreeMap::new();
    for (at, block) in blocks.iter().enumerate() {
        for number in 0..block.header()?.traces {
            places.entry(block.trace_id(number)?).or_default().push((at, number));
        }
    }
    places.retain(|id, _| !is_masked(*id));
    let mut spans: BTreeMap<TraceId, Vec<u32>> = BTreeMap::new();
    let mut traces = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let of = |joined: bool| -> Vec<u32> {
            let here = places.values().flat_map(|places| {
                let own = places.iter().filter(|place| place.0 == at);
                own.filter(|_| join(places.len()) == joined).map(|place| place.1)
            });
            let mut numbers: Vec<u32> = here.collect();
            numbers.sort_unstable();
            numbers
        };
        for (entry, own) in pulled.take(block, &of(true))? {
            spans.entry(entry.id).or_default().extend(own);
        }
        traces.extend(pulled.take_whole(block, &of(false))?);
    }
    let facts = pulled.facts()?;
    for (id, numbers) in spans {
        traces.push(facts.join(id, numbers)?.0);
    }
    traces.sort_by_key(|trace| (trace.trace.start, trace.trace.id));
    Ok(traces)
}

fn bytes(block: &Block) -> Vec<u8> {
    block.image().read(0, block.image().len).unwrap().to_vec()
}

/// A span again: as it was, with another name, or with another end.
fn again(span: &Span, how: u8) -> Span {
    let mut span = span.clone();
    match how {
        0 => {}
        1 => span.name.push('z'),
        _ => span.end = Timestamp::from_unix_nanos(span.end.unix_nanos() ^ 1),
    }
    span
}

proptest! {
    #[test]
    fn merged_blocks_are_the_block_of_the_spans(
        mut spans in spans(),
        resent in prop::collection::vec((any::<Index>(), 0u8..3), 0..4),
        cuts in prop::collection::vec(0usize..4, 20),
        masked in 0u8..5,
        chunk_len in 1usize..2000,
        join_all: bool,
    ) {
        for (index, how) in resent {
            let span = again(index.get(&spans), how);
            spans.push(span);
        }
        let part = |number: usize| -> Vec<Span> {
            let own = spans.iter().zip(&cuts).filter(|(_, part)| **part == number);
            own.map(|(span, _)| span.clone()).collect()
        };
        let parts = (0..4).map(part).filter(|part| !part.is_empty());
        let blocks: Vec<Block> = parts.map(|part| block_of(&part, chunk_len)).collect();
        let is_masked = |id: TraceId| id == TraceId::from_bytes([masked; 16]);
        let mut pulled = Pulled::default();
        let traces =
            taken(&mut pulled, &blocks, is_masked, |places| places > 1 || join_all).unwrap();
        let kept: Vec<Span> =
            spans.iter().filter(|span| !is_masked(span.trace_id)).cloned().collect();
        let image = merged(&pulled, &traces).unwrap().image;
        prop_assert_eq!(image, bytes(&block_of(&kept, chunk_len)));
    }

    #[test]
    fn a_damaged_block_never_panics(spans in spans(), at in any::<Index>(), byte in any::<u8>()) {
        let mut image = bytes(&block_of(&spans, 1 << 20));
        let at = at.index(image.len());
        image[at] = byte;
        let blocks = [block_from(image, 1 << 20)];
        for join in [false, true] {
            let mut pulled = Pulled::default();
            let traces = taken(&mut pulled, &blocks, |_| false, |_| join);
            let outcome = traces.and_then(|traces| merged(&pulled, &traces));
            prop_assert!(outcome.is_ok() || outcome.is_err());
        }
    }
}

/// Wide columns, many values, rows beyond a group of packed numbers and enough for buckets, most of it masked.
#[test]
fn many_rows_of_many_blocks_merge_as_few_do() {
    let span = |number: u64| {
        let trace = number % 400;
        let mut span = Span {
            trace_id: TraceId::from_bytes((u128::from(trace) + 1).to_le_bytes()),
            span_id: SpanId::from_bytes((number + 1).to_le_bytes()),
            parent_span_id: (number >= 400)
                .then(|| SpanId::from_bytes((number % 1600 + 1).to_le_bytes())),
            name: format!("name {}", number % 7),
            start: Timestamp::from_unix_nanos(1000 + number),
            end: Timestamp::from_unix_nanos(1000 + number * 3),
            ..Span::default()
        };
        span.attributes = vec![
            Attribute::new("id", format!("{}", number.wrapping_mul(0x9e37_79b9))),
            Attribute::new("few", i64::try_from(number % 3).unwrap()),
        ];
        if number.is_multiple_of(50) {
            span.attributes.push(Attribute::new("rare", number.is_multiple_of(100)));
        }
        span
    };
    let all: Vec<Span> = (0..18_000).map(span).collect();
    let blocks: Vec<Block> = all.chunks(4500).map(|part| block_of(part, 1 << 20)).collect();
    for kept_every in [1, 3, 101] {
        let number = |id: TraceId| u128::from_le_bytes(id.to_bytes()) - 1;
        let is_masked = |id: TraceId| number(id) % kept_every != 0;
        let mut pulled = Pulled::default();
        let traces = taken(&mut pulled, &blocks, is_masked, |_| true).unwrap();
        let kept: Vec<Span> =
            all.iter().filter(|span| !is_masked(span.trace_id)).cloned().collect();
        let expected = block_of(&kept, 1 << 20);
        assert_eq!(merged(&pulled, &traces).unwrap().image, bytes(&expected));
        // And once more, as whole traces of one block beside another one.
        let (first, second): (Vec<Span>, Vec<Span>) =
            all.iter().cloned().partition(|span| number(span.trace_id) < 200);
        let halves = [block_of(&first, 1 << 20), block_of(&second, 1 << 20)];
        let mut pulled = Pulled::default();
        let whole = taken(&mut pulled, &halves, is_masked, |_| false).unwrap();
        assert_eq!(merged(&pulled, &whole).unwrap().image, bytes(&expected));
    }
}

/// A place within a trace that the trace does not have.
#[test]
fn a_trace_table_that_lies_is_refused() {
    let spans: Vec<Span> = (1..=12)
        .map(|number| Span {
            trace_id: TraceId::from_bytes([number; 16]),
            span_id: SpanId::from_bytes([number; 8]),
            ..Span::default()
        })
        .collect();
    let block = block_of(&spans, 1 << 20);
    let offset = usize_of_u64(block.extent(Section::TraceRoots).unwrap().unwrap().offset);
    let mut image = bytes(&block);
    // The base of the packed roots.
    image[offset + 4] = 1;
    let damaged = block_from(image, 1 << 20);
    for numbers in [vec![0], (0..12).collect::<Vec<u32>>()] {
        assert!(Pulled::default().take(&block, &numbers).is_ok());
        let error = Pulled::default().take(&damaged, &numbers).unwrap_err().to_string();
        assert!(error.contains("trace table"), "{error}");
    }
}
