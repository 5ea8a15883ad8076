//! From query text to a tree, and back.
//!
//! A text goes through five small steps, each a plain function between printable types:
//! 1. `lexer` makes tokens of bytes. All that is peculiar about `TraceQL`'s words lives there (and in
//!    `number` and `quote`): attribute names that run until certain characters, durations in two
//!    styles, intrinsics under two names each (`intrinsic`).
//! 2. `depth` refuses tokens that nest too deeply. From here on a step may recurse.
//! 3. The grammar (`grammar/traceql.lalrpop`) gives operators their ranks. Inside braces it builds
//!    field expressions; outside it builds phrases (`phrase`).
//! 4. `lower` gives each phrase its kind: spanset expression, scalar, stage or metrics query.
//! 5. The tree (`ast`, `metrics`) is what the checker and the planner read. `print` writes a tree as
//!    text in one canonical way, and that text reads back as the same tree.
//!
//! What is wrong with a text is said by the step that finds it, in the words of `explain` (the lexer),
//! `explain_order` (the grammar, with `explain_habits` for words of other languages) and `explain_kind`
//! (lowering). Types are not known here: that is the
//! checker's work.

mod token;

mod intrinsic;
mod number;
mod quote;

mod lexer;

mod depth;

mod grammar;
mod phrase;

mod lower;
mod lower_call;
mod lower_metrics;

mod explain;
mod explain_habits;
mod explain_kind;
mod explain_order;
mod parse;
mod suggest;

mod ast;
mod metrics;
mod print;
mod print_metrics;
mod print_words;
mod range;
mod words;

pub use ast::*;
pub(crate) use explain_habits::{KINDS, STATUSES};
pub use intrinsic::ValueType;
pub use metrics::{MetricsExpr, MetricsExprKind, MetricsField, MetricsFunction, MetricsStep};
pub use parse::parse;
pub(crate) use print_words::write_duration;
pub(crate) use quote::write_string;
pub use range::TextRange;
pub(crate) use suggest::{nearest, one_of};
pub use words::{FUNCTIONS, KEYWORDS, prefixes, signs, units};
