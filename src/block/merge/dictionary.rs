//! One sorted dictionary of the values that columns of several blocks have. Invariant: each value is in
//! it once, in order; where a value stood before says a map.

use crate::block::column::{Sorted, prefix};
use crate::block::staging::ValueKind;
use crate::codec::cast::{u32_of, usize_of};

/// Values in the order in which they were gathered: each block's ascend.
#[derive(Debug)]
pub(super) enum Gathered {
    Payloads(Vec<u64>),
    Texts(Texts),
}

/// Strings, one after another.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    fn get(&self, at: u32) -> &[u8] {
        let at = usize_of(at);
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(at).copied().unwrap_or(0);
        self.bytes.get(start.unwrap_or(0)..end).unwrap_or_default()
    }
}

impl Gathered {
    /// Nothing yet of a column of this type.
    pub(super) fn of(kind: ValueKind) -> Self {
        if kind.is_interned() { Self::Texts(Texts::default()) } else { Self::Payloads(Vec::new()) }
    }

    /// Some of the values, whose places ascend.
    pub(super) fn only(&self, used: &[u32]) -> Self {
        match self {
            Self::Payloads(payloads) => {
                let value = |at: &u32| payloads.get(usize_of(*at)).copied();
                Self::Payloads(used.iter().filter_map(value).collect())
            }
            Self::Texts(texts) => {
                let mut kept = Texts::default();
                for at in used {
                    kept.push(texts.get(*at));
                }
                Self::Texts(kept)
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Payloads(payloads) => payloads.len(),
            Self::Texts(texts) => texts.ends.len(),
        }
    }

    /// Hands the values in order, each once, to `take`, with the new number of each that was gathered.
    /// `is_sorted` says that they are in order, each once, as they are.
    pub(super) fn merge<T>(
        &self,
        is_sorted: bool,
        take: impl FnOnce(&[u32], &Sorted<'_>) -> T,
    ) -> T {
        let count = u32_of(self.len()).unwrap_or(u32::MAX);
        match self {
            Self::Payloads(payloads) if is_sorted => {
                let numbers: Vec<u32> = (0..count).collect();
                take(&numbers, &Sorted::Payloads(payloads))
            }
            Self::Payloads(payloads) => {
                let mut keyed: Vec<(u64, u32)> = payloads.iter().copied().zip(0..).collect();
                // A stable sort makes use of the runs that are in order.
                keyed.sort_by_key(|(payload, _)| *payload);
                let mut distinct: Vec<u64> = Vec::new();
                let numbers = renumber(&keyed, count, |payload, _| {
                    let is_new = distinct.last() != Some(&payload);
                    if is_new {
                        distinct.push(payload);
                    }
                    is_new
                });
                take(&numbers, &Sorted::Payloads(&distinct))
            }
            Self::Texts(texts) => {
                if is_sorted {
                    let numbers: Vec<u32> = (0..count).collect();
                    let sorted: Vec<&[u8]> = numbers.iter().map(|at| texts.get(*at)).collect();
                    return take(&numbers, &Sorted::Texts(&sorted));
                }
                let mut keyed: Vec<(u64, u32)> =
                    (0..count).map(|at| (prefix(texts.get(at)), at)).collect();
                keyed
                    .sort_by(|a, b| a.0.cmp(&b.0).then_with(|| texts.get(a.1).cmp(texts.get(b.1))));
                let mut distinct: Vec<&[u8]> = Vec::new();
                let numbers = renumber(&keyed, count, |_, at| {
                    let text = texts.get(at);
                    let is_new = distinct.last() != Some(&text);
                    if is_new {
                        distinct.push(text);
                    }
                    is_new
                });
                take(&numbers, &Sorted::Texts(&distinct))
            }
        }
    }
}

/// The new number of each value, by the old one; `is_new` says whether one differs from that before it.
fn renumber(
    keyed: &[(u64, u32)],
    count: u32,
    mut is_new: impl FnMut(u64, u32) -> bool,
) -> Vec<u32> {
    let mut numbers = vec![0; usize_of(count)];
    let mut next = 0;
    for (key, at) in keyed {
        next += u32::from(is_new(*key, *at));
        if let Some(number) = numbers.get_mut(usize_of(*at)) {
            *number = next - 1;
        }
    }
    numbers
}
