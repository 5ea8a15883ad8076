//! Columns that are large enough for postings and for dictionaries of many groups. Invariant: whatever
//! is asked by them is what a look at each span says.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::{ColumnKey, ColumnReader, Numbers, Whole};
use crate::block::format::{Part, Section, Table, field};
use crate::block::reader::Block;
use crate::block::repair::repair;
use crate::block::tests::{block_from, block_of};
use crate::block::verify::block_faults;
use crate::codec::cast::{u32_of, usize_of, usize_of_u64};
use crate::id::{SpanId, TraceId};
use crate::model::{Attribute, Span, Value};

/// Spans in the order of their rows, each a trace, with these names and attributes.
fn spans(count: u32, fill: impl Fn(u32, &mut Span)) -> Vec<Span> {
    let one = |row: u32| {
        let mut id = [1; 16];
        id[..4].copy_from_slice(&row.swap_bytes().to_le_bytes());
        let mut span = Span {
            trace_id: TraceId::from_bytes(id),
            span_id: SpanId::from_bytes([1; 8]),
            ..Span::default()
        };
        fill(row, &mut span);
        span
    };
    (0..count).map(one).collect()
}

fn names(block: &Block) -> ColumnReader<'_> {
    block.columns(Table::Spans, &ColumnKey::Field(field::NAME)).unwrap().remove(0)
}

fn attribute<'a>(block: &'a Block, key: &str) -> ColumnReader<'a> {
    block.columns(Table::Spans, &ColumnKey::Attribute(key.to_owned())).unwrap().remove(0)
}

/// Some names are common, some rare, many stand once; `n` is not on every span, and large numbers of it
/// are rare.
fn mixed() -> Vec<Span> {
    spans(20_000, |row, span| {
        span.name = match row % 10 {
            0..5 => "common".to_owned(),
            5..8 => format!("rare {}", row / 40),
            _ => format!("once {}", row.wrapping_mul(2_654_435_761)),
        };
        if row % 16 != 3 {
            let n = i64::from(row.wrapping_mul(2_654_435_761) >> 16);
            span.attributes.push(Attribute::new("n", (n / 100).min(n / 7 % 300)));
        }
    })
}

fn rows_by<K: Ord>(spans: &[Span], key: impl Fn(&Span) -> Option<K>) -> BTreeMap<K, RoaringBitmap> {
    let mut rows: BTreeMap<K, RoaringBitmap> = BTreeMap::new();
    for (span, row) in spans.iter().zip(0u32..) {
        if let Some(key) = key(span) {
            rows.entry(key).or_default().insert(row);
        }
    }
    rows
}

#[test]
fn rows_of_values_are_those_that_have_them() {
    let spans = mixed();
    for chunk_len in [1000, 1 << 20] {
        let block = block_of(&spans, chunk_len);
        let by_name = rows_by(&spans, |span| Some(span.name.clone()));
        let by_number = rows_by(&spans, |span| match span.attributes.first()?.value {
            Value::Int(n) => Some(n),
            _ => None,
        });
        let sets = [by_name.into_values().collect::<Vec<_>>(), by_number.into_values().collect()];
        for (column, expected) in [names(&block), attribute(&block, "n")].into_iter().zip(sets) {
            assert_eq!(usize_of(column.values()), expected.len());
            assert!(block.extent(Section::Table(Table::Spans, Part::Postings)).unwrap().is_some());
            let step = if chunk_len == 1000 { 97 } else { 1 };
            for (number, rows) in (0u32..).zip(&expected).step_by(step) {
                assert_eq!(*column.posting(number).unwrap(), *rows, "{number}");
                assert!(column.rows_max(&[number]).unwrap() >= rows.len());
            }
            let last = column.values() - 1;
            for numbers in [vec![0, 1], vec![1, 2, last], (2..30).collect()] {
                let rows = numbers
                    .iter()
                    .fold(RoaringBitmap::new(), |rows, number| rows | &expected[usize_of(*number)]);
                assert_eq!(*column.union(&numbers).unwrap(), rows);
            }
            let counts = column.value_counts(None).unwrap();
            assert_eq!(counts, expected.iter().map(RoaringBitmap::len).collect::<Vec<_>>());
            assert_eq!(column.presence().unwrap().len(), u64::from(column.rows()));
        }
        if chunk_len > 1000 {
            assert_eq!(block_faults(&block).len(), 0);
        }
    }
}

