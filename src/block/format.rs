//! The numbers of the block format: magic, version, section and field codes, header. Described for
//! readers in `docs/format.md`. Invariants: code 0 is never valid; a code is never reused.

use crate::codec::bytes::{Malformed, Reader};
use crate::codec::cast::{u64_of, usize_of_u64};
use crate::codec::checksum;

/// The first eight bytes of an image.
pub(crate) const MAGIC: [u8; 8] = *b"TREERBLK";
/// The version of the image format that this build writes, and the only one it reads.
pub(crate) const VERSION: u32 = 1;
/// Bytes of the header before its section table.
pub(crate) const HEADER_LEN: usize = 44;
/// Bytes of one entry of the section table.
pub(crate) const SECTION_ENTRY_LEN: usize = 20;
/// More sections than any image has: a bound for the reader.
const SECTIONS_MAX: u32 = 256;

const _: () = assert!(HEADER_LEN == MAGIC.len() + 4 * 7 + 8);
const _: () = assert!(SECTION_ENTRY_LEN == 4 + 8 + 8);

/// A section that exists at most once in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Section {
    TraceIds,
    TraceFirstRows,
    TraceStarts,
    TraceEnds,
    TraceLookup,
    TraceRoots,
    TraceFilter,
    Ends,
    Parents,
    SpanIds,
    Starts,
    Durations,
    EventOwners,
    EventTimes,
    LinkOwners,
    LinkTraceIds,
    LinkSpanIds,
    DurationBuckets,
    /// A part of a table.
    Table(Table, Part),
}

/// A set of columns over one row space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Table {
    Spans,
    Resources,
    Scopes,
    Events,
    Links,
}

/// What the columns of a table are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Part {
    Directory,
    Presence,
    Numbers,
    Dictionary,
    Postings,
}

const PLAIN: [(Section, u32, &str); 18] = [
    (Section::TraceIds, 1, "trace ids"),
    (Section::TraceFirstRows, 2, "trace first rows"),
    (Section::TraceStarts, 3, "trace starts"),
    (Section::TraceEnds, 4, "trace ends"),
    (Section::TraceLookup, 5, "trace lookup"),
    (Section::TraceRoots, 6, "trace roots"),
    (Section::TraceFilter, 7, "trace filter"),
    (Section::Ends, 8, "interval ends"),
    (Section::Parents, 9, "parents"),
    (Section::SpanIds, 10, "span ids"),
    (Section::Starts, 11, "starts"),
    (Section::Durations, 12, "durations"),
    (Section::EventOwners, 13, "event owners"),
    (Section::EventTimes, 14, "event times"),
    (Section::LinkOwners, 15, "link owners"),
    (Section::LinkTraceIds, 16, "link trace ids"),
    (Section::LinkSpanIds, 17, "link span ids"),
    (Section::DurationBuckets, 18, "duration buckets"),
];

pub(crate) const TABLES: [(Table, u32, &str); 5] = [
    (Table::Spans, 32, "span"),
    (Table::Resources, 40, "resource"),
    (Table::Scopes, 48, "scope"),
    (Table::Events, 56, "event"),
    (Table::Links, 64, "link"),
];

pub(crate) const PARTS: [(Part, u32, &str); 5] = [
    (Part::Directory, 0, "directory"),
    (Part::Presence, 1, "presence"),
    (Part::Numbers, 2, "value numbers"),
    (Part::Dictionary, 3, "dictionaries"),
    (Part::Postings, 4, "postings"),
];

impl Section {
    /// The code stored for this section.
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::Table(table, part) => table.row().1 + part.row().1,
            plain => PLAIN.iter().find(|row| row.0 == plain).map_or(0, |row| row.1),
        }
    }

    /// The section stored under `code`.
    pub(crate) fn of_code(code: u32) -> Option<Self> {
        if let Some(row) = PLAIN.iter().find(|row| row.1 == code) {
            return Some(row.0);
        }
        let table = TABLES.iter().find(|row| row.1 == code & !7)?;
        let part = PARTS.iter().find(|row| row.1 == code & 7)?;
        Some(Self::Table(table.0, part.0))
    }

    /// What the section is called in statistics and errors.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Table(table, part) => format!("{} {}", table.row().2, part.row().2),
            plain => PLAIN.iter().find(|row| row.0 == plain).map_or("", |row| row.2).to_owned(),
        }
    }
}

