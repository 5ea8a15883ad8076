//! Cuts a stream of OTLP/JSON into requests: one a line, or documents over several lines. Invariant:
//! each byte belongs to one request, and a broken line spoils no other line's request.

use std::io::{self, BufRead, Read};

/// Most bytes of one request; longer ones are passed over.
pub(super) const REQUEST_BYTES_MAX: usize = 1 << 30;

/// A request and the line it begins on, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) line: u64,
    /// `None` where it was longer than [`REQUEST_BYTES_MAX`].
    pub(super) text: Option<Vec<u8>>,
}

/// The requests of a stream.
#[derive(Debug)]
pub(super) struct Requests<R> {
    lines: Lines<R>,
    mode: Mode,
    /// A line read ahead to tell the mode.
    ahead: Option<Request>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Unknown,
    /// A request a line.
    Lines,
    /// Requests end where their brackets close.
    Documents,
}

impl<R: BufRead> Requests<R> {
    /// The requests of `input`.
    pub(super) fn new(input: R) -> Self {
        Self { lines: Lines { input, line: 0 }, mode: Mode::Unknown, ahead: None }
    }

    /// The next request, `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Request>> {
        let Some(first) = self.next_line()? else { return Ok(None) };
        if self.mode == Mode::Unknown {
            let mode = self.tell_mode(&first)?;
            self.mode = mode;
        }
        match self.mode {
            Mode::Documents => self.document(first).map(Some),
            Mode::Lines | Mode::Unknown => Ok(Some(first)),
        }
    }

    /// The next line with anything on it.
    fn next_line(&mut self) -> io::Result<Option<Request>> {
        match self.ahead.take() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    /// A first line that closes what it opens is a request; so is one, though broken, that another
    /// request follows. All else is the beginning of a document.
    fn tell_mode(&mut self, first: &Request) -> io::Result<Mode> {
        let text = first.text.as_deref().unwrap_or_default();
        let mut brackets = Brackets::default();
        brackets.read(text);
        if brackets.closed() {
            return Ok(Mode::Lines);
        }
        self.ahead = self.lines.next()?;
        let second = self.ahead.as_ref().and_then(|line| line.text.as_deref()).unwrap_or_default();
        let goes_on = text.last().is_some_and(|last| b"{[,:".contains(last));
        Ok(if second.starts_with(b"{") && !goes_on { Mode::Lines } else { Mode::Documents })
    }

    fn document(&mut self, first: Request) -> io::Result<Request> {
        let line = first.line;
        let Some(mut text) = first.text else { return Ok(Request { line, text: None }) };
        let mut brackets = Brackets::default();
        brackets.read(&text);
        let mut too_long = false;
        while !brackets.closed() {
            let Some(next) = self.next_line()? else { break };
            let part = next.text.unwrap_or_default();
            brackets.read(&part);
            too_long |= text.len().saturating_add(part.len()) > REQUEST_BYTES_MAX;
            if !too_long {
                text.push(b'\n');
                text.extend_from_slice(&part);
            }
        }
        Ok(Request { line, text: (!too_long).then_some(text) })
    }
}

/// Counts the brackets of JSON text, those in strings apart.
#[derive(Debug, Default)]
struct Brackets {
    depth: u64,
    opened: bool,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    fn read(&mut self, text: &[u8]) {
        for byte in text {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    self.opened = true;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// True where every bracket is closed; so for text that has none, which is no document at all.
    fn closed(&self) -> bool {
        !self.in_string && self.depth == 0
    }
}

/// Lines that are not blank, without white space at their ends, which may still carry indentation.
#[derive(Debug)]
struct Lines<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> io::Result<Option<Request>> {
        loop {
            let mut text = Vec::new();
            let most = u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX);
            let read = self.input.by_ref().take(most).read_until(b'\n', &mut text)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            let line = self.line;
            if read == REQUEST_BYTES_MAX && text.last() != Some(&b'\n') {
                self.skip_line()?;
                return Ok(Some(Request { line, text: None }));
            }
            let kept = text.trim_ascii_end().len();
            text.truncate(kept);
            // A byte order mark may open a file written on Windows.
            if line == 1 && text.starts_with(b"\xef\xbb\xbf") {
                text.drain(..3);
            }
            if !text.trim_ascii_start().is_empty() {
                return Ok(Some(Request { line, text: Some(text) }));
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let waiting = self.input.fill_buf()?;
            let end = waiting.iter().position(|byte| *byte == b'\n');
            let (length, done) = match end {
                Some(end) => (end + 1, true),
                None => (waiting.len(), waiting.is_empty()),
            };
            self.input.consume(length);
            if done {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(u64, String)> {
        let mut requests = Requests::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(request) = requests.next().unwrap() {
            all.push((request.line, String::from_utf8(request.text.unwrap()).unwrap()));
        }
        all
    }

    fn owned(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
        expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn lines_are_requests_and_blank_ones_are_not() {
        assert_eq!(
            cut("{\"a\":1}\r\n\n  {\"b\":\"}{\"}\n{\"c\":3}"),
            owned(&[(1, "{\"a\":1}"), (3, "  {\"b\":\"}{\"}"), (4, "{\"c\":3}")])
        );
        assert_eq!(cut(""), owned(&[]));
        assert_eq!(cut("\u{feff}{}\n"), owned(&[(1, "{}")]));
    }

    #[test]
    fn documents_end_where_their_brackets_close() {
        let text = "{\n  \"a\": [\n    \"}]\\\"\"\n  ]\n}\n{\n\"b\": 1 }\n";
        assert_eq!(
            cut(text),
            owned(&[(1, "{\n  \"a\": [\n    \"}]\\\"\"\n  ]\n}"), (6, "{\n\"b\": 1 }")])
        );
    }

    #[test]
    fn a_broken_line_spoils_no_other() {
        assert_eq!(cut("{\"a\":\n"), owned(&[(1, "{\"a\":")]));
        assert_eq!(cut("{\"a\":1\n{}\n"), owned(&[(1, "{\"a\":1"), (2, "{}")]));
        assert_eq!(cut("nonsense\n{}\n"), owned(&[(1, "nonsense"), (2, "{}")]));
        assert_eq!(cut("{}\n{\"a\n{}\n"), owned(&[(1, "{}"), (2, "{\"a"), (3, "{}")]));
    }
}
