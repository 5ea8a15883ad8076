//! `treering trace`: one whole trace as a waterfall or as OTLP/JSON. Invariant: an id that is not
//! stored is a failure, not an empty answer.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use treering::{TraceId, otlp};

use crate::args::{Output, TraceArgs};
use crate::failure::Failure;
use crate::store::Opened;
use crate::{terminal, waterfall};

/// Runs `treering trace`.
pub(crate) fn run(store: &Path, args: &TraceArgs, out: &mut impl Write) -> Result<(), Failure> {
    show(&Opened::existing(store)?, args.id, args.output.output, out)
}

/// Shows the trace `id`.
pub(crate) fn show(
    opened: &Opened,
    id: TraceId,
    output: Output,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let found = opened.store.trace(id);
    let found = found.map_err(|source| opened.failure("read the trace", source))?;
    let Some(trace) = found else {
        let next = "`treering query '{ }'` shows the newest traces and their ids".to_owned();
        return Err(Failure::Missing { what: format!("there is no trace {id}"), next });
    };
    match output {
        Output::Table => waterfall::draw(&trace, &BTreeSet::new(), terminal::columns(), out)?,
        Output::Json => writeln!(out, "{}", otlp::write_json(trace.spans()))?,
        Output::Jsonl => {
            for span in trace.spans() {
                writeln!(out, "{}", otlp::write_json(std::slice::from_ref(span)))?;
            }
        }
    }
    Ok(())
}
