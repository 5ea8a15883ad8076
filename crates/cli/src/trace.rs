//! `treering trace`: one whole trace as a waterfall or as OTLP/JSON. Invariant: an id that is not
//! stored is a failure, not an empty answer.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use treering::otlp;

use crate::args::{TraceArgs, TraceOutput};
use crate::failure::Failure;
use crate::store::Opened;
use crate::{terminal, waterfall};

/// Runs `treering trace`.
pub(crate) fn run(store: &Path, args: &TraceArgs, out: &mut impl Write) -> Result<(), Failure> {
    let opened = Opened::existing(store)?;
    let found = opened.store.trace(args.id);
    let found = found.map_err(|source| opened.failure("read the trace", source))?;
    let Some(trace) = found else {
        return Err(Failure::Missing(format!("there is no trace {}", args.id)));
    };
    match args.output {
        TraceOutput::Tree => waterfall::draw(&trace, &BTreeSet::new(), terminal::columns(), out)?,
        TraceOutput::Json => writeln!(out, "{}", otlp::write_json(trace.spans()))?,
    }
    Ok(())
}
