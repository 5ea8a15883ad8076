//! Puts the sections of a block together. Invariant: the order of sections is fixed.

use super::children::Children;
use super::traces::OrderedTrace;
use super::{origin, spans, traces};
use crate::block::column::TableSize;
use crate::block::format::{Header, Section, Table, encode_header};
use crate::block::parallel::{both, threads_for};
use crate::block::staging::{StagedSpan, Staging};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{u32_of, u64_of, usize_of};
use crate::codec::packed;

/// A built block.
#[derive(Debug)]
pub(crate) struct Built {
    /// The whole image.
    pub(crate) image: Vec<u8>,
    /// Its header.
    pub(crate) header: Header,
}

/// A section and its bytes.
pub(in crate::block) type Sections = Vec<(Section, Vec<u8>)>;

/// Builds the image of `traces`, which must be sorted by start, then id.
pub(crate) fn build(staging: &Staging, traces: &[OrderedTrace]) -> Result<Built, Malformed> {
    build_on(staging, traces, threads_for)
}

/// The same on as many threads as `threads_for` says for a number of rows.
pub(crate) fn build_on(
    staging: &Staging,
    traces: &[OrderedTrace],
    threads_for: impl Fn(usize) -> usize,
) -> Result<Built, Malformed> {
    let numbers = traces.iter().flat_map(|trace| &trace.spans);
    let rows: Vec<&StagedSpan> =
        numbers.filter_map(|number| staging.spans.get(usize_of(*number))).collect();
    let threads = threads_for(rows.len());
    let events = Children::new(&rows, &staging.events, |span| &span.events);
    let links = Children::new(&rows, &staging.links, |span| &span.links);
    let plain = || {
        let mut sections = Sections::new();
        traces::sections(traces.iter(), &mut sections);
        spans::sections(traces, &rows, &mut sections);
        events.event_sections(&rows, &mut sections);
        links.link_sections(&mut sections);
        sections
    };
    let table = || spans::table(staging, traces, &rows);
    let (mut sections, (table, resources, scopes)) = both(threads, plain, table);
    let block_rows = rows.len();
    let size = |rows: usize| TableSize { rows, block_rows };
    table.finish(Table::Spans, size(block_rows), threads, &mut sections)?;
    origin::sections(staging, &resources, &scopes, block_rows, &mut sections)?;
    let (event_count, link_count) = (events.len(), links.len());
    let threads = threads_for(event_count);
    let table = events.event_table(staging);
    table.finish(Table::Events, size(event_count), threads, &mut sections)?;
    let threads = threads_for(link_count);
    let table = links.link_table(staging);
    table.finish(Table::Links, size(link_count), threads, &mut sections)?;
    let header = Header {
        rows: u32_of(rows.len()).unwrap_or(0),
        traces: u32_of(traces.len()).unwrap_or(0),
        events: u32_of(event_count).unwrap_or(0),
        links: u32_of(link_count).unwrap_or(0),
        image_len: 0,
    };
    Ok(image(header, sections))
}

/// The image of these sections.
pub(in crate::block) fn image(header: Header, sections: Sections) -> Built {
    let mut image = encode_header(header, &sections);
    image.reserve_exact(sections.iter().map(|(_, bytes)| bytes.len()).sum());
    for (_, bytes) in sections {
        image.extend_from_slice(&bytes);
    }
    let header = Header { image_len: u64_of(image.len()), ..header };
    Built { image, header }
}

/// Adds a section of packed integers, unless there are none.
pub(in crate::block) fn put_packed(
    sections: &mut Sections,
    section: Section,
    values: impl IntoIterator<Item = u64>,
) {
    let values: Vec<u64> = values.into_iter().collect();
    if !values.is_empty() {
        let mut bytes = Vec::new();
        packed::encode(&values, &mut bytes);
        sections.push((section, bytes));
    }
}

/// Adds a section of plain bytes, unless there are none.
pub(in crate::block) fn put_plain(sections: &mut Sections, section: Section, bytes: Vec<u8>) {
    if !bytes.is_empty() {
        sections.push((section, bytes));
    }
}
