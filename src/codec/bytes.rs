//! Reading and writing plain bytes. Invariant: a `Reader` never goes past its end; every read that
//! would is a `Malformed` error with its offset.

use super::cast;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {what}")]
pub(crate) struct Malformed {
    /// Where, counted from the start of what was being read.
    pub(crate) offset: usize,
    /// What is wrong.
    pub(crate) what: String,
}

impl Malformed {
    /// An error at `offset`.
    pub(crate) fn new(offset: usize, what: impl Into<String>) -> Self {
        Self { offset, what: what.into() }
    }
}

/// Reads little-endian numbers, varints and byte strings, front to back.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// True when everything has been read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// How many bytes have been read.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(len);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(taken) => {
                self.at += len;
                Ok(taken)
            }
            None => Err(Malformed::new(
                self.at,
                format!("{len} bytes expected, {} left", self.bytes.len() - self.at),
            )),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let at = self.at;
        let taken = self.take(N)?.first_chunk().copied();
        taken.ok_or_else(|| Malformed::new(at, "short read"))
    }

    /// What is left, all of it.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    /// The next byte.
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next 4 bytes as a number.
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next 8 bytes as a number.
    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next number in LEB128: seven bits a byte, low bits first, at most ten bytes.
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let start = self.at;
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::new(start, "a varint of more than 64 bits"))
    }

    /// A varint length, then that many bytes.
    pub(crate) fn prefixed(&mut self) -> Result<&'a [u8], Malformed> {
        let len = cast::usize_of_u64(self.varint()?);
        self.take(len)
    }

    /// A varint length, then that many bytes of UTF-8.
    pub(crate) fn prefixed_str(&mut self) -> Result<&'a str, Malformed> {
        let at = self.at;
        let bytes = self.prefixed()?;
        std::str::from_utf8(bytes).map_err(|error| Malformed::new(at, error.to_string()))
    }
}

/// Appends `value` in LEB128.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(cast::low_u8(value) | 0x80);
        value >>= 7;
    }
    out.push(cast::low_u8(value));
}

/// Appends a varint length and `bytes`.
pub(crate) fn put_prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, cast::u64_of(bytes.len()));
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_and_overlong_ones_are_refused() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.varint().unwrap(), value);
            assert!(reader.is_at_end());
        }
        assert!(Reader::new(&[0xff; 10]).varint().is_err());
        assert!(Reader::new(&[0x80]).varint().is_err());
    }

    #[test]
    fn reads_past_the_end_are_errors_with_their_place() {
        let mut reader = Reader::new(&[1, 0, 0, 0, 9]);
        assert_eq!(reader.u32().unwrap(), 1);
        let error = reader.u32().unwrap_err();
        assert_eq!(error.to_string(), "at byte 4: 4 bytes expected, 1 left");
        assert!(Reader::new(&[200, 1, 2]).prefixed().is_err());
    }
}
