//! What rooms above keep of a block, next to what the block itself keeps and under the same budget.
//! Invariant: it follows from the image alone, so that it holds for as long as the block is there.

use std::any::Any;
use std::sync::Arc;

use super::cache::{Cached, Slot};
use super::error::BlockError;
use super::format::Section;
use super::reader::Block;

impl Block {
    /// What is kept under `slot`; `None` where it was never kept, or had to go.
    pub(crate) fn kept<T: Any + Send + Sync>(&self, slot: &Slot) -> Option<Arc<T>> {
        let image = self.image();
        match image.cache.get(image.block, slot) {
            Some(Cached::Kept(value, _)) => value.downcast().ok(),
            _ => None,
        }
    }

    /// Keeps something that takes so many bytes.
    pub(crate) fn keep<T: Any + Send + Sync>(&self, slot: Slot, value: &Arc<T>, bytes: usize) {
        let image = self.image();
        let value: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(value);
        image.cache.put(image.block, slot, Cached::Kept(value, bytes));
    }

    /// What is kept under `slot`, made where it is not; `bytes` says how many it takes.
    pub(crate) fn kept_or<T: Any + Send + Sync>(
        &self,
        slot: Slot,
        make: impl FnOnce() -> Result<T, BlockError>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Result<Arc<T>, BlockError> {
        if let Some(value) = self.kept(&slot) {
            return Ok(value);
        }
        let value = Arc::new(make()?);
        self.keep(slot, &value, bytes(&value));
        Ok(value)
    }

    /// Makes a smaller form of a whole section. The section as it was decoded for that does not stay, if it
    /// was not kept before: with a copy of each there would be room for few blocks.
    pub(crate) fn made_of<T>(
        &self,
        section: Section,
        make: impl FnOnce() -> Result<T, BlockError>,
    ) -> Result<T, BlockError> {
        let (image, slot) = (self.image(), Slot::Section(section.code()));
        let was_kept = image.cache.get(image.block, &slot).is_some();
        let smaller = make()?;
        if !was_kept {
            image.cache.forget(image.block, &slot);
        }
        Ok(smaller)
    }
}
