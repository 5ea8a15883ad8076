//! The widest instructions that the processor has. A library is built for any processor of its
//! architecture; loops over words are faster with what nearly all processors have. Invariant: what is computed
//! is the same on each.

#![expect(clippy::inline_always, reason = "what is compiled for wide processors has to be inlined")]

/// What `work` gives, compiled for processors that have AVX2 and all else that [x86-64-v3] says; `None` on
/// others, those of other architectures among them. Only what is inlined into `work` is compiled so, and
/// `work` only if it is marked `#[inline(always)]` too. Cost: a look at what was found out before about the
/// processor, a nanosecond.
///
/// [x86-64-v3]: https://gitlab.com/x86-psABIs/x86-64-ABI
#[inline(always)]
pub(crate) fn if_wide<R>(work: impl FnOnce() -> R) -> Option<R> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        use fearless_simd::{Level, Simd};
        Level::new().as_avx2().map(|avx2| avx2.vectorize(work))
    }
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    {
        drop(work);
        None
    }
}

/// What `work` gives: compiled once as [`if_wide`] does, and once for all other processors.
#[inline(always)]
pub(crate) fn widest<R>(mut work: impl FnMut() -> R) -> R {
    match if_wide(&mut work) {
        Some(done) => done,
        None => work(),
    }
}
