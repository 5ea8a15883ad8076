//! How many rows each value of a column has. Invariant: the postings are read once, front to back,
//! and leave no sets in the cache.

use roaring::RoaringBitmap;

use super::postings::{self, FORM_SETS, FORM_SINGLE};
use super::reader::ColumnReader;
use crate::block::error::BlockError;
use crate::block::format::Part;
use crate::codec::cast::{low_u32, u64_of, usize_of, usize_of_u64};

impl ColumnReader<'_> {
    /// For each value, how many rows have it; where given, of the rows `within`.
    pub(crate) fn value_counts(
        &self,
        within: Option<&RoaringBitmap>,
    ) -> Result<Vec<u64>, BlockError> {
        if self.values() <= 1 {
            return Ok(vec![self.rows_within(within)?; usize_of(self.values())]);
        }
        let run = self.run(|entry| entry.postings);
        let form = self.bytes(Part::Postings, run.offset, 1.min(run.len))?.first().copied();
        let packed = self.packed(Part::Postings, run, 1)?;
        let mut counts = Vec::with_capacity(usize_of(self.values()));
        match form {
            Some(FORM_SINGLE) => packed.decode(|row| {
                let counts_here = within.is_none_or(|within| within.contains(low_u32(row)));
                counts.push(u64::from(counts_here));
            })?,
            Some(FORM_SETS) => {
                let start = 1 + packed.encoded_len()?;
                let mut ends = Vec::with_capacity(packed.count());
                packed.decode(|end| ends.push(end))?;
                let len = run.len.saturating_sub(start);
                let sets = self.bytes(Part::Postings, run.offset + start, len)?;
                for bounds in ends.windows(2) {
                    let [start, end] = bounds else { continue };
                    let set = sets.get(usize_of_u64(*start)..usize_of_u64(*end));
                    let Some(set) = set else {
                        return Err(self.corrupt(Part::Postings, "offsets descend"));
                    };
                    let rows = postings::decode_set(set, self.table_rows())
                        .map_err(|cause| self.corrupt(Part::Postings, cause.to_string()))?;
                    counts.push(overlap(&rows, within));
                }
            }
            other => return Err(self.corrupt(Part::Postings, format!("form {other:?}"))),
        }
        if u64_of(counts.len()) == u64::from(self.values()) {
            return Ok(counts);
        }
        let what = format!("{} sets, {} expected", counts.len(), self.values());
        Err(self.corrupt(Part::Postings, what))
    }

    /// How many rows have a value; where given, of the rows `within`.
    pub(crate) fn rows_within(&self, within: Option<&RoaringBitmap>) -> Result<u64, BlockError> {
        match within {
            None => Ok(u64::from(self.rows())),
            Some(_) if self.rows() == 0 => Ok(0),
            Some(within) => Ok(overlap(&*self.presence()?, Some(within))),
        }
    }
}

fn overlap(rows: &RoaringBitmap, within: Option<&RoaringBitmap>) -> u64 {
    within.map_or_else(|| rows.len(), |within| rows.intersection_len(within))
}
