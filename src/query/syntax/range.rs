//! Places in query text.

/// A range of bytes within a query's text. Two ranges are always equal: a tree is equal to another
/// if they say the same, wherever it stood.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a range is its two ends")]
pub struct TextRange {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl PartialEq for TextRange {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for TextRange {}
