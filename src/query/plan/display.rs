//! How a plan is shown: a tree, one step a line, numbered as run figures are.

use std::fmt::{self, Write as _};

use super::filter::{Filter, ItemOperand, ItemTest, Join, Operand, Step};
use super::pipeline::{Number, Plan, Spansets, Stage, word};
use crate::query::FieldValue;
use crate::query::source::{Predicate, Space};
use crate::query::syntax::SpansetOp;
use crate::query::value::{Scalar, Test};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.show(&|_| None))
    }
}

impl Plan {
    /// The plan as `Display` shows it, with what `note` says of a step after its line.
    pub(crate) fn show(&self, note: &dyn Fn(Step) -> Option<String>) -> String {
        let mut tree = Tree { out: String::new(), depth: 0, note };
        tree.stages(&self.stages);
        tree.out
    }
}

struct Tree<'a> {
    out: String,
    depth: usize,
    note: &'a dyn Fn(Step) -> Option<String>,
}

impl Tree<'_> {
    fn line(&mut self, step: Option<Step>, text: impl fmt::Display) {
        let indent = self.depth * 2;
        let number = step.map(|Step(step)| format!("#{step} ")).unwrap_or_default();
        let note = step.and_then(self.note).map(|note| format!("  ({note})")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _written = writeln!(self.out, "{:indent$}{number}{text}{note}", "");
    }

    fn below(&mut self, write: impl FnOnce(&mut Self)) {
        self.depth += 1;
        write(self);
        self.depth -= 1;
    }

    fn stages(&mut self, stages: &[Stage]) {
        for stage in stages {
            match stage {
                Stage::Spansets(expr) => self.spansets(expr),
                Stage::Filter { left, op, right } => {
                    self.line(None, format_args!("keep spansets where {left} {op} {right}"));
                }
                Stage::By { name, operand } => {
                    self.line(None, format_args!("split {name}"));
                    self.conditions(&[operand]);
                }
                Stage::Coalesce => self.line(None, "merge each trace's spansets"),
                Stage::Select(fields) => {
                    self.line(None, format_args!("return {} fields", fields.len()));
                }
            }
        }
    }

    fn spansets(&mut self, expr: &Spansets) {
        match expr {
            Spansets::Filter(filter) => {
                self.line(None, "spans where");
                self.below(|tree| tree.filter(filter));
            }
            Spansets::Pipeline(stages) => {
                self.line(None, "pipeline");
                self.below(|tree| tree.stages(stages));
            }
            Spansets::Chain { first, rest } => {
                self.spansets(first);
                for link in rest {
                    self.line(Some(link.step), Sign(link.op));
                    self.below(|tree| tree.spansets(&link.right));
                }
            }
        }
    }

    /// The conditions whose truth is a part of computed values.
    fn conditions(&mut self, operands: &[&Operand]) {
        for operand in operands {
            match operand {
                Operand::Literal(_) | Operand::Field(_) | Operand::First(_) => {}
                Operand::Condition(filter) => self.below(|tree| tree.filter(filter)),
                Operand::Negate(inner) | Operand::Flip(inner) => self.conditions(&[inner]),
                Operand::Arithmetic { first, rest } => {
                    self.conditions(&[first]);
                    for (_, operand) in rest {
                        self.conditions(&[operand]);
                    }
                }
            }
        }
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::Constant(value) => self.line(None, value),
            Filter::Test(test) => {
                self.line(Some(test.step), format_args!("{} {}", test.field, test.test));
            }
            Filter::Items(items) => {
                let one = if items.space == Space::Links { "one link" } else { "one event" };
                self.line(Some(items.step), format_args!("{one} where"));
                self.below(|tree| items.tests.iter().for_each(|test| tree.line(None, test)));
            }
            Filter::Not(inner) => {
                self.line(None, "not");
                self.below(|tree| tree.filter(inner));
            }
            Filter::Runs(runs) => {
                for (at, run) in runs.iter().enumerate() {
                    let word = match (at, run.join) {
                        (0, Join::And) => "all of",
                        (0, Join::Or) => "any of",
                        (_, Join::And) => "and all of",
                        (_, Join::Or) => "or any of",
                    };
                    self.line(None, word);
                    self.below(|tree| run.operands.iter().for_each(|part| tree.filter(part)));
                }
            }
            Filter::Compare(comparison) => {
                let (left, right) = (&comparison.left, &comparison.right);
                let text = format_args!("computed {left} {} {right}", comparison.op);
                self.line(Some(comparison.step), text);
                self.conditions(&[left, right]);
            }
            Filter::CompareChain { first, rest } => {
                self.line(None, "truth of");
                self.below(|tree| tree.filter(first));
                for (op, operand) in rest {
                    match operand {
                        Some(operand) => self.line(None, format_args!("{op} {operand}")),
                        None => self.line(None, format_args!("{op} nil")),
                    }
                    self.conditions(operand.as_ref().as_slice());
                }
            }
            Filter::IsNil { step, operand } => {
                self.line(Some(*step), format_args!("computed {operand} = nil"));
            }
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("!= nil"),
            Self::Compare(op, constant) => write!(f, "{op} {constant}"),
            Self::Matches(pattern) => write!(f, "=~ {pattern:?}"),
            Self::NotMatches(pattern) => write!(f, "!~ {pattern:?}"),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Opaque => f.write_str("(no value)"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Duration(nanos) => write!(f, "{nanos}ns"),
            Self::Time(time) => write!(f, "{}", time.unix_nanos()),
            Self::String(text) => write!(f, "{text:?}"),
            Self::Status(number) => write!(f, "{}", FieldValue::Status(*number)),
            Self::Kind(number) => write!(f, "{}", FieldValue::Kind(*number)),
            Self::Id(id) => write!(f, "\"{id}\""),
            Self::Array(elements) => f.debug_list().entries(elements.iter()).finish(),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.column, self.test)
    }
}

impl fmt::Display for ItemTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Predicate(predicate) => write!(f, "{predicate}"),
            Self::Compare { column, op, right } => match right {
                ItemOperand::Item(right) => write!(f, "computed {column} {op} {right}"),
                ItemOperand::Span(right) => write!(f, "computed {column} {op} {right}"),
            },
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => write!(f, "{value}"),
            Self::Field(field) => write!(f, "{field}"),
            Self::First(column) => write!(f, "first {column}"),
            Self::Condition(_) => f.write_str("(condition)"),
            Self::Negate(inner) => write!(f, "-{inner}"),
            Self::Flip(inner) => write!(f, "!{inner}"),
            Self::Arithmetic { first, rest } => {
                write!(f, "({first}")?;
                for (op, operand) in rest {
                    write!(f, " {op} {operand}")?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => write!(f, "{value}"),
            Self::Negate(inner) => write!(f, "-{inner}"),
            Self::Count => f.write_str("count()"),
            Self::Aggregate { op, operand, .. } => write!(f, "{}({operand})", word(*op)),
            Self::Pipeline(_, inner) => write!(f, "(... | {inner})"),
            Self::Arithmetic { first, rest } => {
                write!(f, "({first}")?;
                for (op, operand) in rest {
                    write!(f, " {op} {operand}")?;
                }
                f.write_str(")")
            }
        }
    }
}

/// As the language writes it; and what `&&` does, which no other operator would lead one to expect.
struct Sign(SpansetOp);

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = if self.0 == SpansetOp::And { " (traces with both)" } else { "" };
        write!(f, "{}{note}", self.0)
    }
}
