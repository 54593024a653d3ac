//! The filter: what the user types, and the part of it that the kernel applies.

use std::collections::BTreeSet;
use std::ops::Range;

/// What a filter looks at.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// PID.
    pub pid: u32,
    /// Name.
    pub comm: &'a str,
    /// Command line, arguments joined by spaces.
    pub cmdline: &'a str,
    /// PIDs of its ancestors, nearest first.
    pub lineage: &'a [u32],
}

/// A filter that was understood. The default accepts everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    text: String,
}

/// A filter that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// Bytes of the text that are wrong.
    pub at: Range<usize>,
    /// What is wrong, and what would be right, in one line.
    pub message: String,
}

/// What the kernel applies of a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PushDown {
    /// It lets every process through.
    #[default]
    All,
    /// It lets only the listed processes through.
    Only {
        /// PIDs of the processes.
        pids: BTreeSet<u32>,
        /// The kernel lists a child as soon as its listed parent forks it.
        inherit_forks: bool,
        /// The kernel lists every process that execs; user space takes those out that do not match.
        adopt_execs: bool,
    },
}

impl Filter {
    /// Understands a filter.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(Self { text: text.to_owned() })
    }

    /// The text it was made from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it accepts everything.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Whether it accepts a process.
    pub fn matches(&self, _candidate: &Candidate<'_>) -> bool {
        true
    }

    /// What the kernel is to let through, given the processes that live now.
    pub fn plan<'a>(&self, _living: impl Iterator<Item = Candidate<'a>>) -> PushDown {
        PushDown::All
    }
}
