//! A block gives back what went into it, from any chunk size.

use std::sync::Arc;

use proptest::prelude::*;

use super::arrange::{arrange, group_by_trace};
use super::builder::{build, build_on};
use super::cache::Cache;
use super::column::ColumnKey;
use super::error::BlockId;
use super::format::{Part, Section, Table, field};
use super::image::{Chunks, Image};
use super::reader::Block;
use super::repair::repair;
use super::staging::Staging;
use crate::codec::cast::{u64_of, usize_of, usize_of_u64};
use crate::id::{SpanId, TraceId};
use crate::model::{
    Attribute, EntityRef, Event, InstrumentationScope, Link, Resource, Span, SpanKind, SpanRef,
    SpanSink, Status, StatusCode, Value,
};
use crate::time::Timestamp;

#[derive(Debug)]
struct Memory {
    image: Vec<u8>,
    chunk_len: usize,
}

impl Chunks for Memory {
    fn chunk(
        &self,
        _: BlockId,
        chunk: u32,
    ) -> Result<Arc<[u8]>, Box<dyn std::error::Error + Send + Sync>> {
        let chunk = self.image.chunks(self.chunk_len).nth(usize_of(chunk));
        chunk.map(Arc::from).ok_or_else(|| "no such chunk".into())
    }
}

pub(crate) fn block_of(spans: &[Span], chunk_len: usize) -> Block {
    let mut staging = Staging::default();
    for span in spans {
        let mut view = SpanRef::default();
        view.fill(span);
        staging.resource(&span.resource);
        staging.scope(&span.scope);
        staging.span(&view).unwrap();
    }
    let mut traces: Vec<_> = group_by_trace(&staging)
        .into_iter()
        .map(|(id, numbers)| arrange(&staging, id, numbers).0)
        .collect();
    traces.sort_by_key(|trace| (trace.start, trace.id));
    let image = build(&staging, &traces).unwrap().image;
    let by_two = build_on(&staging, &traces, |_| 2).unwrap().image;
    assert_eq!(image, by_two, "the number of threads does not change a byte");
    block_from(image, chunk_len)
}

pub(super) fn block_from(image: Vec<u8>, chunk_len: usize) -> Block {
    Block::new(Image {
        block: BlockId(1),
        len: u64_of(image.len()),
        chunk_len: u64_of(chunk_len),
        chunks: Arc::new(Memory { image, chunk_len }),
        cache: Arc::new(Cache::new(1 << 20)),
    })
}

fn all_spans(block: &Block) -> Vec<Span> {
    let mut spans = Vec::new();
    for number in 0..block.header().unwrap().traces {
        let entry = block.trace_entry(number).unwrap();
        assert_eq!(block.find_trace(entry.id).unwrap(), Some(number));
        spans.extend(block.trace_spans(&entry).unwrap().0);
    }
    spans
}

fn sorted(list: &[Attribute]) -> Vec<Attribute> {
    let mut list = list.to_vec();
    list.sort_by(|a, b| a.key.cmp(&b.key));
    list
}

/// Attribute order aside, and an all-zero parent id as none.
fn canonical(mut span: Span) -> Span {
    span.attributes = sorted(&span.attributes);
    span.events.iter_mut().for_each(|event| event.attributes = sorted(&event.attributes));
    span.links.iter_mut().for_each(|link| link.attributes = sorted(&link.attributes));
    let resource = (*span.resource).clone();
    span.resource = Arc::new(Resource { attributes: sorted(&resource.attributes), ..resource });
    let scope = (*span.scope).clone();
    span.scope = Arc::new(InstrumentationScope { attributes: sorted(&scope.attributes), ..scope });
    span
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        "[a-c]{0,3}".prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![any::<i64>(), -2i64..3].prop_map(Value::Int),
        prop_oneof![any::<u64>().prop_map(f64::from_bits), Just(-0.0), Just(1.5)]
            .prop_map(Value::Double),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(("[a-b]{0,1}", inner), 0..3).prop_map(|list| {
                Value::KeyValues(list.into_iter().map(|(k, v)| Attribute::new(k, v)).collect())
            }),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let attribute = ("[a-d]{0,2}", value()).prop_map(|(key, value)| Attribute { key, value });
    prop::collection::vec(attribute, 0..5)
}

