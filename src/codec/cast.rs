//! Number conversions: the only file with `as`. Invariant: a conversion here never changes a value;
//! what may not fit gives `None`, and what documents its loss says so in its name.
#![expect(clippy::as_conversions, reason = "this file is where conversions are proved")]

const _: () = assert!(usize::BITS >= 64, "Treering needs a 64-bit target");

/// A `u32` as a `usize`.
#[inline]
pub(crate) const fn usize_of(value: u32) -> usize {
    value as usize
}

/// A `usize` as a `u64`.
#[inline]
pub(crate) const fn u64_of(value: usize) -> u64 {
    value as u64
}

/// A `u64` as a `usize`.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the target has 64 bits, asserted above")]
pub(crate) const fn usize_of_u64(value: u64) -> usize {
    value as usize
}

/// A count or position as a `u32`, where it fits.
#[inline]
pub(crate) fn u32_of(value: usize) -> Option<u32> {
    u32::try_from(value).ok()
}

/// A number as a `u8`, where it fits.
#[inline]
pub(crate) fn u8_of(value: u32) -> Option<u8> {
    u8::try_from(value).ok()
}

/// The bits of an `i64` as a `u64`.
#[inline]
pub(crate) const fn bits_of_i64(value: i64) -> u64 {
    value.cast_unsigned()
}

/// The `i64` with these bits.
#[inline]
pub(crate) const fn i64_of_bits(bits: u64) -> i64 {
    bits.cast_signed()
}

/// The nearest `f64`.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "nearest is what the name says")]
pub(crate) const fn nearest_f64(value: i64) -> f64 {
    value as f64
}

/// The nearest `f64`.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "nearest is what the name says")]
pub(crate) const fn nearest_f64_of_u64(value: u64) -> f64 {
    value as f64
}

/// The low 32 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "low bits are what the name says")]
pub(crate) const fn low_u32(value: u64) -> u32 {
    value as u32
}

/// The low 16 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "low bits are what the name says")]
pub(crate) const fn low_u16(value: u64) -> u16 {
    value as u16
}

/// The low 8 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "low bits are what the name says")]
pub(crate) const fn low_u8(value: u64) -> u8 {
    value as u8
}

/// The low 64 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "low bits are what the name says")]
pub(crate) const fn low_u64(value: u128) -> u64 {
    value as u64
}

/// The nearest `f64`.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "nearest is what the name says")]
pub(crate) const fn nearest_f64_of_i128(value: i128) -> f64 {
    value as f64
}

/// The integer that is left of a float when its fraction is cut off: the nearest that 128 bits hold,
/// and 0 of NaN.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "cutting is what the name says")]
pub(crate) const fn whole_part(value: f64) -> i128 {
    value as i128
}

/// The `i32` that the low 32 bits spell.
#[inline]
pub(crate) const fn low_i32(value: u64) -> i32 {
    low_u32(value).cast_signed()
}

/// The integer that a float stands for; `None` where it has a fraction or is beyond 2^53, from
/// where on a float no longer says which integer was meant.
#[cfg(feature = "json")]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53, as checked before")]
pub(crate) fn exact_i64(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    (value.trunc().to_bits() == value.to_bits() && value.abs() <= LIMIT).then_some(value as i64)
}
