//! Properties of the whole store, against an oracle that shares nothing with it but the model and
//! the syntax tree. Invariant: every answer of a search is the oracle's, span for span.

#[cfg(test)]
#[path = "properties/algebra.rs"]
mod algebra;
#[cfg(test)]
#[path = "properties/answers.rs"]
mod answers;
#[cfg(test)]
#[path = "support/asking.rs"]
mod asking;
#[cfg(test)]
#[path = "support/forest.rs"]
mod forest;
#[cfg(test)]
#[path = "properties/large.rs"]
mod large;
#[cfg(test)]
#[path = "properties/numbers.rs"]
mod numbers;
#[cfg(test)]
#[path = "support/oracle/mod.rs"]
mod oracle;
#[cfg(test)]
#[path = "properties/oracle_cases.rs"]
mod oracle_cases;
#[cfg(test)]
#[path = "properties/order.rs"]
mod order;
#[cfg(test)]
#[path = "support/queries.rs"]
mod queries;
#[cfg(test)]
#[path = "support/questions.rs"]
mod questions;
#[cfg(test)]
#[path = "properties/shares.rs"]
mod shares;
#[cfg(test)]
#[path = "support/spans.rs"]
#[expect(dead_code, reason = "some of it is for the tests of OTLP alone")]
mod spans;
#[cfg(test)]
#[path = "properties/tags.rs"]
mod tags;
#[cfg(test)]
#[path = "properties/threads.rs"]
mod threads;
#[cfg(test)]
#[path = "properties/traces.rs"]
mod traces;