/// The texts of a dictionary, by each way to read them.
fn check_texts(block: &Block, texts: &[Vec<u8>], step: usize) {
    let column = attribute(block, "text");
    assert_eq!(usize_of(column.values()), texts.len());
    let mut strings = column.strings().unwrap();
    let mut read = Vec::new();
    let part = 1..column.values().saturating_sub(1).max(1);
    for range in [0..column.values(), part.clone()] {
        let keep = range.len() == texts.len();
        strings
            .for_each(range.clone(), |some| {
                for place in 0..some.len() {
                    let number = usize_of(some.first) + place;
                    assert!(some.get(place) == texts[number]);
                    assert!(range.contains(&u32_of(number).unwrap()));
                    if keep {
                        read.push(number);
                    }
                }
                Ok(())
            })
            .unwrap();
        let mut next = range.start;
        strings
            .for_each_front(range.clone(), |some, places| {
                assert_eq!(some.numbers(places.clone()).start, next);
                next = some.numbers(places.clone()).end;
                let mut whole = Whole::default();
                for (place, number) in places.clone().zip(usize_of(some.numbers(places).start)..) {
                    assert!(some.whole(place, &mut whole) == texts[number]);
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(next, range.end);
    }
    assert!(read.into_iter().eq(0..texts.len()));
    for (number, text) in texts.iter().enumerate().step_by(step) {
        assert!(*strings.get(u32_of(number).unwrap()).unwrap() == **text);
        assert_eq!(strings.lower_bound(text).unwrap(), (u32_of(number).unwrap(), true));
        let beyond = [text.as_slice(), b"\0"].concat();
        let after = texts.partition_point(|other| *other < beyond);
        let equal = texts.get(after) == Some(&beyond);
        assert_eq!(strings.lower_bound(&beyond).unwrap(), (u32_of(after).unwrap(), equal));
        if let Some((_, prefix)) = text.split_last().filter(|(_, prefix)| !prefix.is_empty()) {
            let first = texts.partition_point(|other| other.as_slice() < prefix);
            let count = texts[first..].iter().take_while(|text| text.starts_with(prefix)).count();
            let expected = u32_of(first).unwrap()..u32_of(first + count).unwrap();
            assert_eq!(strings.with_prefix(prefix).unwrap(), expected);
        }
    }
    assert!(strings.get(column.values()).is_err());
}

#[test]
fn dictionaries_of_any_size_are_read_at_any_place() {
    let long = |byte: char| byte.to_string().repeat(4 << 20);
    let cases: [Vec<String>; 6] = [
        vec![String::new()],
        vec!["one".to_owned()],
        vec![String::new(), "a".to_owned(), long('a'), long('a') + "b", "c".to_owned()],
        (0u32..1200).map(|n| format!("{n:x}").repeat(40)).collect(),
        (0u32..900)
            .map(|n| format!("{:x}", u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .collect(),
        (0u32..3000).map(|n| "ab".repeat(1 + usize_of(n % 7)) + &n.to_string()).collect(),
    ];
    for texts in cases {
        let spans = spans(u32_of(texts.len()).unwrap(), |row, span| {
            span.attributes.push(Attribute::new("text", texts[usize_of(row)].clone()));
        });
        let mut sorted: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
        sorted.sort_unstable();
        let block = block_of(&spans, 65_000);
        check_texts(&block, &sorted, 1 + sorted.len() / 200);
        assert_eq!(block_faults(&block).len(), 0);
    }
}

#[test]
fn a_hundred_thousand_values_are_read_at_any_place() {
    let text = |row: u32| format!("{:08x}-{row}", row.wrapping_mul(2_654_435_761));
    let spans = spans(100_000, |row, span| {
        span.attributes.push(Attribute::new("text", text(row)));
    });
    let mut sorted: Vec<Vec<u8>> = (0..100_000).map(|row| text(row).into_bytes()).collect();
    sorted.sort_unstable();
    let block = block_of(&spans, 65_000);
    check_texts(&block, &sorted, 1999);
    let column = attribute(&block, "text");
    for row in (0..100_000).step_by(4999) {
        let (number, equal) = column.strings().unwrap().lower_bound(text(row).as_bytes()).unwrap();
        assert!(equal);
        assert_eq!(*column.posting(number).unwrap(), RoaringBitmap::from_iter([row]));
    }
}

/// Damage to any part of a column is an error or gives other rows, and checking finds what readers rely
/// on; nothing panics.
#[test]
fn damaged_columns_never_panic_and_are_found() {
    let spans = mixed();
    let block = block_of(&spans, 1 << 22);
    let image = block.image().read(0, block.image().len).unwrap().to_vec();
    let mut found = 0;
    let mut tried = 0;
    for part in [Part::Presence, Part::Numbers, Part::Dictionary, Part::Postings] {
        let extent = block.extent(Section::Table(Table::Spans, part)).unwrap().unwrap();
        let (start, len) = (usize_of_u64(extent.offset), usize_of_u64(extent.len));
        for at in (0..40).chain((40..len).step_by(len / 6)) {
            let mut damaged = image.clone();
            damaged[start + at] ^= 0x41;
            repair(&mut damaged);
            let damaged = block_from(damaged, 1 << 22);
            for column in [names(&damaged), attribute(&damaged, "n")] {
                for number in [0, 1, column.values() - 1] {
                    drop(column.posting(number));
                    drop(column.value_cursor().map(|mut values| values.value(number)));
                }
                let all = Numbers::Range(0..column.values());
                assert!(all.has(0));
            }
            tried += 1;
            found += usize::from(!super::verify::column_faults(&damaged, Table::Spans).is_empty());
        }
    }
    assert!(found * 2 > tried, "{found} of {tried} found");
}
