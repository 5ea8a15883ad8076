//! What can be written on the command line: the commands (`command`), what those take that ask
//! (`ask`), that change a store (`change`) and that do neither (`tools`), single values (`values`), and
//! the examples that help texts show (`examples`). Invariant: everything here is checked before a
//! command begins, so a usage error never leaves half a command done.

mod ask;
mod change;
mod command;
pub(crate) mod examples;
mod tools;
mod values;

pub(crate) use ask::{
    Output, OutputArgs, QueryArgs, QueryOrder, TagArgs, TagsArgs, TimeArgs, TraceArgs, ValuesArgs,
};
pub(crate) use change::{CopyArgs, DeleteArgs, ExportArgs, Format, IngestArgs};
pub(crate) use command::{Args, Command};
pub(crate) use tools::{CheckArgs, CompletionsArgs, DemoArgs, ManArgs, ReportArgs, ShellArgs};
pub(crate) use values::{Most, most, trace_id};
