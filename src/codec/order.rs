//! Order-preserving maps of numbers to `u64`, so that one sorted dictionary serves ints and floats.

use super::cast;

const SIGN: u64 = 1 << 63;

/// An `i64` as a `u64` that sorts alike.
pub(crate) const fn of_i64(value: i64) -> u64 {
    cast::bits_of_i64(value) ^ SIGN
}

/// The `i64` that [`of_i64`] mapped.
pub(crate) const fn to_i64(mapped: u64) -> i64 {
    cast::i64_of_bits(mapped ^ SIGN)
}

/// The bits of an `f64` as a `u64` that sorts by IEEE 754's total order: negative NaN, -infinity, ...,
/// -0.0, 0.0, ..., infinity, NaN.
pub(crate) const fn of_f64_bits(bits: u64) -> u64 {
    if bits & SIGN == 0 { bits ^ SIGN } else { !bits }
}

/// The bits that [`of_f64_bits`] mapped.
pub(crate) const fn to_f64_bits(mapped: u64) -> u64 {
    if mapped & SIGN == 0 { !mapped } else { mapped ^ SIGN }
}

/// A signed difference as an unsigned number that is small where the difference is: 0, -1, 1, -2, ...
pub(crate) const fn zigzag(value: i64) -> u64 {
    cast::bits_of_i64((value << 1) ^ (value >> 63))
}

/// The difference that [`zigzag`] mapped.
pub(crate) const fn unzigzag(mapped: u64) -> i64 {
    cast::i64_of_bits(mapped >> 1) ^ -cast::i64_of_bits(mapped & 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ints_and_floats_sort_as_their_images(a: i64, b: i64, x: u64, y: u64) {
            prop_assert_eq!(a.cmp(&b), of_i64(a).cmp(&of_i64(b)));
            prop_assert_eq!(to_i64(of_i64(a)), a);
            let order = f64::from_bits(x).total_cmp(&f64::from_bits(y));
            prop_assert_eq!(order, of_f64_bits(x).cmp(&of_f64_bits(y)));
            prop_assert_eq!(to_f64_bits(of_f64_bits(x)), x);
            prop_assert_eq!(unzigzag(zigzag(a)), a);
        }
    }
}
