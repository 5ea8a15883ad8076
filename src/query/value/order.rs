//! The order of group values: by type, then by value, nil last. Invariant: it is total, and equal
//! only where values are of one type and the same; the integer 1 and the text "1" differ.

use std::cmp::Ordering;

use super::Scalar;

impl Scalar {
    /// The value by which a span is grouped: what has no value counts as absent.
    pub(crate) fn group(&self) -> &Self {
        match self {
            Self::Opaque => &Self::Nil,
            other => other,
        }
    }

    /// The order of groups.
    pub(crate) fn group_order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) | (Self::Duration(a), Self::Duration(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Status(a), Self::Status(b)) | (Self::Kind(a), Self::Kind(b)) => a.cmp(b),
            (Self::Id(a), Self::Id(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => {
                let pairs = a.iter().zip(b.iter());
                let differing = pairs.map(|(a, b)| a.group_order(b)).find(|order| order.is_ne());
                differing.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::String(_) => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Float(_) => 3,
            Self::Duration(_) => 4,
            Self::Time(_) => 5,
            Self::Status(_) => 6,
            Self::Kind(_) => 7,
            Self::Id(_) => 8,
            Self::Array(_) => 9,
            Self::Opaque => 10,
            Self::Nil => 11,
        }
    }
}
