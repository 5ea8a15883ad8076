//! The protobuf wire format: keys, varints, fixed-width numbers and lengths, as the protobuf
//! documentation defines them. Invariant: a [`Reader`] never leaves the bytes it was given, and its
//! offsets count from the first byte of the outermost message, however deep it is nested.

use std::fmt;

use super::cast;

/// How many groups within groups are skipped before a reader gives up.
const GROUP_DEPTH_MAX: u32 = 64;

/// Wire types, the low three bits of a key.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const GROUP_START: u32 = 3;
const GROUP_END: u32 = 4;
const FIXED32: u32 = 5;

/// What announces a field: its number and wire type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) u32);

impl Key {
    /// The key of a varint field.
    pub(crate) const fn varint(field: u32) -> Self {
        Self(field << 3 | VARINT)
    }

    /// The key of a field of four bytes.
    pub(crate) const fn fixed32(field: u32) -> Self {
        Self(field << 3 | FIXED32)
    }

    /// The key of a field of eight bytes.
    pub(crate) const fn fixed64(field: u32) -> Self {
        Self(field << 3 | FIXED64)
    }

    /// The key of text, bytes or a message.
    pub(crate) const fn length(field: u32) -> Self {
        Self(field << 3 | LENGTH)
    }

    /// The field's number.
    pub(crate) const fn field(self) -> u32 {
        self.0 >> 3
    }

    /// The byte that the key of one of the fields 1 to 15 is on the wire.
    pub(crate) const fn byte(self) -> u8 {
        let [byte, ..] = self.0.to_le_bytes();
        byte
    }

    const fn wire_type(self) -> u32 {
        self.0 & 7
    }
}

/// What the bytes of a message got wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WireError {
    /// The place, from the start of the outermost message.
    pub(crate) offset: usize,
    problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Ends,
    Length { expected: u64, got: usize },
    Varint,
    Key(u64),
    WireType(Key),
    GroupEnd,
    GroupDepth,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem {
            Problem::Ends => write!(f, "the message ends within a number")?,
            Problem::Length { expected, got } => {
                write!(f, "expected {expected} more bytes, got {got}")?;
            }
            Problem::Varint => write!(f, "expected a varint of at most 64 bits")?,
            Problem::Key(key) => write!(f, "{key} announces no field of protobuf")?,
            Problem::WireType(key) => {
                write!(f, "field {} cannot have wire type {}", key.field(), key.wire_type())?;
            }
            Problem::GroupEnd => write!(f, "a group ends that was not begun")?,
            Problem::GroupDepth => write!(f, "groups nest deeper than {GROUP_DEPTH_MAX}")?,
        }
        write!(f, ", at byte {} of the request", self.offset)
    }
}

/// Reads one message. Copies are cheap and read on their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    end: usize,
}

impl<'a> Reader<'a> {
    /// A reader of an outermost message.
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message, end: message.len() }
    }

    /// What is left to read.
    #[inline]
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The end of what is left to read, as a message of so many bytes.
    #[inline]
    pub(crate) fn tail(&self, len: usize) -> Option<Self> {
        let (_, rest) = self.rest.split_at_checked(self.rest.len().checked_sub(len)?)?;
        Some(Self { rest, end: self.end })
    }

    /// Where the next byte is, from the start of the outermost message.
    pub(crate) const fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// The next field's key; `None` at the end of the message.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Option<Key>, WireError> {
        match self.rest {
            [] => Ok(None),
            // One byte holds the key of fields 1 to 15.
            [byte @ 8..0x80, rest @ ..] if u32::from(byte & 7) <= FIXED32 => {
                self.rest = rest;
                Ok(Some(Key(u32::from(*byte))))
            }
            _ => self.long_key().map(Some),
        }
    }

    fn long_key(&mut self) -> Result<Key, WireError> {
        let offset = self.offset();
        let number = self.varint()?;
        let key = u32::try_from(number).ok().map(Key);
        key.filter(|key| key.field() > 0 && key.wire_type() <= FIXED32)
            .ok_or(WireError { offset, problem: Problem::Key(number) })
    }

    /// A varint.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        match self.rest {
            [byte @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let offset = self.offset();
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let Some((byte, rest)) = self.rest.split_first() else {
                return Err(WireError { offset, problem: Problem::Ends });
            };
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                // The tenth byte has room for one bit.
                let fits = shift < 63 || *byte <= 1;
                return fits.then_some(value).ok_or(WireError { offset, problem: Problem::Varint });
            }
        }
        Err(WireError { offset, problem: Problem::Varint })
    }

    /// Four bytes.
    #[inline]
    pub(crate) fn fixed32(&mut self) -> Result<u32, WireError> {
        self.fixed().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, WireError> {
        self.fixed().map(u64::from_le_bytes)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            return Err(WireError { offset: self.offset(), problem: Problem::Ends });
        };
        self.rest = rest;
        Ok(*bytes)
    }

    /// Bytes behind their length.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let offset = self.offset();
        let expected = self.varint()?;
        let Some((bytes, rest)) = self.rest.split_at_checked(cast::usize_of_u64(expected)) else {
            let got = self.rest.len();
            return Err(WireError { offset, problem: Problem::Length { expected, got } });
        };
        self.rest = rest;
        Ok(bytes)
    }

    /// A message within this one.
    #[inline]
    pub(crate) fn message(&mut self) -> Result<Self, WireError> {
        let rest = self.bytes()?;
        Ok(Self { rest, end: self.offset() })
    }

    /// Passes over the content of a field of which `known` fields are numbered up to that: those
    /// came with a wire type that they cannot have.
    #[cold]
    pub(crate) fn unknown(&mut self, key: Key, known: u32) -> Result<(), WireError> {
        if key.field() <= known {
            return Err(WireError { offset: self.offset(), problem: Problem::WireType(key) });
        }
        self.skip(key)
    }

    /// Passes over the content of a field.
    pub(crate) fn skip(&mut self, key: Key) -> Result<(), WireError> {
        match key.wire_type() {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            LENGTH => self.bytes().map(drop),
            GROUP_START => self.skip_group(key),
            FIXED32 => self.fixed32().map(drop),
            _ => Err(WireError { offset: self.offset(), problem: Problem::GroupEnd }),
        }
    }

    fn skip_group(&mut self, key: Key) -> Result<(), WireError> {
        let mut open = vec![key.field()];
        while let Some(group) = open.last() {
            let offset = self.offset();
            let Some(key) = self.key()? else {
                return Err(WireError { offset, problem: Problem::Ends });
            };
            match key.wire_type() {
                GROUP_START if open.len() == cast::usize_of(GROUP_DEPTH_MAX) => {
                    return Err(WireError { offset, problem: Problem::GroupDepth });
                }
                GROUP_START => open.push(key.field()),
                GROUP_END if key.field() == *group => drop(open.pop()),
                _ => self.skip(key)?,
            }
        }
        Ok(())
    }
}

