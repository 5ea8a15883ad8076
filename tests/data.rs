//! Real traces: what goes in comes back, and searches give what a running Tempo gave and what the
//! oracle gives. Invariant: a missing file is named and skipped, never taken for a success unseen.

#[cfg(test)]
#[path = "support/asking.rs"]
mod asking;
#[cfg(test)]
#[path = "support/collect.rs"]
mod collect;
#[cfg(test)]
#[path = "support/data.rs"]
mod files;
#[cfg(test)]
#[path = "support/oracle/mod.rs"]
#[expect(dead_code, reason = "some of it is for the random properties alone")]
mod oracle;
#[cfg(test)]
#[path = "data/queries.rs"]
mod queries;
#[cfg(test)]
#[path = "data/round_trip.rs"]
mod round_trip;
#[cfg(test)]
#[path = "data/tags.rs"]
mod tags;
