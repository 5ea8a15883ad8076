//! Trace ids and span ids as OTLP defines them. Invariant: a constructed id holds exactly the bytes
//! that were sent; whether all-zero is acceptable is for the caller to say.

use std::fmt;

use crate::codec::{hex, serde_text};

/// A trace id: 16 bytes, shown as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceId([u8; 16]);

/// A span id: 8 bytes, shown as 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SpanId([u8; 8]);

/// Why a text or a byte string is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {got}")]
pub struct ParseIdError {
    expected: &'static str,
    got: String,
}

macro_rules! id {
    ($name:ident, $bytes:literal, $digits:literal) => {
        impl $name {
            /// The all-zero id, which OTLP calls invalid.
            pub const ZERO: Self = Self([0; $bytes]);

            /// An id of these bytes.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The id in a byte string of the wire.
            ///
            /// # Errors
            /// If the length is not
            #[doc = concat!(stringify!($bytes), ".")]
            pub fn from_slice(bytes: &[u8]) -> Result<Self, ParseIdError> {
                match bytes.try_into() {
                    Ok(bytes) => Ok(Self(bytes)),
                    Err(_) => Err(ParseIdError {
                        expected: concat!(stringify!($bytes), " bytes"),
                        got: format!("{} bytes", bytes.len()),
                    }),
                }
            }

            /// The bytes of the id.
            pub const fn to_bytes(self) -> [u8; $bytes] {
                self.0
            }

            /// True for the all-zero id.
            pub fn is_zero(self) -> bool {
                self == Self::ZERO
            }
        }

        impl From<[u8; $bytes]> for $name {
            fn from(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }
        }

        /// As [`from_slice`](Self::from_slice).
        impl TryFrom<&[u8]> for $name {
            type Error = ParseIdError;

            fn try_from(bytes: &[u8]) -> Result<Self, ParseIdError> {
                Self::from_slice(bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<$name> for [u8; $bytes] {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                hex::decode::<$bytes>(text).map(Self).ok_or_else(|| ParseIdError {
                    expected: concat!(stringify!($digits), " hex digits"),
                    got: format!("{:?}", text.chars().take(80).collect::<String>()),
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex::write(f, &self.0)
            }
        }

        /// As text where a format is for people, as bytes elsewhere.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                if deserializer.is_human_readable() {
                    serde_text::parsed(deserializer)
                } else {
                    <[u8; $bytes]>::deserialize(deserializer).map(Self)
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

id!(TraceId, 16, 32);
id!(SpanId, 8, 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_what_they_parse_and_refuse_other_lengths() {
        let text = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(text.parse::<TraceId>().unwrap().to_string(), text);
        assert_eq!("00F067AA0BA902B7".parse::<SpanId>().unwrap().to_string(), "00f067aa0ba902b7");
        let error = "00f067aa0ba902b".parse::<SpanId>().unwrap_err();
        assert_eq!(error.to_string(), "expected 16 hex digits, got \"00f067aa0ba902b\"");
        assert!("00f067aa0ba902bg".parse::<SpanId>().is_err());
        assert!(TraceId::from_slice(&[1; 15]).is_err());
    }
}