impl Table {
    fn row(self) -> (Self, u32, &'static str) {
        TABLES.into_iter().find(|row| row.0 == self).unwrap_or((self, 0, ""))
    }
}

impl Part {
    fn row(self) -> (Self, u32, &'static str) {
        PARTS.into_iter().find(|row| row.0 == self).unwrap_or((self, 0, ""))
    }
}

/// Fields that are stored as columns beside attributes. The numbers are stored.
pub(crate) mod field {
    /// Name of a span, an event or a scope.
    pub(crate) const NAME: u8 = 1;
    /// OTLP's span kind.
    pub(crate) const KIND: u8 = 2;
    /// OTLP's status code.
    pub(crate) const STATUS: u8 = 3;
    /// Status message, where not empty.
    pub(crate) const STATUS_MESSAGE: u8 = 4;
    /// W3C trace state, where not empty.
    pub(crate) const TRACE_STATE: u8 = 5;
    /// Flags, where not 0.
    pub(crate) const FLAGS: u8 = 6;
    /// Dropped attributes, where not 0.
    pub(crate) const DROPPED_ATTRIBUTES: u8 = 7;
    /// Dropped events, where not 0.
    pub(crate) const DROPPED_EVENTS: u8 = 8;
    /// Dropped links, where not 0.
    pub(crate) const DROPPED_LINKS: u8 = 9;
    /// start - end, where the span ends before it starts; the bits of a `u64`.
    pub(crate) const BACKWARD: u8 = 10;
    /// Attributes whose key stands earlier in the same list, as one value.
    pub(crate) const REPEATED: u8 = 11;
    /// The parent id as sent, where structure does not give it; 0 for none.
    pub(crate) const SENT_PARENT: u8 = 12;
    /// Present on the span at which a cycle was cut.
    pub(crate) const CUT: u8 = 13;
    /// Schema URL, where not empty.
    pub(crate) const SCHEMA_URL: u8 = 14;
    /// Entity references of a resource, as one value.
    pub(crate) const ENTITY_REFS: u8 = 15;
    /// Version of a scope, where not empty.
    pub(crate) const VERSION: u8 = 16;
    /// Number of the span's resource within the block.
    pub(crate) const RESOURCE: u8 = 17;
    /// Number of the span's instrumentation scope within the block.
    pub(crate) const SCOPE: u8 = 18;
}

/// The fixed head of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Header {
    pub(crate) rows: u32,
    pub(crate) traces: u32,
    pub(crate) events: u32,
    pub(crate) links: u32,
    pub(crate) image_len: u64,
}

/// Where a section lies in its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// The bytes of the header and section table of `sections`, which follow directly, in order.
pub(crate) fn encode_header(mut header: Header, sections: &[(Section, Vec<u8>)]) -> Vec<u8> {
    let table_len = sections.len() * SECTION_ENTRY_LEN;
    let mut offset = u64_of(HEADER_LEN + table_len);
    let mut table = Vec::with_capacity(table_len);
    for (section, bytes) in sections {
        table.extend_from_slice(&section.code().to_le_bytes());
        table.extend_from_slice(&offset.to_le_bytes());
        table.extend_from_slice(&u64_of(bytes.len()).to_le_bytes());
        offset += u64_of(bytes.len());
    }
    header.image_len = offset;
    let mut out = Vec::with_capacity(HEADER_LEN + table_len);
    out.extend_from_slice(&MAGIC);
    let count = u32::try_from(sections.len()).unwrap_or(0);
    for number in [VERSION, header.rows, header.traces, header.events, header.links, count] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&header.image_len.to_le_bytes());
    let sum = checksum::of(&[&out, &table]);
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(&table);
    out
}

