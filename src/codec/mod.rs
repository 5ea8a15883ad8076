//! Bytes and numbers: the only room that knows encodings. Everything stored is little-endian and
//! every reader is fallible; layers above see checked types.

pub(crate) mod cast;
pub(crate) mod hex;
