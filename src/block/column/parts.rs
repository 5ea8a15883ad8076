//! Parts of columns that only large blocks have, from bytes alone, for the fuzz targets. Invariant:
//! nothing is read but what is given.

use super::postings;
use super::text_group::TextGroup;

/// Reads bytes as a group of texts and as lists of postings.
pub(crate) fn decode_column_parts(bytes: &[u8]) {
    let Some((count, rest)) = bytes.split_first() else { return };
    let group = TextGroup::decode(rest, (*count).into());
    drop(group.map(|group| group.lower_bound(rest)));
    drop(postings::decode(rest, usize::from(count % 8), 1 << 18).map(|zones| zones.rows_max()));
}
