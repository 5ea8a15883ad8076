//! Sets of value numbers, which say what of a dictionary was found. Invariant: numbers ascend, and runs do
//! not touch.

use std::ops::Range;
use std::sync::Arc;

/// Numbers of values in a sorted dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// These, in a row.
    Range(Range<u32>),
    /// These, ascending.
    List(Vec<u32>),
    /// Those of runs.
    Runs(Arc<Runs>),
}

impl Numbers {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::List(list) => list.len(),
            Self::Runs(runs) => runs.len,
        }
    }

    /// True where `number` is one of them.
    pub(crate) fn has(&self, number: u32) -> bool {
        match self {
            Self::Range(range) => range.contains(&number),
            Self::List(list) => list.binary_search(&number).is_ok(),
            Self::Runs(runs) => {
                let before = runs.runs.partition_point(|run| run.end <= number);
                runs.runs.get(before).is_some_and(|run| run.contains(&number))
            }
        }
    }

    /// Hands them on, those that follow one another together.
    pub(crate) fn for_each_run(&self, mut each: impl FnMut(Range<u32>)) {
        match self {
            Self::Range(range) => each(range.clone()),
            Self::List(list) => list.iter().for_each(|number| each(*number..*number + 1)),
            Self::Runs(runs) => runs.iter().cloned().for_each(each),
        }
    }

    /// All of them, ascending.
    pub(crate) fn to_vec(&self) -> Vec<u32> {
        let mut all = Vec::with_capacity(self.len());
        self.for_each_run(|run| all.extend(run));
        all
    }
}

/// Numbers, as runs of those that follow one another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    runs: Vec<Range<u32>>,
    /// How many numbers there are.
    len: usize,
}

impl Runs {
    /// Adds numbers that come after all that are there.
    pub(crate) fn push(&mut self, run: Range<u32>) {
        if run.is_empty() {
            return;
        }
        self.len += run.len();
        match self.runs.last_mut() {
            Some(last) if last.end == run.start => last.end = run.end,
            _ => self.runs.push(run),
        }
    }

    /// The runs, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Range<u32>> {
        self.runs.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_say_what_a_list_says(list in prop::collection::btree_set(0u32..60, 0..40)) {
            let list: Vec<u32> = list.into_iter().collect();
            let mut runs = Runs::default();
            for number in &list {
                runs.push(*number..*number + 1);
            }
            prop_assert!(runs.iter().zip(runs.iter().skip(1)).all(|(one, next)| one.end < next.start));
            let (runs, listed) = (Numbers::Runs(Arc::new(runs)), Numbers::List(list.clone()));
            prop_assert_eq!((runs.len(), runs.to_vec()), (listed.len(), listed.to_vec()));
            prop_assert!((0..62).all(|number| runs.has(number) == listed.has(number)));
            prop_assert_eq!(runs.to_vec(), list);
        }
    }
}
