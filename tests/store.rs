//! Tests that try to break the whole store, through its public interface and through its file.
//! Invariant: what was acknowledged is answered, whole and once, or an error says why not.

#[cfg(test)]
#[path = "store/damage.rs"]
mod damage;
#[cfg(test)]
#[path = "store/extremes.rs"]
mod extremes;
#[cfg(test)]
#[path = "store/failing.rs"]
mod failing;
#[cfg(test)]
#[path = "store/following.rs"]
mod following;
#[cfg(test)]
#[path = "store/intake.rs"]
mod intake;
#[cfg(test)]
#[path = "store/kinds.rs"]
mod kinds;
#[cfg(test)]
#[path = "store/life.rs"]
mod life;
#[cfg(test)]
#[path = "store/limits.rs"]
mod limits;
#[cfg(test)]
#[path = "store/making.rs"]
mod making;
#[cfg(test)]
#[path = "store/merging.rs"]
mod merging;
#[cfg(test)]
#[path = "store/removal.rs"]
mod removal;
#[cfg(test)]
#[path = "store/resending.rs"]
mod resending;
#[cfg(test)]
#[path = "store/retention.rs"]
mod retention;
#[cfg(test)]
#[path = "store/serde.rs"]
mod serde;
#[cfg(test)]
#[path = "store/stopping.rs"]
mod stopping;
#[cfg(test)]
#[path = "store/threads.rs"]
mod threads;
#[cfg(test)]
#[path = "store/traits.rs"]
mod traits;
#[cfg(test)]
#[path = "store/upkeep.rs"]
mod upkeep;
#[cfg(test)]
#[path = "store/warm.rs"]
mod warm;
