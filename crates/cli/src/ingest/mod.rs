//! `treering ingest`: files are opened and unpacked (`input`), cut into requests (`json_requests`,
//! `pb_requests`), gathered into batches and stored (`command`). Nothing is read whole unless it is
//! one document.

mod command;
mod input;
mod json_requests;
mod loader;
mod pb_requests;

pub(crate) use command::run;
