//! Parents and ends of rows in a byte each, as far as they are near: what a pass over many rows reads
//! then stays in the caches of the processor. Invariant: the same as the whole numbers say.

use std::sync::Arc;

use super::close::Close;
use super::source::NO_ROW;
use crate::codec::cast;

/// A step that takes no byte: the whole number is to be read.
const FAR: u8 = u8::MAX;

/// Where one of so many rows or less is far, these are listed; where more are, all whole numbers are kept.
const FAR_SHARE: usize = 16;

/// The whole numbers of rows that are far.
#[derive(Debug, Clone)]
enum Far {
    /// Ascending rows, each with its number.
    Listed(Arc<[(u32, u32)]>),
    /// Of all rows.
    All(Arc<[u32]>),
}

impl Far {
    fn new(steps: &[u8], all: Arc<[u32]>) -> Self {
        let is_far = |step: &&u8| **step == FAR;
        if steps.iter().filter(is_far).count() > steps.len() / FAR_SHARE {
            return Self::All(all);
        }
        let rows = steps.iter().zip(all.iter()).zip(0..);
        let far =
            rows.filter(|((step, _), _)| is_far(step)).map(|((_, number), row)| (row, *number));
        Self::Listed(far.collect())
    }

    fn get(&self, row: u32) -> Option<u32> {
        match self {
            Self::Listed(far) => {
                let at = far.binary_search_by_key(&row, |(row, _)| *row).ok()?;
                far.get(at).map(|(_, number)| *number)
            }
            Self::All(all) => all.get(cast::usize_of(row)).copied(),
        }
    }

    fn bytes_len(&self) -> usize {
        match self {
            Self::Listed(far) => size_of_val::<[_]>(far),
            Self::All(all) => size_of_val::<[_]>(all),
        }
    }
}

/// The parent of each row.
#[derive(Debug, Clone)]
pub(crate) struct Parents {
    /// How far before the row its parent is; 0 where it has none.
    steps: Arc<[u8]>,
    far: Far,
    close: Close,
}

/// The last descendant of each row.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    /// How many descendants the row has.
    steps: Arc<[u8]>,
    far: Far,
}

impl Parents {
    /// Of parents as whole numbers, [`NO_ROW`] where there is none.
    pub(crate) fn new(all: Arc<[u32]>) -> Self {
        let step = |(parent, row): (&u32, u32)| match row.checked_sub(*parent) {
            Some(step @ 1..) => u8::try_from(step).unwrap_or(FAR),
            None if *parent == NO_ROW => 0,
            _ => FAR,
        };
        let steps: Arc<[u8]> = all.iter().zip(0..).map(step).collect();
        Self { close: Close::new(&steps), far: Far::new(&steps, all), steps }
    }

    /// The rows that are close to their parents.
    pub(crate) fn close(&self) -> &Close {
        &self.close
    }

    /// The parent of a row; [`NO_ROW`] where it has none.
    #[inline]
    pub(crate) fn of(&self, row: u32) -> u32 {
        match self.steps.get(cast::usize_of(row)).copied().unwrap_or(0) {
            FAR => self.far.get(row).unwrap_or(NO_ROW),
            // All bits are set where there is no step; a branch would often be guessed wrong.
            step => row.wrapping_sub(u32::from(step)) | u32::from(step == 0).wrapping_neg(),
        }
    }

    /// Bytes that it takes, whole numbers among them.
    pub(crate) fn bytes_len(&self) -> usize {
        size_of_val::<[u8]>(&self.steps) + self.far.bytes_len() + self.close.bytes_len()
    }
}

impl Ends {
    /// Of ends as whole numbers.
    pub(crate) fn new(all: Arc<[u32]>) -> Self {
        let step = |(end, row): (&u32, u32)| u8::try_from(end.saturating_sub(row)).unwrap_or(FAR);
        let steps: Arc<[u8]> = all.iter().zip(0..).map(step).collect();
        Self { far: Far::new(&steps, all), steps }
    }

    /// The last descendant of a row; the row itself where it has none.
    #[inline]
    pub(crate) fn of(&self, row: u32) -> u32 {
        match self.steps.get(cast::usize_of(row)).copied().unwrap_or(0) {
            FAR => self.far.get(row).unwrap_or(row),
            step => row.saturating_add(u32::from(step)),
        }
    }

    /// Bytes that it takes, whole numbers among them.
    pub(crate) fn bytes_len(&self) -> usize {
        size_of_val::<[u8]>(&self.steps) + self.far.bytes_len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn near_and_far_rows_are_what_whole_numbers_say(
            // None are far, few are, and many.
            below in prop_oneof![Just(100u32), Just(258), Just(600)],
            steps in proptest::collection::vec(any::<u32>(), 1..1500),
        ) {
            let steps: Vec<u32> = steps.iter().map(|step| step % below).collect();
            let rows = cast::u32_of(steps.len()).unwrap();
            let parent = |(row, step): (u32, &u32)| match step {
                0 => NO_ROW,
                step => row.checked_sub(*step).unwrap_or(NO_ROW),
            };
            let all: Arc<[u32]> = (0..).zip(&steps).map(parent).collect();
            let parents = Parents::new(Arc::clone(&all));
            prop_assert!((0..rows).all(|row| parents.of(row) == all[cast::usize_of(row)]));
            prop_assert_eq!(parents.of(rows), NO_ROW);
            let all: Arc<[u32]> = (0..).zip(&steps).map(|(row, step)| (row + step).min(rows - 1)).collect();
            let ends = Ends::new(Arc::clone(&all));
            prop_assert!((0..rows).all(|row| ends.of(row) == all[cast::usize_of(row)]));
            prop_assert_eq!(ends.of(rows), rows);
        }
    }
}
