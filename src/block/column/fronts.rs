//! The texts of a dictionary as patterns look through them: of each what it does not share with the one
//! before, and a few bytes before that. Sorted texts share most of their bytes, so this is a fraction of
//! all, in memory and to look at. Invariant: what `whole` gives is the text of the dictionary, and a run of up to
//! [`Fronts::CONTEXT`] + 1 bytes that a text has, but not within what it shares, lies in its own bytes.

use std::ops::Range;
use std::sync::Arc;

use super::strings::Strings;
use super::text_group;
use crate::block::error::BlockError;
use crate::block::format::Part;
use crate::codec::bytes::Malformed;
use crate::codec::cast::{low_u16, low_u32, u32_of, u64_of, usize_of};

/// Groups whose texts are looked through together, and kept together.
const GROUPS: usize = 8;

/// Texts of a dictionary that follow one another.
#[derive(Debug)]
pub(crate) struct Fronts {
    /// The number of the first.
    pub(crate) first: u32,
    /// Of each text its own bytes, one text after another.
    bytes: Vec<u8>,
    /// Where each text's own bytes begin, and where those of the last end.
    starts: Vec<u32>,
    /// How many first bytes each has in common with the one before it: all that it has, or none where
    /// it is the first of a group.
    shared: Vec<u16>,
}

/// The text that was read last, to read one after it.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    place: Option<usize>,
    bytes: Vec<u8>,
}

impl Fronts {
    /// Bytes before what a text does not share that are its own too.
    pub(crate) const CONTEXT: usize = 7;
    /// Texts that are looked at one by one before steps are doubled.
    const NEAR: usize = 4;

    fn new(first: u32) -> Self {
        Self { first, bytes: Vec::new(), starts: vec![0], shared: Vec::new() }
    }

    /// Appends the texts of a group of `count`.
    fn add(&mut self, group: &[u8], count: u32) -> Result<(), Malformed> {
        // The text before, as far as the next may need it.
        let mut text: Vec<u8> = Vec::new();
        text_group::decode(group, count, |kept, rest| {
            text.truncate(kept);
            let own = kept.saturating_sub(Self::CONTEXT);
            self.bytes.extend_from_slice(text.get(own..)?);
            self.bytes.extend_from_slice(rest);
            text.extend_from_slice(rest);
            // Only a text that is alone in its group is longer than such a number says.
            self.shared.push(low_u16(u64_of(kept)));
            self.starts.push(u32_of(self.bytes.len())?);
            Some(())
        })
    }

