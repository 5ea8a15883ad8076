//! The engine against direct evaluation.
