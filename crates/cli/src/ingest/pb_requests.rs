//! Cuts a stream of protobuf requests, each after its length as a varint
//! (<https://protobuf.dev/programming-guides/encoding/#varints>). Invariant: a length is never trusted
//! for memory before the bytes are there.

use std::io::{self, BufRead, Read};

use super::json_requests::REQUEST_BYTES_MAX;

/// Why the rest of a stream cannot be cut: where a length is wrong, so is all that follows.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The stream ends within a request.
    #[error("the request ends after {got} of {expected} bytes")]
    Truncated { expected: u64, got: usize },
    /// The length is no varint, or beyond the limit.
    #[error("expected the length of a request as a varint of at most {REQUEST_BYTES_MAX}")]
    Length,
    /// The stream cannot be read.
    #[error("cannot read on")]
    Read(#[from] io::Error),
}

/// The next request, `None` at the end.
pub(super) fn next(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, FrameError> {
    let Some(length) = length(input)? else { return Ok(None) };
    if usize::try_from(length).map_or(true, |length| length > REQUEST_BYTES_MAX) {
        return Err(FrameError::Length);
    }
    let mut request = Vec::new();
    let got = input.take(length).read_to_end(&mut request)?;
    if u64::try_from(got).is_ok_and(|got| got == length) {
        return Ok(Some(request));
    }
    Err(FrameError::Truncated { expected: length, got })
}

fn length(input: &mut impl BufRead) -> Result<Option<u64>, FrameError> {
    let mut length = 0;
    for shift in (0..35).step_by(7) {
        let mut byte = [0];
        if input.read(&mut byte)? == 0 {
            return if shift == 0 { Ok(None) } else { Err(FrameError::Length) };
        }
        let [byte] = byte;
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(Some(length));
        }
    }
    Err(FrameError::Length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_follow_their_lengths() {
        let mut input: &[u8] = &[2, 7, 8, 0, 0x81, 0x00, 9];
        assert_eq!(next(&mut input).unwrap(), Some(vec![7, 8]));
        assert_eq!(next(&mut input).unwrap(), Some(vec![]));
        assert_eq!(next(&mut input).unwrap(), Some(vec![9]));
        assert_eq!(next(&mut input).unwrap(), None);
    }

    #[test]
    fn wrong_lengths_are_errors() {
        let fails = |mut input: &[u8]| next(&mut input).unwrap_err().to_string();
        assert_eq!(fails(&[3, 1, 2]), "the request ends after 2 of 3 bytes");
        assert!(fails(&[0x80]).starts_with("expected the length"));
        assert!(fails(&[0xff; 9]).starts_with("expected the length"));
    }
}