    /// Gives back what was set aside for more texts.
    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.starts.shrink_to_fit();
        self.shared.shrink_to_fit();
    }

    /// Texts in groups, each of which ascends, the first of them with number `first`.
    #[cfg(test)]
    pub(crate) fn of(first: u32, groups: &[Vec<&[u8]>]) -> Self {
        let mut fronts = Self::new(first);
        for group in groups {
            let mut bytes = Vec::new();
            text_group::encode(group.iter().copied(), true, &mut bytes);
            fronts.add(&bytes, low_u32(u64_of(group.len()))).unwrap();
        }
        fronts.shrink();
        fronts
    }

    fn bytes_len(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.starts) + size_of_val(&*self.shared)
    }

    /// The numbers of the texts at these places.
    pub(crate) fn numbers(&self, places: Range<usize>) -> Range<u32> {
        let number = |place: usize| self.first.saturating_add(low_u32(u64_of(place)));
        number(places.start)..number(places.end)
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.shared.len()
    }

    /// How many first bytes of text `place` are known from the one before it.
    pub(crate) fn shared_of(&self, place: usize) -> usize {
        self.shared.get(place).copied().map_or(0, usize::from)
    }

    /// The own bytes of all texts, one text after another.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Those of text `place` among them.
    pub(crate) fn range(&self, place: usize) -> Range<usize> {
        let at = |place: usize| self.starts.get(place).copied().map_or(self.bytes.len(), usize_of);
        at(place)..at(place.saturating_add(1))
    }

    /// The own bytes of text `place`.
    fn own(&self, place: usize) -> &[u8] {
        self.bytes.get(self.range(place)).unwrap_or_default()
    }

    /// Where in text `place` its own bytes begin.
    pub(crate) fn own_from(&self, place: usize) -> usize {
        self.shared_of(place).saturating_sub(Self::CONTEXT)
    }

    /// The bytes of text `place` that it does not share with the one before it.
    pub(crate) fn rest(&self, place: usize) -> &[u8] {
        let context = self.shared_of(place).min(Self::CONTEXT);
        self.own(place).get(context..).unwrap_or_default()
    }

    /// The place of the text that the own byte at `offset` belongs to, which is not before the one at
    /// `from`; the end beyond the last. Cost: as many looks as bits in how far it is from there.
    pub(crate) fn place_of(&self, offset: usize, from: usize) -> usize {
        let ends = self.starts.get(1..).unwrap_or_default();
        let is_before = |end: &u32| usize_of(*end) <= offset;
        let near = ends.get(from..).unwrap_or_default().iter().take(Self::NEAR);
        let passed = near.take_while(|end| is_before(end)).count();
        let (mut low, mut step) = (from + passed, 1);
        if passed < Self::NEAR {
            return low;
        }
        while ends.get(low + step - 1).is_some_and(is_before) {
            low += step;
            step *= 2;
        }
        let near = ends.get(low..ends.len().min(low + step)).unwrap_or_default();
        low + near.partition_point(is_before)
    }

    /// The first place after `from`, and at most `end`, whose text does not begin as the one at `from` does, in
    /// its first `len` bytes, as far as that is known.
    #[inline]
    pub(crate) fn past(&self, from: usize, len: usize, end: usize) -> usize {
        let next = from.saturating_add(1);
        if self.shared_of(next) < len {
            return next.min(end);
        }
        self.far_past(next, len, end)
    }

    fn far_past(&self, next: usize, len: usize, end: usize) -> usize {
        const AT_ONCE: usize = 16;
        let Ok(len) = u16::try_from(len) else { return next.min(end) };
        let after = self.shared.get(next..end).unwrap_or_default();
        let (chunks, _) = after.as_chunks::<AT_ONCE>();
        // All of a chunk are compared, so that they are together.
        let differs = |chunk: &&[u16; AT_ONCE]| {
            chunk.iter().fold(u16::MAX, |least, shared| least.min(*shared)) < len
        };
        let skipped = chunks.iter().take_while(|chunk| !differs(chunk)).count() * AT_ONCE;
        let rest = after.get(skipped..).unwrap_or_default();
        let more = rest.iter().position(|shared| *shared < len).unwrap_or(rest.len());
        next + skipped + more
    }

    /// Text `place` from one of its bytes on. Cost: that of [`Fronts::whole`], where it is not of its own bytes.
    pub(crate) fn from<'t>(&'t self, place: usize, at: usize, text: &'t mut Whole) -> &'t [u8] {
        let all = match at.checked_sub(self.own_from(place)) {
            Some(at) => self.own(place).get(at..),
            None => self.whole(place, text).get(at..),
        };
        all.unwrap_or_default()
    }

    /// All of text `place`, put together in `text`. Cost: a copy; where the text read last is not one
    /// shortly before it, a look at each from its group's first on.
    pub(crate) fn whole<'t>(&self, place: usize, text: &'t mut Whole) -> &'t [u8] {
        let before = text.place.replace(place).filter(|before| *before <= place);
        let (mut known, own) = (self.own_from(place), self.own(place));
        text.bytes.resize(known + own.len(), 0);
        copy(&mut text.bytes, known, own);
        let mut at = place;
        while known > 0 && before != Some(at) {
            let Some(earlier) = at.checked_sub(1) else { break };
            at = earlier;
            let from = self.own_from(at);
            if before != Some(at) && from < known {
                let own = self.own(at);
                copy(&mut text.bytes, from, own.get(..known - from).unwrap_or(own));
                known = from;
            }
        }
        &text.bytes
    }
}

fn copy(to: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(to) = to.get_mut(at..at.saturating_add(bytes.len())) {
        to.copy_from_slice(bytes);
    }
}