fn resource() -> impl Strategy<Value = Resource> {
    let entity =
        ("[a-b]{0,1}", "[a-b]{0,1}", prop::collection::vec("[a-b]".prop_map(String::from), 0..3));
    let entity = entity.prop_map(|(schema_url, entity_type, id_keys)| EntityRef {
        schema_url,
        entity_type,
        description_keys: id_keys.iter().rev().cloned().collect(),
        id_keys,
    });
    let entities = prop::collection::vec(entity, 0..2);
    (attributes(), 0u32..2, "[x-z]{0,1}", entities).prop_map(|(attributes, dropped, url, refs)| {
        Resource {
            attributes,
            dropped_attributes_count: dropped,
            schema_url: url,
            entity_refs: refs,
        }
    })
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), "[a-b]{0,1}", attributes(), 0u32..2).prop_map(|(time, name, attributes, n)| {
        Event {
            time: Timestamp::from_unix_nanos(time),
            name,
            attributes,
            dropped_attributes_count: n,
        }
    })
}

fn link() -> impl Strategy<Value = Link> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), "[a-b]{0,1}", attributes(), 0u32..2, any::<u32>())
        .prop_map(|(trace, span, trace_state, attributes, n, flags)| Link {
            trace_id: TraceId::from_bytes(trace),
            span_id: SpanId::from_bytes(span),
            trace_state,
            attributes,
            dropped_attributes_count: n,
            flags,
        })
}

prop_compose! {
    fn span(number: u8)(
        trace in 1u8..4,
        id in 1u8..9,
        parent in 0u8..10,
        kind in -1i32..7,
        (start, end) in prop_oneof![(0u64..4, 0u64..6), (any::<u64>(), any::<u64>())],
        attributes in attributes(),
        events in prop::collection::vec(event(), 0..3),
        links in prop::collection::vec(link(), 0..2),
        status in (-1i32..4, "[e-f]{0,1}"),
        rest in ("[n-p]{0,1}", "[s-t]{0,1}", 0u32..2, 0u32..2, 0u32..2, any::<u32>()),
        resource in resource(),
        scope in ("[q-r]{0,1}", "[0-1]{0,1}", attributes(), 0u32..2),
    ) -> Span {
        let (name, trace_state, attribute_drops, event_drops, link_drops, flags) = rest;
        Span {
            trace_id: TraceId::from_bytes([trace; 16]),
            // Unique ids: settling spans of one identity has its own tests.
            span_id: SpanId::from_bytes([id, number, 0, 0, 0, 0, 0, 0]),
            parent_span_id: (parent > 0).then(|| SpanId::from_bytes([parent, number / 2, 0, 0, 0, 0, 0, 0])),
            trace_state,
            flags,
            name,
            kind: SpanKind(kind),
            start: Timestamp::from_unix_nanos(start),
            end: Timestamp::from_unix_nanos(end),
            attributes,
            dropped_attributes_count: attribute_drops,
            events,
            dropped_events_count: event_drops,
            links,
            dropped_links_count: link_drops,
            status: Status { code: StatusCode(status.0), message: status.1 },
            resource: Arc::new(resource),
            scope: Arc::new(InstrumentationScope {
                name: scope.0,
                version: scope.1,
                attributes: scope.2,
                dropped_attributes_count: scope.3,
                schema_url: String::new(),
            }),
        }
    }
}

