//! One question put to both. Invariant: both take turns, some runs each, so that a busy machine slows
//! both and each finds the processor's caches as it left them; the numbers of matches are compared
//! before anything is timed.

use std::cell::Cell;
use std::error::Error;
use std::fs;
use std::path::Path;

use roaring::RoaringBitmap;
use treering::{SearchOptions, Store};

use crate::duck::Duck;
use crate::questions::{Kind, Question};
use crate::timing::{Times, best_and_median, time, times};

/// Turns of each.
const ROUNDS: usize = 3;
/// Runs of each form of a question in SQL, to choose the fastest.
const TRIALS: usize = 3;
/// Runs that build every result.
const BUILDS: usize = 3;

/// What asking took.
pub(crate) struct Measured {
    pub(crate) question: Question,
    /// Spans found.
    pub(crate) found: u64,
    pub(crate) duck: Times,
    pub(crate) treering: Times,
    /// Reading the rows of the candidates as bitmaps, 512 at once.
    pub(crate) iterating: Times,
    /// Treering with all spans found made results, each with its id, name, service and times; of the
    /// newest traces that is what is asked for.
    pub(crate) built: Option<Times>,
}

/// How the questions are put.
pub(crate) struct Asking<'a> {
    pub(crate) store: &'a Store,
    pub(crate) duck: &'a mut Duck,
    /// Where files may be put.
    pub(crate) folder: &'a Path,
    /// Runs in a turn.
    pub(crate) runs: usize,
    /// How often Treering was asked.
    pub(crate) asked: Cell<u32>,
}

impl Asking<'_> {
    /// Puts a question to both.
    pub(crate) fn measure(&mut self, question: Question) -> Result<Measured, Box<dyn Error>> {
        let found = self.found(&question)?;
        let form = self.fastest(&question, found)?;
        let mut candidates = Vec::new();
        for condition in &question.candidates {
            candidates.push(self.rows(condition)?);
        }
        let (mut duck, mut treering, mut iterating) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for _ in 0..self.runs.max(1) {
                duck.push(self.duck.run(form)?.time);
            }
            for _ in 0..self.runs.max(1) {
                treering.push(time(|| self.found(&question))?);
            }
            for _ in 0..self.runs.max(1) {
                let read = || Ok::<u64, Box<dyn Error>>(candidates.iter().map(sum).sum());
                iterating.push(time(read)?);
            }
        }
        let built = if question.kind == Kind::Newest {
            None
        } else {
            let all = SearchOptions::all();
            Some(times(BUILDS, || self.store.search(&question.query, &all))?)
        };
        let (duck, treering) = (best_and_median(duck), best_and_median(treering));
        let iterating = best_and_median(iterating);
        Ok(Measured { question, found, duck, treering, iterating, built })
    }

    /// How many spans Treering finds.
    fn found(&self, question: &Question) -> Result<u64, Box<dyn Error>> {
        let mut options = SearchOptions::default();
        self.asked.set(self.asked.get() + 1);
        let query = anew(&question.query, self.asked.get());
        if question.kind == Kind::Newest {
            options.spans_per_spanset = None;
            let traces = self.store.search(&query, &options)?.traces;
            return Ok(traces
                .iter()
                .flat_map(|trace| &trace.spansets)
                .map(|set| set.matched)
                .sum());
        }
        Ok(self.store.count(&query, &options)?.spans)
    }

    /// The fastest form in SQL, each of which finds as much.
    fn fastest<'q>(
        &mut self,
        question: &'q Question,
        found: u64,
    ) -> Result<&'q str, Box<dyn Error>> {
        let mut best = None;
        for form in &question.forms {
            for _ in 0..TRIALS {
                let answer = self.duck.run(form)?;
                let rows = answer.number()?;
                if rows != found {
                    let query = &question.query;
                    return Err(format!("{query} finds {found}, {form} finds {rows}").into());
                }
                if best.is_none_or(|(time, _)| answer.time < time) {
                    best = Some((answer.time, form.as_str()));
                }
            }
        }
        Ok(best.ok_or("a question without SQL")?.1)
    }

    /// The rows for which a condition holds.
    fn rows(&mut self, condition: &str) -> Result<RoaringBitmap, Box<dyn Error>> {
        let path = self.folder.join("rows.csv");
        let place = path.display();
        self.duck.run(&format!(
            "copy (select row from spans where {condition} order by row) to '{place}'
             (format csv, header false)"
        ))?;
        let text = fs::read_to_string(&path)?;
        let rows: Vec<u32> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
        Ok(RoaringBitmap::from_sorted_iter(rows)?)
    }
}

/// The question in other words: a store keeps what matched a pattern, and that is not to be measured.
/// Groups with nothing in them change no pattern's meaning.
fn anew(query: &str, asked: u32) -> String {
    let Some((before, after)) = query.rsplit_once('"').filter(|_| query.contains("=~")) else {
        return query.to_owned();
    };
    let group = |bit: u32| if asked >> bit & 1 == 0 { "(?:)" } else { "(?:(?:))" };
    let groups: String = (0..16).map(group).collect();
    format!("{before}{groups}\"{after}")
}

fn sum(rows: &RoaringBitmap) -> u64 {
    let (mut batch, mut rows, mut sum) = ([0; 512], rows.iter(), 0);
    loop {
        let filled = rows.next_many(&mut batch);
        if filled.is_empty() {
            return sum;
        }
        sum += filled.iter().copied().map(u64::from).sum::<u64>();
    }
}
