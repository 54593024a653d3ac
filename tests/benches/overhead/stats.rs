//! See [`syscope_tests::stats`].

pub use syscope_tests::stats::{interval_of_median, median, spread};
