//! `treering query`: a search (`command`), shown as a table (`table`) or in the shape of Tempo's
//! search response (`json`), values as words (`value`).

mod command;
mod json;
mod table;
mod value;

pub(crate) use command::{Asked, answer, run};
pub(crate) use table::write_table;
pub(crate) use value::words;
