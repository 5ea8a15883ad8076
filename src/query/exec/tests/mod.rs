//! The engine on a source over plain vectors, against direct evaluation of the syntax tree.

mod aggregates;
mod answers;
mod filters;
mod generate;
mod naive;
mod pipelines;
mod plans;
mod stopping;

use super::testing::Forest;
use super::{Found, execute, explain};
use crate::query::check;
use crate::query::plan::{Plan, plan};
use crate::query::syntax::{Pipeline, Query, Stage};

fn run(forest: &Forest, stages: Vec<Stage>, window: std::ops::Range<u32>) -> Found {
    let plan = plan(&Pipeline { stages }, &[]).unwrap();
    let (found, figures) = execute(&plan, forest, window).unwrap();
    assert!(!explain(&plan, &figures).is_empty());
    found.unwrap()
}

/// The plan of a search.
fn planned(text: &str) -> Plan {
    let checked = check(text).unwrap();
    let Query::Search(pipeline, _) = checked.query() else { panic!("{text} is no search") };
    plan(pipeline, &[]).unwrap()
}

/// The rows that count.
fn live(forest: &Forest) -> Vec<u32> {
    let lives = |row: &u32| forest.live.as_ref().is_none_or(|live| live.contains(*row));
    (0..forest.rows()).filter(lives).collect()
}
