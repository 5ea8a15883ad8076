//! Counts what is allocated, so that a target fails that takes more memory than its input explains.
//! Only the fuzz targets count; the tests replay without. Invariant: the count follows every thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Bytes that a target may take beside what it takes for its input: caches of redb and of patterns.
const FREE_BYTES: usize = 96 << 20;
/// Bytes that a target may take for each byte of its input.
const BYTES_PER_BYTE: usize = 2_000;

struct Counting;

fn add(len: usize) {
    let live = LIVE.fetch_add(len, Ordering::Relaxed) + len;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs a target on an input.
///
/// # Panics
/// If the target panics, or takes more memory than the input's length explains.
pub(crate) fn bounded(input: &[u8], target: impl FnOnce(&[u8])) {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    target(input);
    let taken = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    let allowed = FREE_BYTES + input.len() * BYTES_PER_BYTE;
    assert!(taken <= allowed, "{taken} bytes were taken for {} bytes", input.len());
}
