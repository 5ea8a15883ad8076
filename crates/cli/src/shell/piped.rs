//! Queries from a pipe or a file. Invariant: what was read is run before more is waited for, so that a
//! program can ask, read the answer and ask on.

use std::io::{self, BufRead};

use super::pieces::goes_on;

/// The queries and commands of `input`.
#[derive(Debug)]
pub(super) struct Piped<R> {
    input: R,
}

impl<R: BufRead> Piped<R> {
    /// Reads from `input`.
    pub(super) fn new(input: R) -> Self {
        Self { input }
    }

    /// The next query or command, which may have several lines; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<String>> {
        let mut text = String::new();
        loop {
            let mut line = Vec::new();
            if self.input.read_until(b'\n', &mut line)? == 0 {
                return Ok((!text.is_empty()).then_some(text));
            }
            // Bytes that are no UTF-8 become U+FFFD, which no query has outside of strings.
            let line = String::from_utf8_lossy(&line);
            text.push_str(line.trim_end_matches(['\n', '\r']));
            if !goes_on(&text) {
                return Ok(Some(text));
            }
            text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_gathered_until_braces_close() {
        let mut piped = Piped::new(&b"{ }\n\n{ .a = 1\r\n}\n{ (\n\n:quit\n{ \xff"[..]);
        let mut texts = Vec::new();
        while let Some(text) = piped.next().unwrap() {
            texts.push(text);
        }
        assert_eq!(texts, ["{ }", "", "{ .a = 1\n}", "{ (\n", ":quit", "{ \u{fffd}\n"]);
    }
}
