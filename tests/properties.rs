//! Properties of the whole store, against an oracle that shares nothing with it but the model and
//! the syntax tree. Invariant: every answer of a search is the oracle's, span for span.

#[cfg(test)]
#[path = "support/oracle/mod.rs"]
mod oracle;
