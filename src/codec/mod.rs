//! Bytes and numbers: the only room that knows encodings. Everything stored is little-endian and
//! every reader is fallible; layers above see checked types.

#[cfg(feature = "json")]
pub(crate) mod base64;
pub(crate) mod bytes;
pub(crate) mod cast;
pub(crate) mod checksum;
pub(crate) mod compress;
pub(crate) mod hex;
pub(crate) mod narrow;
pub(crate) mod order;
pub(crate) mod packed;
pub(crate) mod record;
pub(crate) mod rfc3339;
pub(crate) mod serde_text;
pub(crate) mod value;
pub(crate) mod wide;
pub(crate) mod wire;
