//! The figures as rows of a Markdown table, and what is short of its target. Invariant: a ratio is of
//! the best times of both.

use std::time::Duration;

use crate::ask::Measured;
use crate::questions::Kind;
use crate::timing::{Times, shown};

/// How many times faster than DuckDB a kind of question should be, at least.
fn faster_min(kind: Kind) -> Option<f64> {
    match kind {
        Kind::Structure => Some(50.0),
        Kind::Condition => Some(15.0),
        Kind::Groups => Some(10.0),
        Kind::Newest | Kind::One => None,
    }
}

/// How long it may take, at most.
fn time_max(kind: Kind, blocks: u64) -> Option<Duration> {
    match kind {
        Kind::Newest => Some(Duration::from_micros(300)),
        Kind::One => Some(Duration::from_micros(50 * blocks)),
        Kind::Structure | Kind::Condition | Kind::Groups => None,
    }
}

/// Times the reading of candidates that it may take; of conditions only where enough rows match.
const ITERATING_MAX: f64 = 3.0;

/// The table of what was asked of `spans` spans in `blocks` blocks.
pub(crate) fn print(all: &[Measured], spans: u64, blocks: u64) {
    println!(
        "| question | found | DuckDB ms | Treering ms | times faster | iterating ms \
         | times iterating | results built ms |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    for one in all {
        let built = one.built.map(shown).unwrap_or_default();
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            one.question.name,
            one.found,
            shown(one.duck),
            shown(one.treering),
            ratio(one.duck, one.treering),
            shown(one.iterating),
            ratio(one.treering, one.iterating),
            built
        );
    }
    println!("\nbest / median; ratios are of the best times\n");
    for one in all {
        for missed in missed(one, spans, blocks) {
            println!("- short of its target: {}: {missed}", one.question.name);
        }
    }
    println!();
    for one in all {
        println!("- {}: `{}`", one.question.name, one.question.query);
    }
}

fn missed(one: &Measured, spans: u64, blocks: u64) -> Vec<String> {
    let kind = one.question.kind;
    let mut missed = Vec::new();
    let of = |a: Times, b: Times| a.0.as_secs_f64() / b.0.as_secs_f64().max(1e-9);
    if let Some(least) = faster_min(kind)
        && of(one.duck, one.treering) < least
    {
        missed.push(format!("{} times faster, {least} wanted", ratio(one.duck, one.treering)));
    }
    let counts = kind == Kind::Structure || (kind == Kind::Condition && one.found * 100 > spans);
    if counts && of(one.treering, one.iterating) > ITERATING_MAX {
        let times = ratio(one.treering, one.iterating);
        missed.push(format!("{times} times iterating, {ITERATING_MAX} wanted"));
    }
    if let Some(most) = time_max(kind, blocks)
        && one.treering.0 > most
    {
        missed.push(format!("{:?}, {most:?} wanted", one.treering.0));
    }
    missed
}

fn ratio(a: Times, b: Times) -> String {
    let ratio = a.0.as_secs_f64() / b.0.as_secs_f64().max(1e-9);
    if ratio < 9.95 { format!("{ratio:.1}") } else { format!("{ratio:.0}") }
}
