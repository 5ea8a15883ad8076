//! Gathers requests into batches and stores them. Invariant: memory is bounded by the batch's limits
//! and one request; what is left out is reported with its place and counted.

use std::io::Write;

use indicatif::ProgressBar;
use treering::model::OneLine;
use treering::{Batch, Store};

use super::writer::{Writer, Written};
use crate::args::Format;
use crate::failure::{Failure, write_chain};
use crate::terminal;

/// Spans after which a batch is stored.
const BATCH_SPANS: usize = 200_000;

/// Bytes of requests after which a batch is stored, however few its spans.
const BATCH_BYTES: usize = 128 << 20;

/// Faults shown of each file; the others are counted.
const FAULTS_SHOWN: u64 = 100;

/// Gathers requests as they come, and stores them.
#[derive(Debug)]
pub(super) struct Loader {
    writer: Writer,
    bar: ProgressBar,
    strict: bool,
    batch: Batch,
    batch_bytes: usize,
    /// Lines, requests, spans and files that were left out so far.
    faults: u64,
    /// Those of the file at hand.
    file_faults: u64,
}

/// How loading went.
#[derive(Debug)]
pub(super) struct Loaded {
    /// What was stored, and why not more.
    pub(super) written: Written,
    /// Lines, requests, spans and files that were left out.
    pub(super) faults: u64,
}

impl Loader {
    /// A loader into `store` that reports above `bar`.
    pub(super) fn new(store: Store, bar: &ProgressBar, strict: bool) -> Self {
        Self {
            writer: Writer::new(store, bar.clone()),
            bar: bar.clone(),
            strict,
            batch: Batch::new(),
            batch_bytes: 0,
            faults: 0,
            file_faults: 0,
        }
    }

    /// Stores what was gathered, and tells of all that was read.
    pub(super) fn finish(self) -> Loaded {
        if !self.batch.is_empty() {
            // Where the writer ended early, it says why right below.
            let _sent = self.writer.send(self.batch);
        }
        Loaded { written: self.writer.finish(), faults: self.faults }
    }

    /// Adds a request that was found at `place`.
    pub(super) fn push(
        &mut self,
        format: Format,
        request: &[u8],
        place: &str,
    ) -> Result<(), Failure> {
        let pushed = match format {
            Format::Json => self.batch.push_json(request),
            Format::Pb => self.batch.push_protobuf(request),
        };
        self.batch_bytes = self.batch_bytes.saturating_add(request.len());
        match pushed {
            Ok(rejections) => {
                for rejection in &rejections {
                    self.fault(&format!("{place}: {rejection}"))?;
                }
            }
            Err(error) => {
                let mut text = Vec::new();
                write_chain(&mut text, &error)?;
                let text = String::from_utf8_lossy(&text);
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                self.fault(&format!("{place}: {}", text.trim_end()))?;
            }
        }
        if self.batch.len() >= BATCH_SPANS || self.batch_bytes >= BATCH_BYTES {
            self.batch_bytes = 0;
            if !self.writer.send(std::mem::take(&mut self.batch)) {
                return Err(Failure::Reported);
            }
        }
        Ok(())
    }

    /// Reports something that is left out; with `--strict`, that ends the command.
    pub(super) fn fault(&mut self, text: &str) -> Result<(), Failure> {
        self.faults += 1;
        self.file_faults += 1;
        if self.file_faults <= FAULTS_SHOWN {
            self.say(text)?;
        }
        if self.strict { Err(Failure::Reported) } else { Ok(()) }
    }

    /// A file ends.
    pub(super) fn end_file(&mut self, name: &str) -> Result<(), Failure> {
        let hidden = self.file_faults.saturating_sub(FAULTS_SHOWN);
        self.file_faults = 0;
        if hidden > 0 {
            self.say(&format!("{name}: {} more left out", terminal::count(hidden)))?;
        }
        Ok(())
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        let text: Vec<String> = text.lines().map(|line| OneLine(line).to_string()).collect();
        let text = text.join("\n");
        self.bar.suspend(|| writeln!(anstream::stderr().lock(), "{text}")).map_err(Failure::from)
    }
}
