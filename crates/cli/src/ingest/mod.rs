//! `treering ingest`: files are opened and unpacked (`input`), cut into requests (`json_requests`,
//! `pb_requests`), gathered into batches (`loader`) and stored (`writer`), as the `command` says. Nothing is read whole unless it is
//! one document.

mod command;
mod input;
mod json_requests;
mod loader;
mod pb_requests;
mod writer;

pub(crate) use command::run;
