//! Small records: bincode with a checksum. The only file that knows bincode, so that it could be
//! replaced. Bytes: the bincode encoding (little-endian, variable-width integers), then its CRC-32.
//! Invariant: a record is decoded only after its checksum held.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bytes::Malformed;
use super::checksum;

/// No record is larger: a bound on what hostile lengths can make the decoder allocate.
const RECORD_BYTES_MAX: usize = 1 << 30;
const CHECKSUM_LEN: usize = 4;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_little_endian().with_limit::<RECORD_BYTES_MAX>()
}

/// The bytes of `value` and their checksum.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Malformed> {
    let mut bytes = bincode::serde::encode_to_vec(value, config())
        .map_err(|error| Malformed::new(0, error.to_string()))?;
    let sum = checksum::of(&[&bytes]);
    bytes.extend_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// The value that `bytes` hold.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    let body = checksum::verified(bytes, &[])?;
    let (value, read) = bincode::serde::decode_from_slice(body, config())
        .map_err(|error| Malformed::new(0, error.to_string()))?;
    if read + CHECKSUM_LEN == bytes.len() {
        Ok(value)
    } else {
        Err(Malformed::new(read, format!("{} bytes too many", bytes.len() - read - CHECKSUM_LEN)))
    }
}
