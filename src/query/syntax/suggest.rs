//! The known name nearest to an unknown one. Invariant: a suggestion is never the name itself.

/// Of `known`, the name that a person most likely meant by `name`: equal but for case, or one or two
/// slips of the finger away.
pub(crate) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let slips_max = match name.chars().count() {
        0..=2 => return None,
        3..=4 => 1,
        _ => 2,
    };
    let wanted = name.to_lowercase();
    known
        .filter(|known| *known != name)
        .map(|known| (slips(&wanted, &known.to_lowercase()), known))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, known)| known)
}

/// Of the words of an enumeration the one that was meant, written in capitals, with the prefix that
/// OTLP gives it, or with a slip.
pub(crate) fn one_of(name: &str, words: &[&'static str]) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let prefixes = ["span_kind_", "status_code_"];
    let stripped = prefixes.iter().find_map(|prefix| lower.strip_prefix(prefix)).unwrap_or(&lower);
    let exact = words.iter().find(|word| **word == stripped).copied();
    exact.or_else(|| nearest(stripped, words.iter().copied()))
}

/// How many characters have to be put in, left out, changed or swapped with the next to make `from`
/// into `to` (the optimal string alignment distance).
fn slips(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    if from.len().abs_diff(to.len()) > 2 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, char) in from.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, other) in to.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let changed = at(&row, j) + usize::from(char != other);
            let mut least = changed.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped =
                i > 0 && j > 0 && from.get(i - 1) == Some(other) && to.get(j - 1) == Some(char);
            if swapped {
                least = least.min(at(&before, j - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{nearest, slips};

    #[test]
    fn slips_of_the_finger_are_counted() {
        assert_eq!(slips("duration", "duration"), 0);
        assert_eq!(slips("durration", "duration"), 1);
        assert_eq!(slips("duratoin", "duration"), 1);
        assert_eq!(slips("", "ab"), 2);
        assert_eq!(slips("kind", "status"), 6);
    }

    #[test]
    fn short_words_are_not_guessed() {
        let known = ["kind", "ok", "status"];
        assert_eq!(nearest("x", known.into_iter()), None);
        assert_eq!(nearest("Kind", known.into_iter()), Some("kind"));
        assert_eq!(nearest("statsu", known.into_iter()), Some("status"));
        assert_eq!(nearest("kind", known.into_iter()), None);
    }
}
