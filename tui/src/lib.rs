//! syscope: what a Linux machine is doing, right now, and why it is slow.
//!
//! Data flows one way: [`source`] makes batches, [`model`] folds them, [`app`] decides what is
//! shown, [`ui`] draws it, and [`screen`] is the loop around both. See `ARCHITECTURE.md` in the repository.

pub mod app;
pub mod capture;
pub mod cli;
pub mod commands;
pub mod doctor;
pub mod filter;
pub mod flame;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod headless;
pub mod history;
pub mod invoker;
pub mod kernel;
pub mod launch;
pub mod model;
pub mod probes;
pub mod python;
pub mod report;
pub mod screen;
pub mod source;
pub mod stderr;
mod sums;
pub mod symbols;
pub mod text;
pub mod trace;
pub mod ui;
pub mod unwind;
