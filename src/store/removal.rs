//! Removing what a query finds, and purging: what was deleted leaves the file itself. Invariants: a
//! search that saw less than everything deletes nothing; after a purge the file holds what counts and
//! nothing else, and until then it is as it was.

use std::sync::Arc;

use super::events::Work;
use super::handle::Store;
use super::maintain::{Maintained, Maintainer};
use super::shared::Shared;
use crate::block::BlockId;
use crate::codec::cast::u64_of;
use crate::error::Error;
use crate::id::TraceId;
use crate::search::{Order, SearchOptions, ToQuery};
use crate::storage::BlockRecord;

/// What a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Purged {
    /// Blocks that held traces which count no more, and were written anew.
    pub rewritten_blocks: u64,
    /// Bytes of the blocks that were copied to the new file.
    pub copied_bytes: u64,
}

impl Store {
    /// Deletes, as [`Store::delete`], the traces in which `query` finds spans; gives how many there
    /// were. Of `options` the time range, the deadline, the token and the number of threads count;
    /// limits, order and page do not. Each trace goes as a whole, with spans that came while it was
    /// searched for.
    ///
    /// ```
    /// use treering::{Options, Store, SearchOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// let gone = store.delete_where("{ .user.id = `7` }", &SearchOptions::default())?;
    /// store.purge()?; // and their bytes from the file
    /// # assert_eq!(gone, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the query is wrong, the file cannot be read or written, or the search was stopped before
    /// it had seen everything ([`Error::Stopped`]). Then nothing is deleted.
    pub fn delete_where(
        &self,
        query: &(impl ToQuery + ?Sized),
        options: &SearchOptions,
    ) -> Result<u64, Error> {
        self.shared.writable()?;
        let options = SearchOptions {
            limit: None,
            spans_per_spanset: Some(1),
            order: Order::NewestFirst,
            after: None,
            result_bytes_max: None,
            ..options.clone()
        };
        let mut found = self.matches(query, &options)?;
        let ids = found.by_ref().map(|found| found.map(|found| found.trace_id));
        let ids: Vec<TraceId> = ids.collect::<Result<_, _>>()?;
        if found.outcome().partial {
            return Err(Error::Stopped);
        }
        self.delete(&ids)
    }

    /// Removes from the file every byte of what counts no more: of deleted traces their texts,
    /// names, values and ids, and of spans that were replaced what was replaced. Without it these
    /// bytes stay until their blocks are rewritten and their place in the file is used again.
    ///
    /// What counts is copied to a new file beside the store's, which then takes its place with the
    /// same owner and permissions; so there must be room for both. Cost: reading and writing the
    /// whole store. Searches go on, those under way with what they see, from the old file, which the
    /// system keeps until the last of them has ended. Small batches are taken in meanwhile, large
    /// ones and deletions wait. After a crash the store is as before or purged; a new file that was
    /// not finished is removed by the next opening.
    ///
    /// What other traces say of a deleted one, as in links, stays. Nothing is done to copies of the
    /// file, to other names (hard links) of it, or to what the medium keeps of a file that is gone.
    ///
    /// # Errors
    /// If the file cannot be read, or the new one not made, written or put in place; then nothing
    /// has changed.
    pub fn purge(&self) -> Result<Purged, Error> {
        self.shared.writable()?;
        self.shared.during(Work::Purge, || self.shared.purge())
    }
}

impl Shared {
    /// Writes all that counts to a new file, which takes the place of the old one.
    pub(super) fn purge(&self) -> Result<Purged, Error> {
        let mut maintainer = self.maintainer();
        // Deletions wait for the maintainer: from here on there is none that is not in the seal.
        self.seal_once(&mut maintainer, &mut Maintained::default())?;
        let rewritten_blocks = self.rewrite_masked(&mut maintainer)?;
        let base = Arc::clone(&self.state().base);
        let blocks: Vec<BlockRecord> =
            base.stored.values().map(|stored| stored.record.clone()).collect();
        drop(base);
        self.storage.replace(&blocks)?;
        self.remove_retired(&mut maintainer)?;
        let copied_bytes = blocks.iter().map(|record| record.image_len).sum();
        Ok(Purged { rewritten_blocks, copied_bytes })
    }

    /// Writes the blocks anew of which the file says that some traces count no more: text that only
    /// these have is in the dictionaries of the block.
    fn rewrite_masked(&self, maintainer: &mut Maintainer) -> Result<u64, Error> {
        let base = Arc::clone(&self.state().base);
        let masked = base.stored.values().filter(|stored| !stored.durable_mask.is_empty());
        let masked: Vec<BlockId> = masked.map(|stored| stored.record.id).collect();
        drop(base);
        for id in &masked {
            self.rewrite(maintainer, &[*id])?;
        }
        Ok(u64_of(masked.len()))
    }
}
