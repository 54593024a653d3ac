//! CPython from outside: where a version of it keeps its threads and frames ([`Offsets`]), which version
//! a file is ([`Image`]), and what a function is called and which line it runs ([`Code`]).
//!
//! The BPF programs read the frames when a stack is taken (see [`syscope_shared::python`]); names are read
//! later, from the memory of the process. Files and memory are those of strangers: whatever is in them,
//! what is read and kept is bounded, and nothing panics.

mod code;
mod image;
mod lines;
mod offsets;
mod stack;
#[cfg(test)]
mod tests;

pub use code::{Code, Memory};
pub use image::{Found, Image};
pub use offsets::{Objects, Offsets, Version};
pub use stack::{Function, Run, Stack};

#[cfg(any(test, fuzzing))]
pub(crate) use code::fuzz;
