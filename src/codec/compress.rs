//! Compression of short runs of bytes by zstd. Invariants: no size that a frame claims is believed before
//! it is held against a bound; the same bytes give the same frame.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

use super::bytes::Malformed;

/// Higher levels take longer and save next to nothing of groups this short.
const LEVEL: i32 = 1;
/// No frame holds more times its length: a block of 128 KiB takes at least four bytes.
const RATIO_MAX: usize = 1 << 15;

thread_local! {
    // Making a context costs more than a group takes.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// What `bytes` are compressed to, if that saves at least a sixteenth.
pub(crate) fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let frame = with(&COMPRESSOR, new_compressor, |compressor| compressor.compress(bytes)).ok()?;
    (frame.len() <= bytes.len() - bytes.len() / 16).then_some(frame)
}

/// The bytes of a frame, `len` of them, which is at most `len_max`.
pub(crate) fn decompress(frame: &[u8], len: usize, len_max: usize) -> Result<Vec<u8>, Malformed> {
    if len > len_max || len / RATIO_MAX > frame.len() {
        let what = format!("{len} bytes in a frame of {}, at most {len_max}", frame.len());
        return Err(Malformed::new(0, what));
    }
    let bytes = with(&DECOMPRESSOR, Decompressor::new, |context| context.decompress(frame, len))
        .map_err(|error| Malformed::new(0, format!("a zstd frame: {error}")))?;
    if bytes.len() != len {
        return Err(Malformed::new(0, format!("{} bytes in a frame of {len}", bytes.len())));
    }
    Ok(bytes)
}

/// Sizes stand beside the frame, and what it is in has a checksum.
fn new_compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.include_contentsize(false)?;
    compressor.include_checksum(false)?;
    Ok(compressor)
}

/// Runs `work` with the thread's context, made where there is none.
fn with<C: 'static, T>(
    kept: &'static std::thread::LocalKey<RefCell<Option<C>>>,
    make: impl FnOnce() -> io::Result<C>,
    work: impl FnOnce(&mut C) -> io::Result<T>,
) -> io::Result<T> {
    kept.with(|kept| {
        let mut context = match kept.take() {
            Some(context) => context,
            None => make()?,
        };
        let outcome = work(&mut context);
        kept.replace(Some(context));
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_comes_back_and_no_claim_is_believed() {
        let bytes = vec![7; 4 << 20];
        let frame = compress(&bytes).unwrap();
        assert!(frame.len() < 1000);
        assert_eq!(decompress(&frame, bytes.len(), usize::MAX).unwrap(), bytes);
        for (len, len_max) in
            [(bytes.len(), 100), (bytes.len() - 1, usize::MAX), (bytes.len() + 1, usize::MAX)]
        {
            assert!(decompress(&frame, len, len_max).is_err(), "{len} of at most {len_max}");
        }
        assert!(decompress(&frame[..5], usize::MAX, usize::MAX).is_err());
        assert!(compress(b"short").is_none());
        assert!(compress(b"").is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_frames_never_panic(frame in prop::collection::vec(any::<u8>(), 0..200), len in 0usize..5000) {
            let outcome = decompress(&frame, len, 4000);
            prop_assert!(outcome.is_err() || outcome.is_ok_and(|bytes| bytes.len() == len));
        }
    }
}