impl Strings<'_> {
    /// Hands the texts of a range of numbers to `each`, in order and many at a time, with their places.
    /// Cost: the first time, a look at each text of the groups that they are in and of some about them;
    /// then none, for it is kept.
    pub(crate) fn for_each_front(
        &mut self,
        range: Range<u32>,
        mut each: impl FnMut(&Fronts, Range<usize>) -> Result<(), BlockError>,
    ) -> Result<(), BlockError> {
        let end = range.end.min(self.column.values());
        let mut at = range.start;
        let mut section = if at < end { self.group_of(at)? / GROUPS } else { 0 };
        while at < end && section * GROUPS < self.groups() {
            let fronts = self.fronts(section)?;
            let place_of = |number: u32| usize_of(number.saturating_sub(fronts.first));
            let places = place_of(at)..place_of(end).min(fronts.len());
            at = fronts.first.saturating_add(low_u32(u64_of(fronts.len()))).max(at);
            section += 1;
            each(&fronts, places)?;
        }
        Ok(())
    }

    /// The texts of some groups.
    fn fronts(&mut self, section: usize) -> Result<Arc<Fronts>, BlockError> {
        let run = self.column.run(|entry| entry.dictionary);
        let number = u32::MAX.saturating_sub(u32_of(section).unwrap_or(u32::MAX));
        let slot = self.column.slot(Part::Dictionary, run.offset, number);
        let block = self.column.block();
        if let Some(fronts) = block.kept(&slot) {
            return Ok(fronts);
        }
        let groups = section * GROUPS..((section + 1) * GROUPS).min(self.groups());
        let mut fronts = Fronts::new(self.numbers(groups.start)?.start);
        for at in groups {
            let numbers = self.numbers(at)?;
            let bytes = self.group_bytes(at)?;
            fronts
                .add(&bytes, numbers.end - numbers.start)
                .map_err(|cause| self.corrupt(format!("group {at}: {cause}")))?;
        }
        fronts.shrink();
        let (bytes, fronts) = (fronts.bytes_len(), Arc::new(fronts));
        block.keep(slot, &fronts, bytes);
        Ok(fronts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_read_whole_in_any_order_and_their_own_bytes_hold_what_is_new(
            groups in prop::collection::vec(
                prop::collection::btree_set("(/a|/ab|/users){0,4}[ab]{0,5}", 1..60), 1..4,
            ),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let groups: Vec<Vec<&[u8]>> =
                groups.iter().map(|group| group.iter().map(String::as_bytes).collect()).collect();
            let (fronts, texts) = (Fronts::of(7, &groups), groups.concat());
            prop_assert_eq!(fronts.len(), texts.len());
            let mut whole = Whole::default();
            for at in order.iter().map(|index| index.index(texts.len())).chain(0..texts.len()) {
                prop_assert_eq!(fronts.whole(at, &mut whole), texts[at]);
            }
            for (at, text) in texts.iter().enumerate() {
                let (shared, own) = (fronts.shared_of(at), fronts.range(at));
                let before = at.checked_sub(1).map_or(&[][..], |before| texts[before]);
                prop_assert!(before.starts_with(&text[..shared]));
                prop_assert_eq!(fronts.rest(at), &text[shared..]);
                prop_assert_eq!(&fronts.bytes()[own.clone()], &text[fronts.own_from(at)..]);
                for end in shared + 1..=text.len() {
                    prop_assert!(fronts.own_from(at) <= end.saturating_sub(Fronts::CONTEXT + 1));
                }
                for from in (0..=at).filter(|_| !own.is_empty()) {
                    prop_assert_eq!(fronts.place_of(own.start, from), at);
                    prop_assert_eq!(fronts.place_of(own.end - 1, from), at);
                }
                for len in 0..=text.len() {
                    let next = fronts.past(at, len, texts.len());
                    prop_assert!(texts[at..next].iter().all(|other| other.starts_with(&text[..len])));
                    prop_assert!(next == texts.len() || fronts.shared_of(next) < len);
                }
            }
        }
    }
}
