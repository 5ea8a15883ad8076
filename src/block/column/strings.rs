//! The dictionary of a column of strings or bytes. Bytes: a form; then either one group, or packed
//! numbers of the groups' first strings (and the number of strings), packed ends of the groups, packed
//! ends of their heads, the heads and the groups, see `text_group`. A group's head is its first string
//! up to the byte by which that differs from the one before it. Invariants: strings ascend with their
//! numbers; of the groups only those with strings asked for are read.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;

use super::reader::ColumnReader;
use super::text_group::{self, TextGroup, shared};
use crate::block::cache::Cached;
use crate::block::error::BlockError;
use crate::block::format::Part;
use crate::block::image::Slice;
use crate::block::packed::Cursor;
use crate::codec::cast::{low_u32, u32_of, u64_of, usize_of};
use crate::codec::packed;
use crate::foreground::may_rest;

/// One group, and nothing beside it.
pub(crate) const DICTIONARY_ONE: u8 = 1;
/// Several groups.
pub(crate) const DICTIONARY_MANY: u8 = 2;
/// A reader keeps decoded groups for itself up to so many bytes, so that strings in any order cost no
/// look into the shared cache each.
const HELD_BYTES: usize = 4 << 20;

/// Appends the dictionary of ascending strings, compressed or as they are.
pub(super) fn encode(texts: &[&[u8]], is_compressed: bool, out: &mut Vec<u8>) {
    let (mut firsts, mut ends, mut head_ends) = (vec![0], vec![0], vec![0]);
    let (mut heads, mut groups) = (Vec::new(), Vec::new());
    let (mut at, mut before): (usize, &[u8]) = (0, &[]);
    while at < texts.len() {
        may_rest();
        let rest = texts.get(at..).unwrap_or_default();
        let group = rest.get(..text_group::group_len(rest.iter().copied())).unwrap_or(rest);
        if at > 0
            && let Some(first) = group.first()
        {
            let head = (shared(before, first) + 1).min(first.len());
            heads.extend_from_slice(first.get(..head).unwrap_or_default());
        }
        text_group::encode(group.iter().copied(), is_compressed, &mut groups);
        at += group.len();
        before = group.last().copied().unwrap_or_default();
        firsts.push(u64_of(at));
        ends.push(u64_of(groups.len()));
        head_ends.push(u64_of(heads.len()));
    }
    if firsts.len() <= 2 {
        out.push(DICTIONARY_ONE);
        out.append(&mut groups);
        return;
    }
    out.push(DICTIONARY_MANY);
    for numbers in [&firsts, &ends, &head_ends] {
        packed::encode(numbers, out);
    }
    out.append(&mut heads);
    out.append(&mut groups);
}

/// A sorted dictionary of strings.
#[derive(Debug)]
pub(crate) struct Strings<'a> {
    pub(super) column: ColumnReader<'a>,
    layout: Layout<'a>,
    /// The group of the last string asked for, and its first number.
    last: Option<(u32, Arc<TextGroup>)>,
    held: HashMap<usize, (u32, Arc<TextGroup>)>,
    held_bytes: usize,
    /// True if what is decoded is kept in the cache.
    is_kept: bool,
}

#[derive(Debug)]
enum Layout<'a> {
    One,
    Many(Box<Many<'a>>),
}

#[derive(Debug)]
struct Many<'a> {
    firsts: Cursor<'a>,
    ends: Cursor<'a>,
    head_ends: Cursor<'a>,
    /// Where heads and groups begin, in their section.
    heads: u64,
    groups: u64,
}

/// Strings of a dictionary that follow one another.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The number of the first.
    pub(crate) first: u32,
    group: Arc<TextGroup>,
    /// Which of the group they are.
    places: Range<usize>,
}

impl<'a> Strings<'a> {
    pub(super) fn new(column: ColumnReader<'a>) -> Result<Self, BlockError> {
        let run = column.run(|entry| entry.dictionary);
        let form = column.bytes(Part::Dictionary, run.offset, run.len.min(1))?.first().copied();
        let layout = match form {
            Some(DICTIONARY_ONE) => Layout::One,
            Some(DICTIONARY_MANY) => {
                let mut skip = 1;
                let mut next = || {
                    let packed = column.packed(Part::Dictionary, run, skip)?;
                    skip += packed.encoded_len()?;
                    Ok::<_, BlockError>(packed.cursor())
                };
                let (firsts, ends, mut head_ends) = (next()?, next()?, next()?);
                let count = firsts.count();
                if count < 3 || ends.count() != count || head_ends.count() != count {
                    return Err(column.corrupt(Part::Dictionary, format!("{count} ends of groups")));
                }
                let heads = run.offset.saturating_add(skip);
                let groups = heads.saturating_add(head_ends.get(count - 1)?);
                Layout::Many(Box::new(Many { firsts, ends, head_ends, heads, groups }))
            }
            other => return Err(column.corrupt(Part::Dictionary, format!("form {other:?}"))),
        };
        Ok(Self { column, layout, last: None, held: HashMap::new(), held_bytes: 0, is_kept: true })
    }

