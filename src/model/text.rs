//! Text of spans, shown to people. Invariant: what is written stays on its line, and neither moves
//! nor turns what stands around it.

use std::fmt::{self, Write};

/// Text as it can be shown on a terminal or in a log, whoever sent it: `·` stands for each control
/// character, line breaks among them, and for each that is invisible or turns the direction of text.
///
/// ```
/// use treering::model::OneLine;
///
/// assert_eq!(OneLine("GET /\u{1b}[2J\n").to_string(), "GET /·[2J·");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "it only says how the text is shown")]
pub struct OneLine<'t>(pub &'t str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| f.write_char(if is_plain(c) { c } else { '·' }))
    }
}

/// False for control characters, invisible ones and those that turn the direction of text or break
/// lines.
pub(crate) fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::OneLine;

    #[test]
    fn nothing_leaves_its_line_or_turns_it() {
        let odd = "a\r\n\u{9b}\u{202e}\u{200b}\u{2028}\u{feff}b é日本";
        assert_eq!(OneLine(odd).to_string(), "a·······b é日本");
        assert_eq!(OneLine("").to_string(), "");
    }
}
