//! The command line of Treering.

fn main() {}