    /// The same for who reads the strings of a block that is about to go: the cache is left to others.
    pub(super) fn passing(self) -> Self {
        Self { is_kept: false, ..self }
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        match &self.layout {
            Layout::One => 1,
            Layout::Many(many) => many.firsts.count() - 1,
        }
    }

    pub(super) fn corrupt(&self, what: impl Into<String>) -> BlockError {
        self.column.corrupt(Part::Dictionary, what)
    }

    /// The numbers of group `at`'s strings.
    pub(super) fn numbers(&mut self, at: usize) -> Result<Range<u32>, BlockError> {
        let all = 0..self.column.values();
        let Layout::Many(many) = &mut self.layout else { return Ok(all) };
        let last = at + 2 == many.firsts.count();
        let range = low_u32(many.firsts.get(at)?)..low_u32(many.firsts.get(at + 1)?);
        if range.is_empty()
            || range.end > all.end
            || (at == 0 && range.start != 0)
            || (last && range.end != all.end)
        {
            return Err(self.corrupt(format!("numbers {range:?} of {all:?} in group {at}")));
        }
        Ok(range)
    }

    /// The group that holds string `number`.
    pub(super) fn group_of(&mut self, number: u32) -> Result<usize, BlockError> {
        let Layout::Many(many) = &mut self.layout else { return Ok(0) };
        let (mut low, mut high) = (1, many.firsts.count() - 1);
        while low < high {
            let middle = low.midpoint(high);
            if many.firsts.get(middle)? <= u64::from(number) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low - 1)
    }

    /// Group `at`, and the number of its first string.
    fn group(&mut self, at: usize) -> Result<(u32, Arc<TextGroup>), BlockError> {
        if let Some((first, group)) = self.held.get(&at) {
            return Ok((*first, Arc::clone(group)));
        }
        let (first, group) = self.shared_group(at)?;
        if self.held_bytes > HELD_BYTES {
            self.held.clear();
            self.held_bytes = 0;
        }
        self.held_bytes += group.bytes_len();
        self.held.insert(at, (first, Arc::clone(&group)));
        Ok((first, group))
    }

    /// The same, from the cache that all share.
    fn shared_group(&mut self, at: usize) -> Result<(u32, Arc<TextGroup>), BlockError> {
        let numbers = self.numbers(at)?;
        let run = self.column.run(|entry| entry.dictionary);
        let slot = self.column.slot(Part::Dictionary, run.offset, u32_of(at).unwrap_or(u32::MAX));
        let image = self.column.image();
        let group = if let Some(Cached::Texts(group)) = image.cache.get(image.block, &slot) {
            group
        } else {
            let group = Arc::new(self.read_group(at, &numbers)?);
            if self.is_kept {
                image.cache.put(image.block, slot, Cached::Texts(Arc::clone(&group)));
            }
            group
        };
        Ok((numbers.start, group))
    }

    fn read_group(&mut self, at: usize, numbers: &Range<u32>) -> Result<TextGroup, BlockError> {
        let bytes = self.group_bytes(at)?;
        TextGroup::decode(&bytes, numbers.end - numbers.start)
            .map_err(|cause| self.corrupt(format!("group {at}: {cause}")))
    }

    /// Group `at` as it is stored.
    pub(super) fn group_bytes(&mut self, at: usize) -> Result<Slice, BlockError> {
        let run = self.column.run(|entry| entry.dictionary);
        let (offset, len) = match &mut self.layout {
            Layout::One => (run.offset + 1, run.len.checked_sub(1)),
            Layout::Many(many) => {
                let (start, end) = (many.ends.get(at)?, many.ends.get(at + 1)?);
                (many.groups.saturating_add(start), end.checked_sub(start))
            }
        };
        let end = run.offset.saturating_add(run.len);
        let Some(len) = len.filter(|len| offset.saturating_add(*len) <= end) else {
            return Err(self.corrupt(format!("group {at} ends beyond {end}, or before it begins")));
        };
        self.column.bytes(Part::Dictionary, offset, len)
    }

