//! The exporter and the processor through the SDK and through a store's interface.

#[cfg(test)]
#[path = "export/failing.rs"]
mod failing;

#[cfg(test)]
#[path = "export/fields.rs"]
mod fields;

#[cfg(test)]
#[path = "export/life.rs"]
mod life;

#[cfg(test)]
#[path = "export/making.rs"]
mod making;

#[cfg(test)]
#[path = "export/runtimes.rs"]
mod runtimes;

#[cfg(test)]
#[path = "export/waiting.rs"]
mod waiting;
