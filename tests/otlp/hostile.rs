//! No bytes make a reader panic, and damaged requests give what prost makes of them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;
use treering::otlp::{write_json, write_protobuf};

use super::prost_messages::{Request, from_prost};
use crate::collect::{from_json, from_protobuf};
use crate::spans::spans;

/// One damage to a request.
#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    Insert(Index, Vec<u8>),
    Truncate(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(place, byte)| Damage::Set(place, byte)),
        (place(), 0_u8..8).prop_map(|(place, bit)| Damage::Flip(place, bit)),
        (place(), 1_usize..12).prop_map(|(place, count)| Damage::Remove(place, count)),
        (place(), 1_usize..40).prop_map(|(place, count)| Damage::Repeat(place, count)),
        (place(), vec(any::<u8>(), 1..4)).prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
        place().prop_map(Damage::Truncate),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let at = |place: &Index| place.index(bytes.len().max(1));
    let rest = |at: usize, count: usize| at..(at + count).min(bytes.len());
    match damage {
        _ if bytes.is_empty() => {}
        Damage::Set(place, byte) => {
            let at = at(place);
            bytes[at] = *byte;
        }
        Damage::Flip(place, bit) => {
            let at = at(place);
            bytes[at] ^= 1 << bit;
        }
        Damage::Remove(place, count) => drop(bytes.drain(rest(at(place), *count))),
        Damage::Repeat(place, count) => {
            let range = rest(at(place), *count);
            let (end, copy) = (range.end, bytes[range].to_vec());
            bytes.splice(end..end, copy).for_each(drop);
        }
        Damage::Insert(place, inserted) => {
            let at = at(place);
            bytes.splice(at..at, inserted.iter().copied()).for_each(drop);
        }
        Damage::Truncate(place) => bytes.truncate(at(place)),
    }
}

fn apply_all(bytes: &mut Vec<u8>, damages: &[Damage]) {
    for damage in damages {
        apply(bytes, damage);
    }
}

/// A varint at the start of `bytes`, and the bytes behind it.
fn varint(bytes: &[u8]) -> (usize, &[u8]) {
    let length = bytes.iter().position(|byte| *byte < 128).unwrap() + 1;
    let digits = bytes[..length].iter().rev();
    (digits.fold(0, |value, byte| value << 7 | usize::from(byte % 128)), &bytes[length..])
}

/// The fields of a valid message, each with its key.
fn fields(mut message: &[u8]) -> Vec<&[u8]> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let (key, content) = varint(message);
        let rest = match key % 8 {
            0 => varint(content).1,
            1 => &content[8..],
            2 => {
                let (length, content) = varint(content);
                &content[length..]
            }
            _ => &content[4..],
        };
        let (field, rest) = message.split_at(message.len() - rest.len());
        fields.push(field);
        message = rest;
    }
    fields
}

/// The same message with its fields in another order, and those of the messages that `path` leads
/// to.
fn rearranged(message: &[u8], path: &[u8], seed: usize) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = fields(message).iter().map(|field| field.to_vec()).collect();
    if let [number, path @ ..] = path {
        for part in parts.iter_mut().filter(|part| part[0] == number << 3 | 2) {
            let (length, content) = varint(&part[1..]);
            assert_eq!(length, content.len());
            let header = part.len() - length;
            let content = rearranged(content, path, seed / 2 + 1);
            part.truncate(header);
            part.extend(content);
        }
    }
    let count = parts.len().max(1);
    parts.rotate_left(seed % count);
    if seed % 2 == 1 {
        parts.reverse();
    }
    parts.concat()
}

/// What prost reads is read the same, and what it refuses is not passed over in silence.
fn agrees_with_prost(bytes: &[u8]) -> Result<(), TestCaseError> {
    let ours = from_protobuf(bytes);
    match Request::decode(bytes) {
        Ok(request) => {
            let (read, rejections) = ours.unwrap();
            prop_assert_eq!(&read, &from_prost(&request), "{:?}", rejections);
            let spans = request.resource_spans.iter().flat_map(|part| &part.scope_spans);
            let count: usize = spans.map(|part| part.spans.len()).sum();
            prop_assert_eq!(read.len() + rejections.len(), count);
        }
        Err(error) => {
            let noticed = ours.is_err() || ours.is_ok_and(|(_, rejections)| !rejections.is_empty());
            prop_assert!(noticed, "prost says {error}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..60)) {
        agrees_with_prost(&bytes)?;
        drop(from_json(&bytes));
    }

    /// Bytes that look like protobuf more often than any bytes do.
    #[test]
    fn any_fields_are_read_or_refused(
        fields in vec((1_u8..17, prop::sample::select(&[0_u8, 1, 2, 2, 2, 3, 4, 5][..]), vec(0_u8..24, 0..9)), 0..6),
    ) {
        let mut bytes = Vec::new();
        for (field, wire_type, content) in fields {
            bytes.push((field << 3 | wire_type) & 0x7f);
            if wire_type == 2 {
                bytes.push(u8::try_from(content.len()).unwrap());
            }
            bytes.extend(content);
        }
        for wrapped in [1, 2, 2] {
            agrees_with_prost(&bytes)?;
            bytes.insert(0, u8::try_from(bytes.len()).unwrap());
            bytes.insert(0, wrapped << 3 | 2);
        }
        agrees_with_prost(&bytes)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn damaged_protobuf_gives_what_prost_makes_of_it(
        spans in spans(3),
        damages in vec(damage(), 1..4),
    ) {
        let mut bytes = write_protobuf(&spans);
        apply_all(&mut bytes, &damages);
        agrees_with_prost(&bytes)?;
    }

    #[test]
    fn fields_may_come_in_any_order(spans in spans(5), seed in 0_usize..1_000) {
        let bytes = rearranged(&write_protobuf(&spans), &[1, 2, 2], seed);
        prop_assert_eq!(from_protobuf(&bytes).unwrap().0.len(), spans.len());
        agrees_with_prost(&bytes)?;
    }

    #[test]
    fn damaged_json_is_read_or_refused(spans in spans(3), damages in vec(damage(), 1..4)) {
        let mut bytes = write_json(&spans).into_bytes();
        apply_all(&mut bytes, &damages);
        if let Ok((read, _)) = from_json(&bytes) {
            let again = from_json(write_json(&read)).unwrap();
            prop_assert!(again.1.is_empty());
        }
    }
}
