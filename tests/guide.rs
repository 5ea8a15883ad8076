//! The recipes of the guide, on a shop with a slow route, a database, retries and a forgotten charge.
//! Invariant: each recipe of the page finds what it is for and nothing else.

#[cfg(test)]
#[path = "guide/recipes.rs"]
mod recipes;
