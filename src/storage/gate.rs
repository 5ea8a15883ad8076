//! The gate that all redb calls pass. redb may panic on a damaged file; here a panic becomes an error.
//! Invariant: no panic of redb leaves this room where panics unwind.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::StorageError;
use crate::codec::bytes::Malformed;

/// Runs `call`; a panic within it is a damaged file.
pub(super) fn gate<T>(
    action: &'static str,
    call: impl FnOnce() -> Result<T, redb::Error>,
) -> Result<T, StorageError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(cause)) => Err(StorageError::Redb { action, cause: Box::new(cause) }),
        Err(payload) => {
            let text = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            let cause = Malformed::new(0, format!("redb cannot make sense of the file: {text}"));
            Err(StorageError::Corrupt { place: action.to_owned(), cause })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let outcome: Result<(), _> = gate("reading a chunk", || panic!("index out of range"));
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains("reading a chunk") && text.contains("index out of range"), "{text}");
    }
}
