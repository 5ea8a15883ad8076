//! `treering shell`: one query after the other. Lines come from a terminal (`editor`, with `history`)
//! or a pipe (`piped`); each is a query or a command (`command`), which the `session` runs until it is
//! done or interrupted (`interrupt`). What can be typed at a place is said by `complete`, a pure
//! function over the `pieces` of a text and the words of a store (`vocabulary`). Invariant: the store
//! is only read, and nobody is kept from writing it.

mod command;
mod complete;
mod editor;
mod history;
mod operators;
mod pieces;
mod piped;
mod place;
mod session;
mod start;
mod vocabulary;

pub(crate) use start::run;
