//! The times as bars on a logarithmic scale, in SVG. Invariant: colours can be told apart, and text
//! read, on a light and on a dark ground, for nobody knows where the picture is shown.

use std::fmt::{Error, Write};
use std::time::Duration;

use crate::ask::Measured;

const WIDTH: f64 = 860.0;
/// Where the bars begin and end.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 760.0;
/// Of a question, and of a bar.
const ROW: f64 = 30.0;
const BAR: f64 = 11.0;
const TOP: f64 = 64.0;

const DUCK: &str = "#d98a1f";
const TREERING: &str = "#2f9e6e";
const TEXT: &str = "#808891";

/// The picture; `title` says of what.
pub(crate) fn draw(title: &str, all: &[Measured]) -> Result<String, Error> {
    let rows = f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX));
    let bottom = TOP + rows * ROW;
    let height = bottom + 34.0;
    let (first, last) = decades(all);
    let place = |micros: f64| {
        let share = (micros.log10() - f64::from(first)) / f64::from(last - first);
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    };
    let mut svg = String::new();
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="12" fill="{TEXT}">"#
    )?;
    writeln!(svg, "<title>{}</title>", escaped(title))?;
    writeln!(
        svg,
        r#"<text x="12" y="22" font-size="15" font-weight="600">{}</text>"#,
        escaped(title)
    )?;
    for (x, colour, name) in [(LEFT, DUCK, "DuckDB"), (LEFT + 90.0, TREERING, "Treering")] {
        writeln!(
            svg,
            r#"<rect x="{x}" y="36" width="12" height="{BAR}" rx="2" fill="{colour}"/>"#
        )?;
        writeln!(svg, r#"<text x="{}" y="46">{name}</text>"#, x + 18.0)?;
    }
    writeln!(
        svg,
        r#"<text x="{}" y="46">shorter is better; each line is ten times the one before</text>"#,
        LEFT + 200.0
    )?;
    for decade in first..=last {
        let x = place(10_f64.powi(decade));
        writeln!(
            svg,
            r#"<line x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{bottom}" stroke="{TEXT}" stroke-opacity="0.35"/>"#
        )?;
        let label = shown(10_f64.powi(decade));
        writeln!(
            svg,
            r#"<text x="{x:.1}" y="{}" text-anchor="middle">{label}</text>"#,
            bottom + 18.0
        )?;
    }
    let mut y = TOP + 4.0;
    for one in all {
        let name = escaped(one.question.name);
        writeln!(
            svg,
            r#"<text x="{}" y="{}" text-anchor="end">{name}</text>"#,
            LEFT - 8.0,
            y + 15.0
        )?;
        for (time, colour, y) in [(one.duck.0, DUCK, y), (one.treering.0, TREERING, y + BAR)] {
            let micros = micros(time);
            let end = place(micros);
            let width = (end - LEFT).max(1.0);
            writeln!(
                svg,
                r#"<rect x="{LEFT}" y="{y}" width="{width:.1}" height="{BAR}" rx="2" fill="{colour}"/>"#
            )?;
            let (x, y) = (end + 5.0, y + BAR - 1.5);
            writeln!(svg, r#"<text x="{x:.1}" y="{y}" font-size="10">{}</text>"#, shown(micros))?;
        }
        y += ROW;
    }
    writeln!(svg, "</svg>")?;
    Ok(svg)
}

fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).max(0.1)
}

/// The powers of ten, in microseconds, between which all times are.
fn decades(all: &[Measured]) -> (i32, i32) {
    let times = || all.iter().flat_map(|one| [micros(one.duck.0), micros(one.treering.0)]);
    let (mut first, mut last) = (1, 2);
    while times().any(|time| time < 10_f64.powi(first)) {
        first -= 1;
    }
    while times().any(|time| time > 10_f64.powi(last)) {
        last += 1;
    }
    (first, last)
}

fn shown(micros: f64) -> String {
    match micros {
        micros if micros < 9.95 => format!("{} µs", trimmed(micros)),
        micros if micros < 999.5 => format!("{micros:.0} µs"),
        micros if micros < 9995.0 => format!("{} ms", trimmed(micros / 1e3)),
        micros if micros < 999_500.0 => format!("{:.0} ms", micros / 1e3),
        micros => format!("{} s", trimmed(micros / 1e6)),
    }
}

fn trimmed(number: f64) -> String {
    format!("{number:.1}").trim_end_matches(".0").to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
