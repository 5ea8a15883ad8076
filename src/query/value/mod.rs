//! Values and what may be done with them: comparison, tests and arithmetic, as pure functions that
//! the engine and its sources share. Whatever the operands, there is an answer: types that do not
//! go together give false or nil.

mod arithmetic;
mod compare;
mod id;
mod number_range;
mod order;
mod scalar;
mod test;

pub(crate) use arithmetic::{arithmetic, negate};
pub(crate) use compare::compare;
pub(crate) use id::Id;
pub(crate) use number_range::NumberRange;
pub(crate) use scalar::Scalar;
pub(crate) use test::Test;