/// Writes one message and those within it.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// What was written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(cast::low_u8(value) | 0x80);
            value >>= 7;
        }
        self.bytes.push(cast::low_u8(value));
    }

    fn key(&mut self, key: Key) {
        self.number(u64::from(key.0));
    }

    /// A varint field, zero or not.
    pub(crate) fn varint(&mut self, key: Key, value: u64) {
        self.key(key);
        self.number(value);
    }

    /// A varint field, left out if zero.
    pub(crate) fn varint_unless_zero(&mut self, key: Key, value: u64) {
        if value != 0 {
            self.varint(key, value);
        }
    }

    /// A field of four bytes, left out if zero.
    pub(crate) fn fixed32_unless_zero(&mut self, key: Key, value: u32) {
        if value != 0 {
            self.key(key);
            self.bytes.extend(value.to_le_bytes());
        }
    }

    /// A field of eight bytes, zero or not.
    pub(crate) fn fixed64(&mut self, key: Key, value: u64) {
        self.key(key);
        self.bytes.extend(value.to_le_bytes());
    }

    /// A field of eight bytes, left out if zero.
    pub(crate) fn fixed64_unless_zero(&mut self, key: Key, value: u64) {
        if value != 0 {
            self.fixed64(key, value);
        }
    }

    /// Text or bytes, empty or not.
    pub(crate) fn bytes(&mut self, key: Key, value: impl AsRef<[u8]>) {
        self.key(key);
        self.number(cast::u64_of(value.as_ref().len()));
        self.bytes.extend(value.as_ref());
    }

    /// Text or bytes, left out if empty.
    pub(crate) fn bytes_unless_empty(&mut self, key: Key, value: impl AsRef<[u8]>) {
        if !value.as_ref().is_empty() {
            self.bytes(key, value);
        }
    }

    /// A message, with what `content` writes within it. Costs a move of the content, since its
    /// length comes first and is not known before.
    pub(crate) fn message(&mut self, key: Key, content: impl FnOnce(&mut Self)) {
        self.key(key);
        let start = self.bytes.len();
        content(self);
        let end = self.bytes.len();
        self.number(cast::u64_of(end - start));
        let width = self.bytes.len() - end;
        if let Some(message) = self.bytes.get_mut(start..) {
            message.rotate_right(width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_written_are_read_back_and_take_no_more_than_ten_bytes() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            let mut writer = Writer::default();
            writer.varint(Key::varint(1), value);
            let bytes = writer.into_bytes();
            assert!(bytes.len() <= 11);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.key(), Ok(Some(Key::varint(1))));
            assert_eq!(reader.varint(), Ok(value));
            assert_eq!(reader.key(), Ok(None));
        }
        assert!(Reader::new(&[0xff; 11]).varint().is_err());
        assert!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2])
                .varint()
                .is_err()
        );
        assert!(Reader::new(&[0x80]).varint().is_err());
    }

    #[test]
    fn messages_nest_and_offsets_count_from_the_outermost() {
        let mut writer = Writer::default();
        writer.message(Key::length(1), |inner| {
            inner.message(Key::length(2), |leaf| leaf.bytes(Key::length(3), [7; 200]));
            inner.varint(Key::varint(4), 5);
        });
        let bytes = writer.into_bytes();
        let mut outer = Reader::new(&bytes);
        outer.key().unwrap();
        let mut inner = outer.message().unwrap();
        inner.key().unwrap();
        let mut leaf = inner.message().unwrap();
        assert_eq!(leaf.offset(), bytes.len() - 2 - 203);
        leaf.key().unwrap();
        assert_eq!(leaf.bytes().unwrap(), [7; 200]);
        assert_eq!(inner.key(), Ok(Some(Key::varint(4))));
        assert_eq!(inner.offset(), bytes.len() - 1);
    }

    #[test]
    fn groups_are_passed_over_only_if_they_match() {
        let skip = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            let key = reader.key()?.unwrap();
            reader.skip(key).map(|()| reader.offset())
        };
        assert_eq!(skip(&[0x0b, 0x13, 0x08, 1, 0x14, 0x0c, 0x08]), Ok(6));
        for broken in [&[0x0b, 0x14][..], &[0x0b], &[0x0c], &[0x0b, 0x08], &[0x0b; 100]] {
            assert!(skip(broken).is_err(), "{broken:?}");
        }
    }
}
