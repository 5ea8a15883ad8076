//! Packed integers within an image, read at any place. Invariant: only the directory entry and the
//! payload of the groups asked for are fetched.

use std::sync::Arc;

use super::error::BlockError;
use super::image::{Image, Slice};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{u64_of, usize_of_u64};
use crate::codec::packed::{self, GROUP_LEN, Group};

/// An encoding of packed integers within an image.
#[derive(Debug, Clone)]
pub(crate) struct Packed<'a> {
    image: &'a Image,
    section: &'a str,
    offset: u64,
    len: u64,
    count: usize,
    /// The chunk that the encoding starts in, and where that starts in the image: mostly it has all of the
    /// directory, and the payload too where that is small, so that the cache need not be asked again.
    held: Option<(Arc<[u8]>, u64)>,
}

/// Reads single values; fast where their positions ascend or stay close.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    packed: Packed<'a>,
    group: Option<(usize, Group, Slice)>,
}

impl<'a> Packed<'a> {
    /// The encoding that starts at `offset` of the image and ends within `len` bytes.
    pub(crate) fn new(
        image: &'a Image,
        section: &'a str,
        offset: u64,
        len: u64,
    ) -> Result<Self, BlockError> {
        let mut packed = Self { image, section, offset, len, count: 0, held: None };
        let head = packed.read(0, 4)?;
        if let Slice::Shared(chunk, range) = &head {
            packed.held = Some((Arc::clone(chunk), offset - u64_of(range.start)));
        }
        packed.count = packed::count(&head).map_err(|cause| image.corrupt(section, cause))?;
        if u64_of(packed::directory_len(packed.count)) > len {
            let what = format!("{} packed values in {len} bytes", packed.count);
            return Err(image.corrupt(section, Malformed::new(0, what)));
        }
        Ok(packed)
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Two numbers between which all values lie, not always the closest; `None` where there are none.
    pub(crate) fn bounds(&self) -> Result<Option<(u64, u64)>, BlockError> {
        let mut bounds: Option<(u64, u64)> = None;
        for number in 0..self.count.div_ceil(GROUP_LEN) {
            let (first, last) = self.group(number)?.bounds();
            bounds = Some(bounds.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        }
        Ok(bounds)
    }

    /// Bytes that the encoding takes, for what follows it.
    pub(crate) fn encoded_len(&self) -> Result<u64, BlockError> {
        match self.count.div_ceil(GROUP_LEN).checked_sub(1) {
            None => Ok(u64_of(packed::directory_len(0))),
            Some(last) => {
                let group = self.group(last)?;
                Ok(u64_of(group.offset + group.bytes_len))
            }
        }
    }

    /// All values, handed to `each` in order.
    pub(crate) fn decode(&self, each: impl FnMut(u64)) -> Result<(), BlockError> {
        let len = self.encoded_len()?.min(self.len);
        let bytes = self.image.read_once(self.offset, len)?;
        let decoded = packed::decode(&bytes, each);
        decoded.map_err(|cause| self.image.corrupt(self.section, cause)).map(drop)
    }

    /// Appends the values of group `number`, each of [`GROUP_LEN`] values but the last.
    pub(crate) fn group_values(&self, number: usize, out: &mut Vec<u64>) -> Result<(), BlockError> {
        let group = self.group(number)?;
        let decoded = group.decode(&self.payload(&group)?, |value| out.push(value));
        decoded.map_err(|cause| self.image.corrupt(self.section, cause))
    }

    /// All values.
    pub(crate) fn to_wide(&self) -> Result<Arc<[u64]>, BlockError> {
        let mut values = Vec::with_capacity(self.count);
        self.decode(|value| values.push(value))?;
        Ok(values.into())
    }

    /// A reader of single values.
    pub(crate) fn cursor(self) -> Cursor<'a> {
        Cursor { packed: self, group: None }
    }

    fn group(&self, number: usize) -> Result<Group, BlockError> {
        let range = packed::entry_range(number);
        let entry = self.read(u64_of(range.start), u64_of(range.len()))?;
        packed::group(&entry, number, self.count)
            .map_err(|cause| self.image.corrupt(self.section, cause))
    }

    fn payload(&self, group: &Group) -> Result<Slice, BlockError> {
        self.read(u64_of(group.offset), u64_of(group.bytes_len))
    }

    fn read(&self, offset: u64, len: u64) -> Result<Slice, BlockError> {
        if offset.saturating_add(len) > self.len {
            let what = format!("{offset} + {len} bytes of {} asked for", self.len);
            return Err(self
                .image
                .corrupt(self.section, Malformed::new(usize_of_u64(offset), what)));
        }
        let start = self.offset + offset;
        self.held_bytes(start, len).map_or_else(|| self.image.read(start, len), Ok)
    }

    /// Bytes of the image, where they lie in the chunk that is held.
    fn held_bytes(&self, start: u64, len: u64) -> Option<Slice> {
        let (chunk, first) = self.held.as_ref()?;
        let start = usize::try_from(start.checked_sub(*first)?).ok()?;
        let range = start..start.checked_add(usize::try_from(len).ok()?)?;
        (range.end <= chunk.len()).then(|| Slice::Shared(Arc::clone(chunk), range))
    }
}

impl Cursor<'_> {
    /// How many values there are.
    pub(crate) fn count(&self) -> usize {
        self.packed.count
    }

    /// The values themselves.
    pub(crate) fn packed(&self) -> &Packed<'_> {
        &self.packed
    }

    /// Value number `index`.
    pub(crate) fn get(&mut self, index: usize) -> Result<u64, BlockError> {
        let number = index / GROUP_LEN;
        if !matches!(&self.group, Some((at, ..)) if *at == number) {
            let group = self.packed.group(number)?;
            let payload = self.packed.payload(&group)?;
            self.group = Some((number, group, payload));
        }
        let Some((_, group, payload)) = &self.group else { return Ok(0) };
        group
            .get(payload, index % GROUP_LEN)
            .map_err(|cause| self.packed.image.corrupt(self.packed.section, cause))
    }
}
