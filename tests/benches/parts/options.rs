//! The parts of the benchmark.

use syscope_tests::benchmark;

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Drawing a frame, and what a batch and a key cost.
    Frames,
    /// Addresses to names.
    Symbols,
    /// Writing a flame graph.
    Svg,
}

impl benchmark::Section for Section {
    const ALL: &'static [Self] = &[Self::Frames, Self::Symbols, Self::Svg];

    fn name(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Symbols => "symbols",
            Self::Svg => "svg",
        }
    }
}
