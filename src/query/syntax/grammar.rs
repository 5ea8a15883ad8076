//! The parser that LALRPOP makes of `grammar/traceql.lalrpop`. Invariant: nothing here is written by
//! hand; the lints are for what is.
#![expect(warnings, clippy::all, clippy::pedantic, reason = "generated code")]

include!(concat!(env!("OUT_DIR"), "/traceql.rs"));
