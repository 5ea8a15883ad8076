//! Makes the checksums of an edited image hold again, so that what lies behind them is put to the
//! test. For the fuzz targets alone. Invariant: no byte is changed but the stored length of the image
//! and checksums.

use std::ops::Range;

use super::format::{HEADER_LEN, Part, Section, decode_header, decode_sections};
use crate::codec::cast::{u64_of, usize_of_u64};
use crate::codec::checksum;

const CHECKSUM_LEN: usize = 4;

/// Where the sections lie, in the order of the section table; none where the header is damaged.
pub(crate) fn sections(image: &[u8]) -> Vec<(Section, Range<usize>)> {
    let sections = decode_sections(image).unwrap_or_default();
    let range = |offset, len| usize_of_u64(offset)..usize_of_u64(offset).saturating_add(len);
    let place = |(section, extent): &(Section, super::format::Extent)| {
        (*section, range(extent.offset, usize_of_u64(extent.len)))
    };
    sections.iter().map(place).collect()
}

/// Repairs the header, as far as it can be found, and the records of the directories that the header
/// leads to.
pub(crate) fn repair(image: &mut [u8]) {
    repair_header(image);
    for (section, range) in sections(image) {
        if let Section::Table(_, Part::Directory) = section
            && let Some(bytes) = image.get_mut(range)
            && let Some((body, stored)) = bytes.split_last_chunk_mut::<CHECKSUM_LEN>()
        {
            *stored = checksum::of(&[body]).to_le_bytes();
        }
    }
    // A damaged section table may have led into the header.
    repair_header(image);
}

fn repair_header(image: &mut [u8]) {
    let image_len = u64_of(image.len());
    let Ok((_, len)) = decode_header(image) else { return };
    let Some((head, _)) = image.split_at_mut_checked(len) else { return };
    let Some((fixed, table)) = head.split_at_mut_checked(HEADER_LEN) else { return };
    let Some((rest, stored)) = fixed.split_last_chunk_mut::<CHECKSUM_LEN>() else { return };
    if let Some(stored_len) = rest.last_chunk_mut::<8>() {
        *stored_len = image_len.to_le_bytes();
    }
    *stored = checksum::of(&[rest, table]).to_le_bytes();
}