pub(super) fn spans() -> impl Strategy<Value = Vec<Span>> {
    (1u8..14).prop_flat_map(|count| (0..count).map(span).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn every_field_comes_back(spans in spans(), chunk_len in 60usize..400) {
        let block = block_of(&spans, chunk_len);
        let mut expected: Vec<Span> = spans.into_iter().map(canonical).collect();
        let mut got = all_spans(&block);
        expected.sort();
        got.sort();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn the_order_of_arrival_does_not_change_a_byte(spans in spans()) {
        let image = |spans: &[Span]| {
            let block = block_of(spans, 1 << 20);
            let header = block.header().unwrap();
            block.image().read(0, header.image_len).unwrap().to_vec()
        };
        let mut reversed = spans.clone();
        reversed.reverse();
        prop_assert_eq!(image(&spans), image(&reversed));
    }

    #[test]
    fn a_damaged_image_never_panics(
        spans in spans(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let block = block_of(&spans, 1 << 20);
        let len = block.image().len;
        let mut image = block.image().read(0, len).unwrap().to_vec();
        let at = at.index(image.len());
        image[at] = byte;
        let damaged = block_from(image, 1 << 20);
        let traces = damaged.header().map_or(0, |header| header.traces);
        for number in 0..traces {
            if let Ok(entry) = damaged.trace_entry(number) {
                let outcome = damaged.trace_spans(&entry);
                prop_assert!(outcome.is_ok() || outcome.is_err());
            }
        }
    }
}

/// The block of three small traces, after `damage` to its bytes from `section` on.
fn damaged(section: Section, damage: impl Fn(&mut [u8])) -> Block {
    let span = |trace: u8| Span {
        trace_id: TraceId::from_bytes([trace; 16]),
        span_id: SpanId::from_bytes([trace; 8]),
        // Two of three spans share a name, so that there are sets of rows.
        name: (trace / 2).to_string(),
        events: vec![Event::default()],
        ..Span::default()
    };
    let block = block_of(&[span(1), span(2), span(3)], 1 << 20);
    let offset = usize_of_u64(block.extent(section).unwrap().unwrap().offset);
    let mut image = block.image().read(0, block.image().len).unwrap().to_vec();
    damage(&mut image[offset..]);
    repair(&mut image);
    block_from(image, 1 << 20)
}

/// A search that went from window to window by such rows would never end.
#[test]
fn first_rows_that_do_not_ascend_from_0_are_refused() {
    assert!(damaged(Section::TraceFirstRows, |_| ()).trace_first_rows().is_ok());
    // The base of the packed values: the first row of the first trace is 1.
    let block = damaged(Section::TraceFirstRows, |bytes| bytes[4] = 1);
    let error = block.trace_first_rows().unwrap_err().to_string();
    assert!(error.contains("trace first rows") && error.contains("not in order"), "{error}");
    // The payload: four numbers of two bits.
    let block = damaged(Section::TraceFirstRows, |bytes| bytes[17] = 0b11_01_10_00);
    assert!(block.trace_first_rows().is_err());
}

/// Memory would be taken for as many rows as the header says.
#[test]
fn counts_that_the_sections_have_no_room_for_are_refused() {
    for (offset, what) in [(12, "span ids"), (16, "trace ids"), (20, "event"), (24, "link")] {
        let span = Span {
            trace_id: TraceId::from_bytes([1; 16]),
            span_id: SpanId::from_bytes([1; 8]),
            ..Span::default()
        };
        let block = block_of(&[span], 1 << 20);
        let mut image = block.image().read(0, block.image().len).unwrap().to_vec();
        image[offset + 3] = 0xff;
        repair(&mut image);
        let error = block_from(image, 1 << 20).header().unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn offsets_near_the_greatest_number_are_refused_without_overflow() {
    let mut refused = 0;
    for part in [Part::Dictionary, Part::Numbers] {
        let section = Section::Table(Table::Spans, part);
        let len = damaged(section, |_| ()).extent(section).unwrap().unwrap().len;
        for at in 0..usize_of_u64(len) - 8 {
            let near = (u64::MAX - 15).to_le_bytes();
            let block = damaged(section, |bytes| bytes[at..at + 8].copy_from_slice(&near));
            let columns = block.columns(Table::Spans, &ColumnKey::Field(field::NAME)).unwrap();
            assert_eq!(columns[0].values(), 2);
            let text = columns[0].value_cursor().and_then(|mut cursor| cursor.value(1));
            let rows = columns[0].posting(1);
            refused += u32::from(text.is_err()) + u32::from(rows.is_err());
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_list_of_columns_is_shared_where_nothing_is_cached() {
    let (trace_id, span_id) = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([1; 8]));
    let span = Span { trace_id, span_id, name: "a".to_owned(), ..Span::default() };
    let mut block = block_of(&[span], 100);
    // No entry fits.
    block = Block::new(Image { cache: Arc::new(Cache::new(0)), ..block.image().clone() });
    let held = block.directory(Table::Spans).unwrap();
    assert!(Arc::ptr_eq(&held, &block.directory(Table::Spans).unwrap()), "decoded twice");
    let columns = block.columns(Table::Spans, &ColumnKey::Field(field::NAME)).unwrap();
    assert_eq!(columns.len(), 1);
    // Of this one and the columns', no other was made.
    assert_eq!(Arc::strong_count(&held), 2);
}
