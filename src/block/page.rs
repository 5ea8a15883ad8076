//! Compares `docs/format.md` with the code. Invariant: every number of the format stands in a table
//! of the page as it stands in the code, and the page has no rows beyond that.

use super::column::ColumnKey;
use super::format::{HEADER_LEN, MAGIC, PARTS, SECTION_ENTRY_LEN, Section, TABLES, VERSION};
use super::staging::ValueKind;
use crate::codec::packed::GROUP_LEN;
use crate::codec::record;

const PAGE: &str = include_str!("../../docs/format.md");

/// The rows of the table whose first two headings are these, cell by cell, without code marks.
fn table(first: &str, second: &str) -> Vec<Vec<String>> {
    let head = format!("| {first} | {second} |");
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(&head)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let found: Vec<Vec<String>> =
        rows.map(|line| line.trim_matches('|').split('|').map(cell).collect()).collect();
    assert!(!found.is_empty(), "docs/format.md should have a table that begins with {head}");
    found
}

/// The first two cells of each row of a table.
fn pairs(first: &str, second: &str) -> Vec<(String, String)> {
    table(first, second).iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

/// The constants in `source`, a Rust file, whose lines begin with `indent`: (value, name).
fn constants(source: &str, indent: &str) -> Vec<(String, String)> {
    let line = |line: &str| {
        let rest = line.strip_prefix(indent)?;
        let rest = rest.strip_prefix("pub(crate) ").unwrap_or(rest).strip_prefix("const ")?;
        let (name, rest) = rest.split_once(": ")?;
        let (_, value) = rest.split_once(" = ")?;
        Some((value.trim_end_matches(';').replace('_', ""), name.to_owned()))
    };
    source.lines().filter_map(line).collect()
}

fn owned(pairs: &[(u32, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(code, name)| (code.to_string(), (*name).to_owned())).collect()
}

#[test]
fn constants_are_as_the_page_says() {
    let page = pairs("constant", "value");
    let row = |name: &str| {
        let row = page.iter().find(|row| row.0 == name);
        row.unwrap_or_else(|| panic!("docs/format.md has no row for {name}")).1.clone()
    };
    assert_eq!(row("MAGIC").as_bytes(), MAGIC);
    for (name, value) in [
        ("VERSION", VERSION.to_string()),
        ("HEADER_LEN", HEADER_LEN.to_string()),
        ("SECTION_ENTRY_LEN", SECTION_ENTRY_LEN.to_string()),
        ("GROUP_LEN", GROUP_LEN.to_string()),
    ] {
        assert_eq!(row(name), value, "{name}");
    }
    for (source, names) in [
        (include_str!("../codec/packed.rs"), &["ENTRY_LEN"][..]),
        (include_str!("column/postings.rs"), &["POSTINGS_ROWS_MIN", "STRIDE_MAX", "ZONE_BITS"]),
        (include_str!("column/postings.rs"), &["EVERYWHERE"]),
        (include_str!("column/text_group.rs"), &["GROUP_BYTES", "LONG_TEXT_MIN"]),
        (include_str!("column/writer.rs"), &["COMPRESSED_ROWS_MIN"]),
        (include_str!("buckets/index.rs"), &["BUCKETS_MAX", "RUN_WORDS"]),
        (include_str!("buckets/encode.rs"), &["BUCKETS_ROWS_MIN", "SAMPLED"]),
        (include_str!("filter.rs"), &["BITS_PER_ID", "PROBES"]),
    ] {
        let known = constants(source, "");
        for name in names {
            let value = known.iter().find(|(_, other)| other == name).map(|(value, _)| value);
            assert_eq!(Some(&row(name)), value, "{name}");
        }
    }
}

#[test]
fn sections_are_as_the_page_says() {
    let plain = |code: u32| match Section::of_code(code) {
        Some(Section::Table(..)) | None => None,
        Some(section) => Some((code.to_string(), section.name())),
    };
    let expected: Vec<(String, String)> = (0..1 << 10).filter_map(plain).collect();
    assert_eq!(pairs("code", "section"), expected);
    assert_eq!(pairs("code", "table"), owned(&TABLES.map(|row| (row.1, row.2))));
    assert_eq!(pairs("code", "part"), owned(&PARTS.map(|row| (row.1, row.2))));
}

#[test]
fn fields_tags_and_forms_are_as_the_page_says() {
    let fields = constants(include_str!("format.rs"), "    ");
    assert!(fields.len() >= 18, "{fields:?}");
    assert_eq!(pairs("field", "name"), fields);
    let tags = constants(include_str!("../codec/value.rs"), "    ");
    assert_eq!(pairs("tag", "value"), tags);
    for (heading, prefix, source) in [
        ("presence", "PRESENCE_", include_str!("column/presence.rs")),
        ("dictionary", "DICTIONARY_", include_str!("column/strings.rs")),
        ("group", "GROUP_", include_str!("column/text_group.rs")),
    ] {
        let known = constants(source, "");
        let forms = known.iter().filter(|(_, name)| name.starts_with(prefix));
        let forms = forms.filter(|(_, name)| name != "GROUP_BYTES");
        let numbers: Vec<String> = forms.map(|(value, _)| value.clone()).collect();
        let page = table(heading, "bytes").into_iter().map(|row| row[0].clone());
        assert_eq!(page.collect::<Vec<_>>(), numbers, "{heading}");
        assert_eq!(numbers.len(), 2);
    }
}

#[test]
fn records_number_their_choices_as_the_page_says() {
    use ValueKind::{Bool, Double, Int, Other, String};
    let first = |bytes: Vec<u8>| bytes[0].to_string();
    let kinds = [String, Int, Double, Bool, Other];
    let expected = kinds.map(|kind| (first(record::encode(&kind).unwrap()), format!("{kind:?}")));
    assert_eq!(pairs("type", "values"), expected);
    assert_eq!(expected.len(), ValueKind::COUNT);
    let attribute = record::encode(&ColumnKey::Attribute("ab".to_owned())).unwrap();
    assert_eq!(attribute[..4], [0, 2, b'a', b'b']);
    assert_eq!(record::encode(&ColumnKey::Field(18)).unwrap()[..2], [1, 18]);
}
