//! How ids, times and floats are written by serde: as text where a format is for people, such as JSON,
//! which has neither 64-bit integers that all readers keep nor infinities; as bytes and numbers
//! elsewhere. Invariant: what is written is read back as it was, a NaN's payload in text apart.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize as _, Deserializer, Serializer};

use super::cast;

/// Reads what [`fmt::Display`] writes and [`std::str::FromStr`] reads.
pub(crate) fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(de::Error::custom)
}

/// Writes a number of 64 bits.
pub(crate) fn write_u64<S: Serializer>(number: u64, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(&number)
    } else {
        serializer.serialize_u64(number)
    }
}

/// Reads a number of 64 bits, from text also where it is a number.
pub(crate) fn read_u64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Number;
    impl Visitor<'_> for Number {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an integer from 0 to 2^64 - 1, as a number or as text")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(|_error| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }
    if deserializer.is_human_readable() {
        deserializer.deserialize_any(Number)
    } else {
        u64::deserialize(deserializer)
    }
}

/// Floats: those that are no number are words.
pub(crate) mod float {
    use super::{Deserializer, Serializer, Visitor, cast, de, fmt};
    use serde::{Deserialize as _, Serialize as _};

    /// Writes a float.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields by reference")]
    pub(crate) fn serialize<S: Serializer>(float: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() && !float.is_finite() {
            let word = if float.is_nan() {
                "NaN"
            } else if *float > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            serializer.serialize_str(word)
        } else {
            float.serialize(serializer)
        }
    }

    /// Reads a float.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        struct Float;
        impl Visitor<'_> for Float {
            type Value = f64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, `NaN`, `Infinity` or `-Infinity`")
            }

            fn visit_f64<E: de::Error>(self, float: f64) -> Result<f64, E> {
                Ok(float)
            }

            // A float without a fraction is an integer to some formats.
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<f64, E> {
                Ok(cast::nearest_f64_of_u64(number))
            }

            // A float without a fraction is an integer to some formats.
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<f64, E> {
                Ok(cast::nearest_f64(number))
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<f64, E> {
                match word {
                    "NaN" => Ok(f64::NAN),
                    "Infinity" => Ok(f64::INFINITY),
                    "-Infinity" => Ok(f64::NEG_INFINITY),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Float)
        } else {
            f64::deserialize(deserializer)
        }
    }
}
