//! Gathers requests into batches and stores them. Invariant: memory is bounded by the batch's limits
//! and one request; what is left out is reported with its place and counted.

use std::io::Write;

use indicatif::ProgressBar;
use treering::{Batch, Ingested};

use crate::args::Format;
use crate::failure::{Failure, write_chain};
use crate::store::Opened;
use crate::terminal;

/// Spans after which a batch is stored.
const BATCH_SPANS: usize = 200_000;

/// Bytes of requests after which a batch is stored, however few its spans.
const BATCH_BYTES: usize = 128 << 20;

/// Faults shown of each file; the others are counted.
const FAULTS_SHOWN: u64 = 100;

/// Stores requests as they come.
#[derive(Debug)]
pub(super) struct Loader<'a> {
    opened: &'a Opened,
    bar: &'a ProgressBar,
    strict: bool,
    batch: Batch,
    batch_bytes: usize,
    /// What was stored so far.
    pub(super) stored: Ingested,
    /// Lines, requests, spans and files that were left out so far.
    pub(super) faults: u64,
    /// Those of the file at hand.
    file_faults: u64,
}

impl<'a> Loader<'a> {
    /// A loader into `opened` that reports above `bar`.
    pub(super) fn new(opened: &'a Opened, bar: &'a ProgressBar, strict: bool) -> Self {
        Self {
            opened,
            bar,
            strict,
            batch: Batch::new(),
            batch_bytes: 0,
            stored: Ingested::default(),
            faults: 0,
            file_faults: 0,
        }
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
            self.flush()?;
        }
        Ok(())
    }

    /// Stores what was gathered.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.batch_bytes = 0;
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let done = self.opened.store.ingest(batch);
        let done = done.map_err(|source| self.opened.failure("store spans", source))?;
        self.stored.spans += done.spans;
        self.stored.traces += done.traces;
        self.stored.duplicates += done.duplicates;
        self.stored.replaced += done.replaced;
        self.bar.set_message(terminal::plural(self.stored.spans, "span"));
        Ok(())
    }

    /// Reports something that is left out. With `--strict`, stores what came before and ends.
    pub(super) fn fault(&mut self, text: &str) -> Result<(), Failure> {
        self.faults += 1;
        self.file_faults += 1;
        if self.file_faults <= FAULTS_SHOWN {
            self.say(text)?;
        }
        if self.strict {
            self.flush()?;
            return Err(Failure::Reported);
        }
        Ok(())
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
        let text: Vec<String> = text.lines().map(terminal::clean).collect();
        let text = text.join("\n");
        self.bar.suspend(|| writeln!(anstream::stderr().lock(), "{text}")).map_err(Failure::from)
    }
}
