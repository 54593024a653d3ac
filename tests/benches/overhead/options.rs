//! What the command line says.

use syscope_tests::benchmark;

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// One system call.
    Calls,
    /// One context switch.
    Switches,
    /// One open and close of a file.
    Opens,
    /// Real work.
    Work,
    /// One piece of work, in pairs.
    Pairs,
    /// syscope's own processes.
    Process,
}

impl Section {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 6] =
        [Self::Calls, Self::Switches, Self::Opens, Self::Work, Self::Pairs, Self::Process];

    /// What it is called on the command line and in the document's marks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Switches => "switches",
            Self::Opens => "opens",
            Self::Work => "work",
            Self::Pairs => "pairs",
            Self::Process => "process",
        }
    }
}

impl benchmark::Section for Section {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

/// What the command line says.
pub type Options = benchmark::Options<Section>;
