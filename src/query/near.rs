//! Parents and ends of rows in a byte each, as far as they are near: what a pass over many rows reads
//! then stays in the caches of the processor. Invariant: the same as the whole numbers say.

use std::sync::Arc;

use super::source::NO_ROW;
use crate::codec::cast;

/// A step that takes no byte: the whole number is to be read.
const FAR: u8 = u8::MAX;

/// Where one of so many rows or less is far, these are listed; where more are, the steps of all rows
/// are kept.
const FAR_SHARE: usize = 16;

/// Steps from rows to others, built row by row.
#[derive(Debug)]
pub(crate) struct Steps {
    near: Vec<u8>,
    /// Ascending rows with the steps that take no byte.
    far: Vec<(u32, u32)>,
}

impl Steps {
    /// Of no row yet, with room for so many.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { near: Vec::with_capacity(rows), far: Vec::new() }
    }

    /// The step of the next row.
    #[inline]
    pub(crate) fn push(&mut self, step: u32) {
        match u8::try_from(step) {
            Ok(near) if near != FAR => self.near.push(near),
            _ => self.push_far(step),
        }
    }

    #[cold]
    fn push_far(&mut self, step: u32) {
        self.far.push((cast::u32_of(self.near.len()).unwrap_or(u32::MAX), step));
        self.near.push(FAR);
    }

    fn finish(self) -> (Arc<[u8]>, Far) {
        let Self { near, far } = self;
        if far.len() <= near.len() / FAR_SHARE {
            return (near.into(), Far::Listed(far.into()));
        }
        let mut all: Vec<u32> = near.iter().copied().map(u32::from).collect();
        for (row, step) in far {
            if let Some(slot) = all.get_mut(cast::usize_of(row)) {
                *slot = step;
            }
        }
        (near.into(), Far::All(all.into()))
    }
}

impl FromIterator<u32> for Steps {
    fn from_iter<I: IntoIterator<Item = u32>>(steps: I) -> Self {
        let steps = steps.into_iter();
        let mut all = Self::with_capacity(steps.size_hint().0);
        steps.for_each(|step| all.push(step));
        all
    }
}

/// The steps of rows that are far.
#[derive(Debug, Clone)]
enum Far {
    /// Ascending rows, each with its step.
    Listed(Arc<[(u32, u32)]>),
    /// Of all rows.
    All(Arc<[u32]>),
}

impl Far {
    /// The step of a row; 0 where there is no such row.
    #[cold]
    fn get(&self, row: u32) -> u32 {
        let step = match self {
            Self::Listed(far) => {
                let at = far.binary_search_by_key(&row, |(row, _)| *row).ok();
                at.and_then(|at| far.get(at)).map(|(_, step)| *step)
            }
            Self::All(all) => all.get(cast::usize_of(row)).copied(),
        };
        step.unwrap_or(0)
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
}

/// The last descendant of each row.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    /// How many descendants the row has.
    steps: Arc<[u8]>,
    far: Far,
}

impl Parents {
    /// By how far before each row its parent is, 0 where it has none. A step to before the first row is
    /// one to no parent.
    pub(crate) fn new(steps: Steps) -> Self {
        let (steps, far) = steps.finish();
        Self { steps, far }
    }

    /// Of parents as whole numbers, [`NO_ROW`] where there is none.
    pub(crate) fn of_whole(all: &[u32]) -> Self {
        let step = |(parent, row): (&u32, u32)| row.saturating_sub(*parent);
        Self::new(all.iter().zip(0..).map(step).collect())
    }

    /// How far before each row its parent is, 255 where that or more, 0 where it has none.
    pub(crate) fn steps(&self) -> &[u8] {
        &self.steps
    }

    /// The parent of a row; [`NO_ROW`] where it has none.
    #[inline]
    pub(crate) fn of(&self, row: u32) -> u32 {
        self.of_step(row, self.steps.get(cast::usize_of(row)).copied().unwrap_or(0))
    }

    /// The parent of a row with that step.
    #[inline]
    fn of_step(&self, row: u32, step: u8) -> u32 {
        match step {
            FAR => row.checked_sub(self.far.get(row)).unwrap_or(NO_ROW),
            // All bits are set where there is no step; a branch would often be guessed wrong.
            step => row.wrapping_sub(u32::from(step)) | u32::from(step == 0).wrapping_neg(),
        }
    }

    /// Calls `visit` with some rows and their parents, [in no order](for_each_apart).
    #[inline]
    pub(crate) fn for_each_apart(&self, rows: &[u32], mut visit: impl FnMut(u32, u32)) {
        let steps = self.steps();
        for_each_apart(rows, |row| {
            let step = steps.get(cast::usize_of(row)).copied().unwrap_or(0);
            visit(row, self.of_step(row, step));
        });
    }

    /// Bytes that it takes.
    pub(crate) fn bytes_len(&self) -> usize {
        size_of_val::<[u8]>(&self.steps) + self.far.bytes_len()
    }
}

impl Ends {
    /// By how many descendants each row has; they end with the last row at the latest.
    pub(crate) fn new(steps: Steps) -> Self {
        let (steps, far) = steps.finish();
        Self { steps, far }
    }

    /// Of ends as whole numbers.
    pub(crate) fn of_whole(all: &[u32]) -> Self {
        let step = |(end, row): (&u32, u32)| end.saturating_sub(row);
        Self::new(all.iter().zip(0..).map(step).collect())
    }

    /// The last descendant of a row; the row itself where it has none.
    #[inline]
    pub(crate) fn of(&self, row: u32) -> u32 {
        match self.steps.get(cast::usize_of(row)).copied().unwrap_or(0) {
            FAR => row.saturating_add(self.far.get(row)),
            step => row.saturating_add(u32::from(step)),
        }
    }

    /// Bytes that it takes.
    pub(crate) fn bytes_len(&self) -> usize {
        size_of_val::<[u8]>(&self.steps) + self.far.bytes_len()
    }
}

/// Calls `visit` with what is in a list, in no order: such as lie side by side do not come one after the other,
/// so that what is done for the one need not wait for what was done for the other.
#[inline]
pub(crate) fn for_each_apart<T: Copy>(list: &[T], mut visit: impl FnMut(T)) {
    let quarter = list.len() / 4;
    let (first, rest) = list.split_at(quarter);
    let (second, rest) = rest.split_at(quarter);
    let (third, rest) = rest.split_at(quarter);
    let (fourth, rest) = rest.split_at(quarter);
    for (((a, b), c), d) in first.iter().zip(second).zip(third).zip(fourth) {
        visit(*a);
        visit(*b);
        visit(*c);
        visit(*d);
    }
    for one in rest {
        visit(*one);
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
            let parents = Parents::of_whole(&all);
            prop_assert!((0..rows).all(|row| parents.of(row) == all[cast::usize_of(row)]));
            prop_assert_eq!(parents.of(rows), NO_ROW);
            let asked: Vec<u32> = (0..rows + 2).filter(|row| row % 3 != 1).collect();
            let mut visited = Vec::new();
            parents.for_each_apart(&asked, |row, parent| visited.push((row, parent)));
            visited.sort_unstable();
            let expected: Vec<(u32, u32)> = asked.iter().map(|row| (*row, parents.of(*row))).collect();
            prop_assert_eq!(visited, expected);
            let all: Arc<[u32]> = (0..).zip(&steps).map(|(row, step)| (row + step).min(rows - 1)).collect();
            let ends = Ends::of_whole(&all);
            prop_assert!((0..rows).all(|row| ends.of(row) == all[cast::usize_of(row)]));
            prop_assert_eq!(ends.of(rows), rows);
        }
    }
}
