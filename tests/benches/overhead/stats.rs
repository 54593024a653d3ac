//! See [`syscope_tests::stats`].

pub use syscope_tests::stats::{median, spread};
