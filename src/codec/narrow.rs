//! Lists of small numbers in memory, in as few bytes each as the largest of them needs. Invariant: each
//! number comes back as it went in.

use std::sync::Arc;

use super::cast::{low_u8, low_u16};

/// A width of numbers.
pub(crate) trait Width: Copy {
    /// The number in this width, which it fits.
    fn of(number: u32) -> Self;

    /// The number.
    fn number(self) -> u32;
}

impl Width for u8 {
    fn of(number: u32) -> Self {
        low_u8(number.into())
    }

    fn number(self) -> u32 {
        self.into()
    }
}

impl Width for u16 {
    fn of(number: u32) -> Self {
        low_u16(number.into())
    }

    fn number(self) -> u32 {
        self.into()
    }
}

impl Width for u32 {
    fn of(number: u32) -> Self {
        number
    }

    fn number(self) -> u32 {
        self
    }
}

/// A list of numbers, shared.
#[derive(Debug, Clone)]
pub(crate) enum Narrow {
    U8(Arc<[u8]>),
    U16(Arc<[u16]>),
    U32(Arc<[u32]>),
}

/// Evaluates `$body` with `$list` as the slice of a [`Narrow`], whatever its width.
macro_rules! with_narrow {
    ($numbers:expr, $list:ident => $body:expr) => {
        match $numbers {
            $crate::codec::narrow::Narrow::U8($list) => $body,
            $crate::codec::narrow::Narrow::U16($list) => $body,
            $crate::codec::narrow::Narrow::U32($list) => $body,
        }
    };
}
pub(crate) use with_narrow;

impl Narrow {
    /// A list of numbers of which none is above `largest`.
    pub(crate) fn new(numbers: &[u32], largest: u32) -> Self {
        fn list<T: Width>(numbers: &[u32]) -> Arc<[T]> {
            numbers.iter().map(|number| T::of(*number)).collect()
        }
        match largest {
            0..=0xff => Self::U8(list(numbers)),
            0x100..=0xffff => Self::U16(list(numbers)),
            _ => Self::U32(list(numbers)),
        }
    }

    /// The number at a place.
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<u32> {
        with_narrow!(self, list => list.get(at).map(|number| number.number()))
    }

    /// The numbers in order.
    pub(crate) fn to_vec(&self) -> Vec<u32> {
        with_narrow!(self, list => list.iter().map(|number| number.number()).collect())
    }

    /// Bytes that it takes.
    pub(crate) fn bytes_len(&self) -> usize {
        with_narrow!(self, list => size_of_val::<[_]>(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_take_what_the_largest_needs() {
        for (largest, bytes) in
            [(0, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 4), (u32::MAX, 4)]
        {
            let numbers = [0, largest / 2, largest];
            let narrow = Narrow::new(&numbers, largest);
            assert_eq!(narrow.to_vec(), numbers);
            assert_eq!([1, 3].map(|at| narrow.get(at)), [Some(numbers[1]), None]);
            assert_eq!(narrow.bytes_len(), 3 * bytes, "{largest}");
        }
    }
}