    /// The head of group `at`.
    fn head(&mut self, at: usize) -> Result<Slice, BlockError> {
        let Layout::Many(many) = &mut self.layout else { return Ok(Slice::Owned(Vec::new())) };
        let (start, end) = (many.head_ends.get(at)?, many.head_ends.get(at + 1)?);
        let offset = many.heads.saturating_add(start);
        match end.checked_sub(start).filter(|len| offset.saturating_add(*len) <= many.groups) {
            Some(len) => self.column.bytes(Part::Dictionary, offset, len),
            None => Err(self.corrupt(format!("the head of group {at}"))),
        }
    }

    /// String `number`. Cost: where its group was not read lately, that is read and decoded.
    pub(crate) fn get(&mut self, number: u32) -> Result<Slice, BlockError> {
        let (first, group) = match &self.last {
            Some((first, group)) if holds(*first, group, number) => (*first, group),
            _ => {
                let at = self.group_of(number)?;
                let found = self.group(at)?;
                let (first, group) = self.last.insert(found);
                (*first, &*group)
            }
        };
        if !holds(first, group, number) {
            return Err(self.corrupt(format!("no string {number}")));
        }
        let place = usize_of(number - first);
        Ok(Slice::Shared(Arc::clone(group.bytes()), group.start(place)..group.start(place + 1)))
    }

    /// The first number whose string is not below `text`, and whether it is equal.
    pub(crate) fn lower_bound(&mut self, text: &[u8]) -> Result<(u32, bool), BlockError> {
        // No string before a group's first is as great as its head.
        let (mut low, mut high) = (1, self.groups());
        while low < high {
            let middle = low.midpoint(high);
            if *self.head(middle)? <= *text {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if self.column.values() == 0 {
            return Ok((0, false));
        }
        let (first, group) = self.group(low - 1)?;
        let place = group.lower_bound(text);
        let number = first.saturating_add(u32_of(place).unwrap_or(u32::MAX));
        Ok((number, place < group.len() && group.get(place) == text))
    }

    /// The numbers of the strings that begin with `prefix`, which is not empty.
    pub(crate) fn with_prefix(&mut self, prefix: &[u8]) -> Result<Range<u32>, BlockError> {
        let (first, _) = self.lower_bound(prefix)?;
        // The first text beyond: the prefix with its last byte that can grow grown.
        let mut beyond = prefix.to_vec();
        while let Some(last) = beyond.pop() {
            if let Some(grown) = last.checked_add(1) {
                beyond.push(grown);
                let (end, _) = self.lower_bound(&beyond)?;
                return Ok(first..end.max(first));
            }
        }
        Ok(first..self.column.values())
    }

    /// Hands the strings of a range of numbers to `each`, in order and many at a time.
    pub(crate) fn for_each(
        &mut self,
        range: Range<u32>,
        mut each: impl FnMut(&Texts) -> Result<(), BlockError>,
    ) -> Result<(), BlockError> {
        let end = range.end.min(self.column.values());
        let mut at = range.start;
        let mut numbers = if at < end { self.group_of(at)?.. } else { 0.. };
        while let Some(number) = numbers.next().filter(|_| at < end) {
            let (first, group) = self.shared_group(number)?;
            if !holds(first, &group, at) {
                return Err(self.corrupt(format!("no string {at}")));
            }
            let next = first.saturating_add(u32_of(group.len()).unwrap_or(u32::MAX)).min(end);
            let places = usize_of(at - first)..usize_of(next - first);
            each(&Texts { first: at, group, places })?;
            at = next;
        }
        Ok(())
    }

    /// Checks what readers rely on: all strings ascend, and heads part their groups from those before.
    pub(super) fn check(&mut self) -> Result<(), BlockError> {
        let mut before: Option<Vec<u8>> = None;
        for at in 0..self.groups() {
            let head = self.head(at)?.to_vec();
            let (_, group) = self.group(at)?;
            if at > 0 && (before.as_ref() >= Some(&head) || *group.get(0) < *head) {
                return Err(self.corrupt(format!("the head of group {at} does not part it")));
            }
            for place in 0..group.len() {
                let text = group.get(place);
                if before.as_deref().is_some_and(|before| before >= text) {
                    return Err(self.corrupt("the values do not ascend"));
                }
                before = Some(text.to_vec());
            }
        }
        Ok(())
    }
}

fn holds(first: u32, group: &TextGroup, number: u32) -> bool {
    number.checked_sub(first).is_some_and(|place| usize_of(place) < group.len())
}

impl Texts {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// String `place` among these.
    pub(crate) fn get(&self, place: usize) -> &[u8] {
        self.group.get(self.places.start.saturating_add(place))
    }
}
