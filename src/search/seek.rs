//! Which texts of a dictionary have a literal in them, by their own bytes alone: a text that shares the
//! literal with the one before it is not looked at. Invariant: exactly the texts that have it.

use std::ops::Range;

use crate::block::{Fronts, Whole};
use crate::query::Literal;

// A tail that ends in what a text does not share lies in the text's own bytes.
const _: () = assert!(Literal::TAIL <= Fronts::CONTEXT + 1);

/// Hands the texts among `places` that have the literal to `each`, in order and as many as follow one another
/// at a time, with where in them it ends first, and with the text that was read last.
pub(super) fn seek(
    texts: &Fronts,
    places: Range<usize>,
    literal: &Literal,
    whole: &mut Whole,
    mut each: impl FnMut(Range<usize>, usize, &mut Whole),
) {
    let Some(last) = places.clone().last() else { return };
    let all = texts.bytes().get(..texts.range(last).end).unwrap_or_default();
    let mut place = places.start;
    let mut from = texts.range(place).start;
    let mut found = None;
    if texts.own_from(place) > 0 {
        // What the first shares is nowhere among the own bytes.
        let text = texts.whole(place, whole);
        let at = text.windows(literal.bytes().len()).position(|window| window == literal.bytes());
        found = at.map(|at| at + literal.bytes().len());
        from = texts.range(place).end;
    }
    loop {
        if let Some(end) = found {
            // Those that share all up to the end of the literal have it too.
            let next = texts.past(place, end, places.end);
            each(place..next, end, whole);
            if next >= places.end {
                return;
            }
            (place, from) = (next, texts.range(next).start);
        }
        match next(texts, (all, from), place, literal, whole) {
            Some((at, end)) => (place, found) = (at, Some(end)),
            None => return,
        }
    }
}

/// The first text from `place` on with the literal among its own bytes, as far as they are not before `from`,
/// and where in the text it ends first.
fn next(
    texts: &Fronts,
    (all, mut from): (&[u8], usize),
    mut place: usize,
    literal: &Literal,
    whole: &mut Whole,
) -> Option<(usize, usize)> {
    loop {
        let at = literal.next(all, from)?;
        place = texts.place_of(at, place);
        let own = texts.range(place);
        // What is found may lie in two texts.
        if at + literal.tail_len() <= own.end {
            let end = texts.own_from(place) + (at - own.start) + literal.tail_len();
            if ends_at(texts, place, literal, end, whole) {
                return Some((place, end));
            }
        }
        from = at + 1;
    }
}

/// True where the literal, whose tail ends at `end` of text `place`, does so as a whole.
fn ends_at(texts: &Fronts, place: usize, literal: &Literal, end: usize, whole: &mut Whole) -> bool {
    let bytes = literal.bytes();
    if bytes.len() == literal.tail_len() {
        return true;
    }
    let begins = |start| texts.from(place, start, whole).starts_with(bytes);
    end.checked_sub(bytes.len()).is_some_and(begins)
}
