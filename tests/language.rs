//! The language as a whole: what is printed reads back, no text crashes the reader, and limits are
//! told before anything recurses. What each query and each mistake says is in `golden.rs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/any_queries.rs"]
mod any_queries;
#[path = "support/queries.rs"]
mod queries;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use treering::query::syntax::{
    AttributeScope, FUNCTIONS, Intrinsic, KEYWORDS, Literal, TextRange, prefixes, signs, units,
};
use treering::query::{QueryErrorKind, check, check_search, parse};

/// Half the stack of a thread that a service starts without asking for more.
const STACK_BYTES: usize = 1024 * 1024;

/// Reads `text` with a small stack, and prints, copies, compares, checks and drops what it says.
fn read(text: String) -> Option<QueryErrorKind> {
    let work = move || {
        let parsed = parse(&text);

        if let Ok(query) = &parsed {
            let copy = query.clone();
            assert_eq!(&copy, query);

            let printed = copy.to_string();

            if printed.len() < 64 * 1024 {
                assert_eq!(parse(&printed).as_ref(), Ok(query));
            }
        }

        let checked = check(&text);

        if let Err(error) = &checked {
            let range = error.range();
            assert!(text.get(range.start..range.end).is_some(), "{range:?} is a place in the text");
            assert!(!error.to_string().contains('\n'));
            assert!(error.report(&text).contains('^'));
        }
        parsed.err().or(checked.err()).map(|error| error.kind())
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
}

/// `part` as often as fits in `bytes`.
fn filled(bytes: usize, part: &str) -> String {
    part.repeat(bytes / part.len())
}

const LIMIT: Option<QueryErrorKind> = Some(QueryErrorKind::Limit);
const TEXT_BYTES_MAX: usize = 64 * 1024;

#[test]
fn a_text_that_is_too_long_is_refused() {
    assert_eq!(read(format!("{{ }}{}", " ".repeat(TEXT_BYTES_MAX - 3))), None);
    assert_eq!(read(format!("{{ }}{}", " ".repeat(TEXT_BYTES_MAX - 2))), LIMIT);
    assert_eq!(read("\u{e9}".repeat(TEXT_BYTES_MAX)), LIMIT);
}

#[test]
fn a_text_that_nests_too_deeply_is_refused() {
    for part in ["(", "{", "!", "-", "!-", "({", "({}|count()>", "{(", "({} >> "] {
        assert_eq!(read(filled(TEXT_BYTES_MAX, part)), LIMIT, "{part}");
    }
    for part in ["(", "!", "-", "-(", "2^", "-2^", "-.a * ", "!.a ^ "] {
        assert_eq!(read(format!("{{ {}", filled(TEXT_BYTES_MAX - 2, part))), LIMIT, "{part}");
    }
    for part in ["(", "-", "2^", "2*(", "({}|"] {
        assert_eq!(read(format!("{{}} | {}", filled(TEXT_BYTES_MAX - 5, part))), LIMIT, "{part}");
    }
}

#[test]
fn the_deepest_query_is_read() {
    let nested = |depth: usize, open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    // The braces are a level too.
    let cases = [
        ("(", ".a", ")"),
        ("!", ".a", ""),
        ("!(.b || ", ".a", ")"),
        ("(1 + 2 * 2 ^ ", ".a", " = 1 && .b)"),
    ];
    for (open, inner, close) in cases {
        let levels = open.matches(['(', '!', '^']).count();
        let depth = 127 / levels;
        let kind = read(format!("{{ {} }}", nested(depth, open, inner, close)));
        assert_ne!(kind, LIMIT, "{open}");
        let kind = read(format!("{{ {} }}", nested(depth + 1, open, inner, close)));
        assert_eq!(kind, LIMIT, "{open}");
    }
    assert_eq!(read(nested(127, "(", "{ .a }", ")")), None);
    assert_eq!(read(nested(128, "(", "{ .a }", ")")), LIMIT);
    assert_eq!(read(nested(127, "({ .a } >> ", "{ .a }", ")")), None);
    assert_eq!(read(nested(127, "({ .a } | ", "{ .a }", ")")), None);
    assert_eq!(read(format!("{} > 1", nested(126, "({ .a } | 1 + ", "count()", ")"))), None);
    assert_eq!(read(format!("{{ {} = 1 }}", "2^".repeat(127) + "2")), None);
    assert_eq!(read(format!("{{ {} = 1 }}", "2^".repeat(128) + "2")), LIMIT);
    assert_eq!(read(format!("{{ {}.a = 1 }}", "-.a * ".repeat(127))), None);
}

#[test]
fn a_chain_is_one_level_however_long() {
    let fill = |start: &str, part: &str, end: &str| {
        format!("{start}{}{end}", filled(TEXT_BYTES_MAX - start.len() - end.len(), part))
    };
    for text in [
        fill("{ ", ".a || ", ".a }"),
        fill("{ ", ".a = 1 && ", ".a }"),
        fill("{ ", "2^2 * ", "2 = 1 }"),
        fill("{ ", "-.a + ", "2 = 1 }"),
        fill("{ ", "!.a && ", ".a }"),
        fill("{ ", ".a - ", ".a = 1 }"),
        fill("", "{} >> ", "{}"),
        fill("", "{} && ", "{}"),
        fill("", "({}) || ", "{}"),
        fill("", "{} | ", "{}"),
        fill("{} | ", "count() + ", "1 > 1"),
        fill("", "({}|rate()) + ", "1"),
        fill("{} | rate() ", "> 1 ", "| topk(1)"),
        fill("{} | select(", ".a, ", ".a)"),
        fill("{}", " with (a=1)", ""),
    ] {
        assert_eq!(read(text.clone()), None, "{}", text.get(..40).unwrap());
    }
}

#[test]
fn a_search_refuses_a_metrics_query() {
    assert_eq!(check_search(&check("{ } | count() > 2").unwrap()), Ok(()));
    let error = check_search(&check("{ } | rate()").unwrap()).unwrap_err();
    assert_eq!(error.kind(), QueryErrorKind::Unsupported);
    assert!(error.message().contains("metrics query"));
    let TextRange { start, end } = error.range();
    assert_eq!((start, end), (0, 12));
}

#[test]
fn an_example_of_each_kind_of_error() {
    let kind = |text: &str| check(text).unwrap_err().kind();
    assert_eq!(kind("{ .a == 1 }"), QueryErrorKind::Syntax);
    assert_eq!(kind("{ kind = 1 }"), QueryErrorKind::Type);
    assert_eq!(kind("{ x = 1 }"), QueryErrorKind::UnknownField);
    assert_eq!(kind("{ .a =~ \"[\" }"), QueryErrorKind::Regex);
    assert_eq!(kind("{ .a = 0x10 }"), QueryErrorKind::Number);
}

#[test]
fn patterns_are_bounded_together() {
    let part = ".a =~ `\\pL{20}` || ";
    assert_eq!(read(format!("{{ {}.a }}", filled(60_000, part))), LIMIT);
}

#[test]
fn a_pattern_that_nests_is_read_on_a_small_stack() {
    for depth in [30, 90, 99, 101, 30_000] {
        let pattern = format!("{}b{}", "(a|".repeat(depth), ")*".repeat(depth));
        let kind = read(format!("{{ .a =~ \"{pattern}\" }}"));
        assert_eq!(kind.is_none(), depth < 40, "{depth}: {kind:?}");
    }
}

#[test]
fn a_message_is_one_line_and_short() {
    let long = "y".repeat(50_000);
    for text in [format!("{{ ok(\"{long}\") }}"), format!("\"{long}\""), format!(".\"a\n{long}\"")]
    {
        let error = check(&text).unwrap_err();
        let report = error.report(&text);
        assert!(report.len() < 2_000, "{report}");
        assert!(error.message().lines().count() == 1 && error.help().unwrap().lines().count() == 1);
    }
}

/// The pieces of the language, as canonical texts have them.
fn pieces() -> Vec<String> {
    let mut pieces: Vec<String> = FUNCTIONS.iter().map(|name| format!("{name}(")).collect();
    pieces.extend(
        ["rate() by (", "with (", "parent.", "parent.span.", "parent.resource."].map(str::to_owned),
    );
    // `true` as a condition is written as nothing, the greatest integer in digits.
    let written = KEYWORDS.into_iter().filter(|word| !["with", "maxInt"].contains(word));
    pieces.extend(written.map(|word| format!(" {word} ")));
    let brackets = ["{", "}", "(", ")", ",", "!", "-"];
    pieces.extend(signs().filter(|sign| !brackets.contains(sign)).map(|sign| format!(" {sign} ")));
    pieces.extend(
        ["{ }", "!(", "!.", "-(", "-.", " - ", ", ", "((", ".\"", "span.\""].map(str::to_owned),
    );
    pieces.extend([r#"\""#, r"\\", r"\n", r"\u00"].map(str::to_owned));
    pieces.extend(prefixes().filter(|prefix| *prefix != ".").map(str::to_owned));
    pieces.extend(
        units().filter(|unit| !"ywd\u{b5}s\u{3bc}s".contains(unit)).map(|unit| format!("1{unit}")),
    );
    for intrinsic in Intrinsic::all() {
        let name = intrinsic.canonical_name();
        pieces.push(format!(" {name} "));
        if !name.starts_with("event:") && !name.starts_with("link:") {
            pieces.push(format!("parent.{name}"));
        }
    }
    pieces
}

#[test]
fn random_queries_reach_the_whole_language() {
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let queries = any_queries::any_query();
    let mut missing = pieces();
    for _ in 0..20_000 {
        let text = queries.new_tree(&mut runner).unwrap().current().to_string();
        missing.retain(|piece| !text.contains(piece));
        if missing.is_empty() {
            return;
        }
    }
    panic!("no query of any kind has {missing:?}");
}

/// Texts of the language's own pieces, in any order.
fn salad() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "{",
        "}",
        "(",
        ")",
        "|",
        "||",
        "&&",
        "&",
        ">",
        ">>",
        "!",
        "!~",
        "~",
        "=",
        "=~",
        "<",
        "<<",
        "&>>",
        "^",
        "-",
        "+",
        "*",
        "/",
        "%",
        ",",
        " ",
        "\n",
        "//",
        "/*",
        "*/",
        "\"",
        "`",
        "'",
        "\\",
        ".a",
        ".",
        "span.",
        "span:",
        "name",
        "duration",
        "count()",
        "avg(",
        "by(",
        "by",
        "with",
        "select(",
        "1",
        "1.",
        "1h",
        "0x",
        "nil",
        "true",
        "ok",
        "server",
        "rate()",
        "topk(",
        "unless",
        "coalesce()",
        "parent.",
        "\u{e9}",
        "\u{2028}",
        "[",
        "x",
        "compare(",
        "\"a\"",
        "\"[\"",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_printed_query_reads_back(query in any_queries::any_query()) {
        let text = query.to_string();
        let parsed = parse(&text);
        prop_assert!(parsed.is_ok(), "{text}\n{}", parsed.unwrap_err().report(&text));
        prop_assert_eq!(parsed.unwrap(), query, "{}", text);
    }

    #[test]
    fn a_random_search_passes_the_checker(query in queries::search(&queries::Vocabulary::default())) {
        let text = query.to_string();
        let checked = check(&text);
        prop_assert!(checked.is_ok(), "{text}\n{}", checked.unwrap_err().report(&text));
        let checked = checked.unwrap();
        prop_assert_eq!(checked.query(), &query, "{}", text);
    }

    #[test]
    fn a_plain_vocabulary_gives_plain_searches(
        query in queries::search(&queries::Vocabulary {
            attributes: vec![(AttributeScope::Span, "x".into())],
            values: vec![Literal::Int(7)],
            intrinsics: Vec::new(),
            parents: false,
            pipelines: false,
            ..queries::Vocabulary::default()
        })
    ) {
        let text = query.to_string();
        prop_assert!(check(&text).is_ok(), "{}", text);
        prop_assert!(!text.contains(" | ") && !text.contains(':') && !text.contains("parent."), "{}", text);
    }

    #[test]
    fn no_text_crashes_the_reader(text in prop_oneof![salad(), any::<String>()]) {
        match check(&text) {
            Ok(checked) => {
                let printed = checked.to_string();
                prop_assert_eq!(check(&printed).map(|again| again.to_string()), Ok(printed));
            }
            Err(error) => {
                let range = error.range();
                prop_assert!(text.get(range.start..range.end).is_some(), "{:?}", range);
                prop_assert!(!error.report(&text).is_empty());
            }
        }
    }
}
