//! Quoted text: strings with Go's escapes, attribute names with their two. Invariant: what this file
//! writes, it reads back as the same text.

use std::fmt::{self, Write};

use super::TextRange;
use crate::model::is_plain;
use crate::query::{QueryError, QueryErrorKind};

/// Text that was quoted, and how many bytes it took with its quotes.
pub(super) struct Quoted {
    pub(super) content: String,
    pub(super) length: usize,
}

fn error(start: usize, length: usize, message: impl Into<String>) -> QueryError {
    let range = TextRange { start, end: start + length };
    QueryError::new(QueryErrorKind::Syntax, range, message)
}

/// Reads the string in double quotes that `text`, at `start` of the query, begins with.
pub(super) fn string(text: &str, start: usize) -> Result<Quoted, QueryError> {
    let mut bytes = Vec::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => {
                let length = at + 1;
                return match String::from_utf8(bytes) {
                    Ok(content) => Ok(Quoted { content, length }),
                    Err(_) => Err(error(start, length, "this string's bytes are not UTF-8")
                        .with_help("`\\x` writes single bytes; a character is written `\\u00e9`")),
                };
            }
            '\n' => return Err(unclosed(text.get(..at).unwrap_or(text), start, '"')),
            '\\' => {
                let length = escape(text.get(at..).unwrap_or(""), start + at, &mut bytes)?;
                for _ in 1..length {
                    chars.next();
                }
            }
            char => push(&mut bytes, char),
        }
    }
    Err(unclosed(text, start, '"'))
}

/// Reads the string in backticks that `text`, at `start` of the query, begins with.
pub(super) fn raw(text: &str, start: usize) -> Result<Quoted, QueryError> {
    match text.get(1..).and_then(|inner| inner.split_once('`')) {
        Some((content, _)) => Ok(Quoted { content: content.into(), length: content.len() + 2 }),
        None => Err(unclosed(text, start, '`')),
    }
}

/// Reads the quoted part of an attribute name that `text`, at `start` of the query, begins with.
pub(super) fn name(text: &str, start: usize) -> Result<Quoted, QueryError> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok(Quoted { content, length: at + 1 }),
            '\\' => match chars.next() {
                Some((_, char @ ('"' | '\\'))) => content.push(char),
                Some((_, char)) => {
                    return Err(error(
                        start + at,
                        1 + char.len_utf8(),
                        format!("an attribute name has no escape `\\{}`", char.escape_default()),
                    )
                    .with_help("within a quoted name only `\\\"` and `\\\\` are escapes"));
                }
                None => break,
            },
            char => content.push(char),
        }
    }
    Err(unclosed(text, start, '"'))
}

fn unclosed(text: &str, start: usize, quote: char) -> QueryError {
    let length = text.lines().next().unwrap_or("").trim_end().len().max(1);
    error(start, length, "this quote is never closed").with_help(match quote {
        '"' => "end it with `\"`; a quote within it is written `\\\"`",
        _ => "end it with a backtick",
    })
}

/// Appends what the escape at the start of `text` stands for; returns the characters it took.
fn escape(text: &str, start: usize, bytes: &mut Vec<u8>) -> Result<usize, QueryError> {
    let kind = text.chars().nth(1);
    let simple = match kind {
        Some('a') => Some(b'\x07'),
        Some('b') => Some(b'\x08'),
        Some('f') => Some(b'\x0c'),
        Some('n') => Some(b'\n'),
        Some('r') => Some(b'\r'),
        Some('t') => Some(b'\t'),
        Some('v') => Some(b'\x0b'),
        Some('\\') => Some(b'\\'),
        Some('"') => Some(b'"'),
        _ => None,
    };
    if let Some(byte) = simple {
        bytes.push(byte);
        return Ok(2);
    }
    let wrong = |length: usize| {
        error(start, length, "this escape does not exist in a string").with_help(
            "a backslash is written `\\\\`; escapes are `\\\" \\\\ \\n \\r \\t \\xNN \\uNNNN`; \
             in backticks a backslash is itself",
        )
    };
    let (skip, digits, radix) = match kind {
        Some('x') => (2, 2, 16),
        Some('u') => (2, 4, 16),
        Some('U') => (2, 8, 16),
        Some('0'..='7') => (1, 3, 8),
        Some(other) => return Err(wrong(1 + other.len_utf8())),
        None => return Err(wrong(1)),
    };
    let code = text
        .get(skip..skip + digits)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|digits| u32::from_str_radix(digits, radix).ok());
    let done = match (kind, code) {
        (Some('u' | 'U'), Some(code)) => {
            char::from_u32(code).map(|char| push(bytes, char)).is_some()
        }
        (_, Some(code)) => u8::try_from(code).map(|byte| bytes.push(byte)).is_ok(),
        _ => false,
    };
    if done { Ok(skip + digits) } else { Err(wrong(skip)) }
}

fn push(bytes: &mut Vec<u8>, char: char) {
    bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Writes `text` as a string in double quotes.
pub(crate) fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for char in text.chars() {
        match char {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            char if !is_plain(char) => {
                write!(f, "\\u{:04x}", u32::from(char))?;
            }
            char => f.write_char(char)?,
        }
    }
    f.write_char('"')
}

/// Writes `text` as a quoted attribute name.
pub(super) fn write_name(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for char in text.chars() {
        if matches!(char, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(char)?;
    }
    f.write_char('"')
}
