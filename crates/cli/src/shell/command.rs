//! What a line of the shell asks for: a query, or a command after a colon. Invariant: a line that is
//! neither is said to be wrong with what would be right.

use treering::{Timestamp, TraceId};

use crate::args::{Most, Output, most, trace_id};
use crate::failure::Failure;
use crate::time;

/// Commands, what follows them, and what they do.
pub(super) const NAMES: [(&str, &str, &str); 10] = [
    (":help", "", "list what can be typed"),
    (":explain", "QUERY", "show how a query runs and what it took"),
    (":next", "", "show the next traces of the last answer"),
    (":trace", "ID", "show one trace"),
    (":stats", "", "show figures about the store"),
    (":limit", "N|all", "show at most so many traces of an answer"),
    (":spans", "N|all", "show at most so many spans of each spanset"),
    (":since", "TIME|all", "look only at traces that end at or after a time, such as 1h"),
    (":output", "FORM", "show answers as table, json or jsonl"),
    (":quit", "", "end; so does Ctrl-D"),
];

/// What can follow the command `name`, where these are words.
pub(super) fn arguments(name: &str) -> &'static [&'static str] {
    match name {
        ":output" => &["table", "json", "jsonl"],
        ":limit" | ":spans" => &["all"],
        ":since" => &["15m", "1h", "24h", "today", "yesterday", "all"],
        _ => &[],
    }
}

/// What a line asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Request<'t> {
    Nothing,
    Query(&'t str),
    Help,
    Next,
    Explain(&'t str),
    Trace(TraceId),
    Stats,
    Limit(Most),
    Spans(Most),
    /// From when on; `None` for all there is.
    Since(Option<Timestamp>),
    Output(Output),
    Quit,
}

/// What `line` asks for.
pub(super) fn parse(line: &str) -> Result<Request<'_>, Failure> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(Request::Nothing);
    }
    if !line.starts_with(':') {
        return Ok(Request::Query(line));
    }
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let wants = NAMES.iter().find(|(known, ..)| *known == name).map(|(_, wants, _)| *wants);
    match wants {
        Some("") if !rest.is_empty() => return Err(wrong(format!("{name} stands alone"))),
        Some(wants) if !wants.is_empty() && rest.is_empty() => {
            return Err(wrong(format!("{name} wants something after it: `{name} {wants}`")));
        }
        _ => {}
    }
    let at = |error: String| wrong(format!("{name} {rest}: {error}"));
    Ok(match name {
        ":help" | ":h" | ":?" => Request::Help,
        ":explain" => Request::Explain(rest),
        ":next" => Request::Next,
        ":trace" => Request::Trace(trace_id(rest).map_err(at)?),
        ":stats" => Request::Stats,
        ":limit" => Request::Limit(most(rest).map_err(at)?),
        ":spans" => Request::Spans(most(rest).map_err(at)?),
        ":since" if rest == "all" => Request::Since(None),
        ":since" => Request::Since(Some(time::parse(rest).map_err(at)?)),
        ":output" => Request::Output(output(rest)?),
        ":quit" | ":q" | ":exit" => Request::Quit,
        _ => {
            let names = NAMES.map(|(name, ..)| name).join(", ");
            return Err(wrong(format!("there is no command {name}; there are {names}")));
        }
    })
}

fn output(word: &str) -> Result<Output, Failure> {
    match word {
        "table" => Ok(Output::Table),
        "json" => Ok(Output::Json),
        "jsonl" => Ok(Output::Jsonl),
        _ => Err(wrong(format!(":output {word}: expected table, json or jsonl"))),
    }
}

fn wrong(text: String) -> Failure {
    Failure::Usage(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_queries_or_commands() {
        assert_eq!(parse("  ").unwrap(), Request::Nothing);
        assert_eq!(parse(" { }\n").unwrap(), Request::Query("{ }"));
        assert_eq!(parse(":explain { } ").unwrap(), Request::Explain("{ }"));
        assert_eq!(parse(":limit all").unwrap(), Request::Limit(Most(None)));
        assert_eq!(parse(":since all").unwrap(), Request::Since(None));
        assert!(matches!(parse(":since 1h").unwrap(), Request::Since(Some(_))));
        assert_eq!(parse(":output jsonl").unwrap(), Request::Output(Output::Jsonl));
        assert_eq!(parse(":q").unwrap(), Request::Quit);
    }

    #[test]
    fn every_command_is_known_and_completed_right() {
        for (name, wants, _) in NAMES {
            let rest = match wants {
                "" => "",
                "ID" => " aa",
                "QUERY" => " { }",
                _ => arguments(name)[0],
            };
            assert!(parse(&format!("{name} {rest}")).is_ok(), "{name}");
            for argument in arguments(name) {
                assert!(parse(&format!("{name} {argument}")).is_ok(), "{name} {argument}");
            }
        }
    }

    #[test]
    fn wrong_commands_say_what_would_be_right() {
        for (line, right) in [
            (":trace", ":trace ID"),
            (":trace xyz", "32 hex digits"),
            (":limit none", "`all`"),
            (":since never", "such as `2h`"),
            (":output xml", "table, json or jsonl"),
            (":quit now", "stands alone"),
            (":nothing", ":help"),
        ] {
            let Err(Failure::Usage(text)) = parse(line) else { panic!("{line}") };
            assert!(text.contains(right), "{line}: {text}");
        }
    }
}