/// The header and the number of bytes that it and its section table take, from an image's start.
pub(crate) fn decode_header(bytes: &[u8]) -> Result<(Header, usize), Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(Malformed::new(0, "no block: the magic number is missing"));
    }
    let version = reader.u32()?;
    if version != VERSION {
        let what = format!("block format {version}, this build reads {VERSION}");
        return Err(Malformed::new(MAGIC.len(), what));
    }
    let header = Header {
        rows: reader.u32()?,
        traces: reader.u32()?,
        events: reader.u32()?,
        links: reader.u32()?,
        image_len: 0,
    };
    let sections = reader.u32()?;
    if sections > SECTIONS_MAX {
        return Err(Malformed::new(reader.offset() - 4, format!("{sections} sections")));
    }
    let header = Header { image_len: reader.u64()?, ..header };
    Ok((header, HEADER_LEN + usize_of_u64(u64::from(sections)) * SECTION_ENTRY_LEN))
}

/// The length of an image, from its first bytes; `None` where they are not those of one.
pub(crate) fn image_len(first: &[u8]) -> Option<u64> {
    let (header, _) = decode_header(first).ok()?;
    Some(header.image_len)
}

/// The section table, from the bytes that [`decode_header`] measured; checks the header's checksum
/// and that sections lie within the image.
pub(crate) fn decode_sections(head: &[u8]) -> Result<Vec<(Section, Extent)>, Malformed> {
    let (header, len) = decode_header(head)?;
    let mut reader = Reader::new(head);
    let fixed = reader.take(HEADER_LEN - 4)?;
    let stored = reader.u32()?;
    let table = reader.take(len - HEADER_LEN)?;
    if checksum::of(&[fixed, table]) != stored {
        return Err(Malformed::new(HEADER_LEN - 4, "the header's checksum does not hold"));
    }
    let mut reader = Reader::new(table);
    let mut sections = Vec::new();
    while !reader.is_at_end() {
        let code = reader.u32()?;
        let extent = Extent { offset: reader.u64()?, len: reader.u64()? };
        let end = extent.offset.checked_add(extent.len);
        let section = Section::of_code(code);
        match (section, end) {
            (Some(section), Some(end)) if end <= header.image_len => {
                sections.push((section, extent));
            }
            _ => {
                let what = format!("section {code} at {} + {}", extent.offset, extent.len);
                return Err(Malformed::new(HEADER_LEN + reader.offset(), what));
            }
        }
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_not_zero_and_come_back() {
        let mut codes = Vec::new();
        let tables = TABLES
            .iter()
            .flat_map(|table| PARTS.iter().map(move |part| Section::Table(table.0, part.0)));
        for section in PLAIN.iter().map(|row| row.0).chain(tables) {
            assert_eq!(Section::of_code(section.code()), Some(section));
            assert!(!section.name().is_empty());
            codes.push(section.code());
        }
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), PLAIN.len() + TABLES.len() * PARTS.len());
        assert!(!codes.contains(&0));
    }

    #[test]
    fn a_header_comes_back_and_any_flipped_byte_is_noticed() {
        let sections = vec![(Section::Ends, vec![1, 2, 3]), (Section::SpanIds, vec![4; 9])];
        let header = Header { rows: 7, traces: 2, events: 1, links: 0, image_len: 0 };
        let bytes = encode_header(header, &sections);
        let (decoded, len) = decode_header(&bytes).unwrap();
        assert_eq!((decoded.rows, len), (7, bytes.len()));
        assert_eq!(decoded.image_len, u64_of(bytes.len() + 12));
        assert_eq!(decode_sections(&bytes).unwrap().len(), 2);
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0x10;
            assert!(
                decode_header(&broken).is_err() || decode_sections(&broken).is_err(),
                "byte {at}"
            );
        }
    }
}
