//! Many values of a column at once, by number. Invariant: where many rows are wanted the column is
//! decoded front to back, once; where few are, only what they need is read.

use super::reader::ColumnReader;
use crate::block::error::BlockError;
use crate::block::format::Part;
use crate::block::runs::Runs;
use crate::block::staging::ValueKind;
use crate::codec::cast::{low_u32, u64_of, usize_of};

/// Of at least one row in so many of a column, all value numbers are decoded; of fewer, single ones are
/// read.
const MANY_ROWS_SHARE: u32 = 8;
/// Of one in so many values of a dictionary, all are read; of fewer, single ones are.
const MANY_VALUES_SHARE: usize = 4;

impl ColumnReader<'_> {
    /// Hands on each value in some runs of rows: the position of its row, and its number. Positions
    /// ascend.
    pub(in crate::block) fn each_number_of(
        &self,
        runs: &Runs<'_>,
        mut each: impl FnMut(u32, u32),
    ) -> Result<(), BlockError> {
        let mut meeting = runs.meeting(self.bounds()).peekable();
        if meeting.peek().is_none() {
            return Ok(());
        }
        let is_many = runs.len() >= usize_of(self.rows() / MANY_ROWS_SHARE);
        let all = if is_many { self.decoded_numbers()? } else { Vec::new() };
        let mut single = if is_many { None } else { self.number_cursor()? };
        let last = self.values().saturating_sub(1);
        let mut number = |rank: u32| match &mut single {
            Some(cursor) => Ok(low_u32(cursor.get(usize_of(rank))?).min(last)),
            None => Ok(all.get(usize_of(rank)).copied().unwrap_or(0)),
        };
        if self.is_full() {
            for (run, start) in meeting {
                for (row, at) in run.clone().zip(low_u32(u64_of(start))..) {
                    each(at, number(row)?);
                }
            }
            return Ok(());
        }
        if is_many {
            let bits = self.presence_bits()?;
            let mut ranks = bits.ranks();
            for (run, start) in meeting {
                let start = low_u32(u64_of(start));
                ranks.in_range(run.clone(), |row, rank| {
                    each(start + (row - run.start), number(rank)?);
                    Ok::<_, BlockError>(())
                })?;
            }
            return Ok(());
        }
        let presence = self.presence()?;
        for (run, start) in meeting {
            let start = low_u32(u64_of(start));
            let mut present = presence.range(run.clone()).peekable();
            let Some(first) = present.peek().copied() else { continue };
            let rank = u32::try_from(presence.rank(first)).unwrap_or(0).saturating_sub(1);
            for (row, rank) in present.zip(rank..) {
                each(start + (row - run.start), number(rank)?);
            }
        }
        Ok(())
    }

    /// Hands on the payload of each of some values of a column of numbers; the numbers ascend.
    pub(in crate::block) fn each_payload(
        &self,
        numbers: &[u32],
        mut each: impl FnMut(u64),
    ) -> Result<(), BlockError> {
        let payloads = self.payloads()?;
        if numbers.len() == usize_of(self.values()) {
            return payloads.decode(each);
        }
        let mut payloads = payloads.cursor();
        for number in numbers {
            each(payloads.get(usize_of(*number))?);
        }
        Ok(())
    }

    /// Hands on each of some values of a column of strings or bytes; the numbers ascend.
    pub(in crate::block) fn each_text(
        &self,
        numbers: &[u32],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), BlockError> {
        let is_whole = numbers.len() == usize_of(self.values());
        let mut strings = self.strings()?;
        if is_whole || self.image().chunks.in_memory() {
            strings = strings.passing();
        }
        let is_text = self.kind() == ValueKind::String;
        let check = |bytes: &[u8]| {
            if is_text && !bytes.is_ascii() && std::str::from_utf8(bytes).is_err() {
                return Err(self.corrupt(Part::Dictionary, "text that is no UTF-8"));
            }
            Ok(())
        };
        if numbers.len() >= usize_of(self.values()) / MANY_VALUES_SHARE {
            let mut wanted = numbers.iter().peekable();
            return strings.for_each(0..self.values(), |texts| {
                for (place, number) in (0..texts.len()).zip(texts.first..) {
                    if wanted.next_if_eq(&&number).is_some() {
                        let bytes = texts.get(place);
                        check(bytes)?;
                        each(bytes);
                    }
                }
                Ok(())
            });
        }
        for number in numbers {
            let bytes = strings.get(*number)?;
            check(&bytes)?;
            each(&bytes);
        }
        Ok(())
    }
}
