//! The filter: what the user types, and the part of it that the kernel applies.
//!
//! # The language
//!
//! | what is typed | what it accepts |
//! | --- | --- |
//! | `word`, `"two words"` | name or command line contains it, upper and lower case alike |
//! | `pid:123`, `pid:123,456` | these processes |
//! | `tree:123`, `tree:123,456` | these processes and all their descendants |
//! | `comm:nginx`, `comm:ngin*` | the name is exactly this; `*` any text, `?` any character |
//! | `cmd:word` | the command line contains it, upper and lower case alike |
//! | `!term` | what `term` does not accept |
//! | `a b`, `a and b` | what both accept |
//! | `a or b` | what one of them accepts; binds weaker than a space |
//! | `(a or b) c` | parentheses group |
//!
//! Quotes take every character as it is: `"or"`, `comm:"a*b"`; in them, `\"` is a quote and `\\` a
//! backslash. The kernel cuts names to 15 bytes, so a `comm:` whose fixed start is longer matches
//! the first 15 bytes of it.

mod parse;
mod plan;
mod term;

use crate::model::Process;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use term::Expr;

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

impl<'a> From<&'a Process> for Candidate<'a> {
    fn from(process: &'a Process) -> Self {
        Self {
            pid: process.key.pid,
            comm: &process.comm,
            cmdline: &process.cmdline,
            lineage: &process.lineage,
        }
    }
}

/// A filter that was understood. The default accepts everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    text: String,
    root: Option<Expr>,
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
        Ok(Self { text: text.to_owned(), root: parse::parse(text)? })
    }

    /// The filter for one process.
    pub fn with_pid(pid: u32) -> Self {
        Self::from_cli(&[pid], &[], false)
    }

    /// The filter of `-p` and `-c`: a process must be one of `pids` (or, with `follow_forks`, one
    /// of their descendants) and have one of the names `comms` (`*` and `?` as in `comm:`). An
    /// empty list asks for nothing.
    pub fn from_cli(pids: &[u32], comms: &[String], follow_forks: bool) -> Self {
        let mut text = String::new();
        if !pids.is_empty() {
            let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
            text.push_str(if follow_forks { "tree:" } else { "pid:" });
            text.push_str(&pids.join(","));
        }
        let comms: Vec<_> = comms
            .iter()
            .filter(|comm| !comm.is_empty())
            .map(|comm| format!("comm:{}", quoted(comm)))
            .collect();
        let filter = |text: &str| {
            Self::parse(text).and_then(|pids| pids.and(&Self::parse(&comms.join(" or "))?))
        };
        filter(&text).expect("a filter put together from terms is well-formed")
    }

    /// The filter that accepts what both accept; an error where it would nest too deeply.
    pub fn and(&self, other: &Self) -> Result<Self, ParseError> {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => Ok(other.clone()),
            (_, true) => Ok(self.clone()),
            _ => Self::parse(&format!("{} {}", self.grouped(), other.grouped())),
        }
    }

    fn grouped(&self) -> Cow<'_, str> {
        let text = self.text.trim();
        match self.root {
            Some(Expr::Any(_)) => Cow::Owned(format!("({text})")),
            _ => Cow::Borrowed(text),
        }
    }

    /// The text it was made from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it accepts everything.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Whether it accepts a process.
    pub fn matches(&self, candidate: &Candidate<'_>) -> bool {
        self.root.as_ref().is_none_or(|root| root.matches(candidate))
    }

    /// PIDs that the filter asks for by number, and that no living process has: a `-p` with such a
    /// PID is refused.
    pub fn unmatched_pids<'a>(&self, living: impl Iterator<Item = Candidate<'a>>) -> BTreeSet<u32> {
        let mut pids = self.named_pids();
        living.for_each(|process| _ = pids.remove(&process.pid));
        pids
    }

    /// PIDs that the filter asks for by number (`pid:`, `tree:`), those of negated terms left out.
    pub fn named_pids(&self) -> BTreeSet<u32> {
        let mut pids = BTreeSet::new();
        if let Some(root) = &self.root {
            root.named_pids(false, &mut pids);
        }
        pids
    }
}

impl ParseError {
    /// The error under the text it is about, for a terminal: the text, a line that points at the
    /// place, the message.
    pub fn pointed(&self, text: &str) -> String {
        use crate::text::{visible, width};
        let (start, end) = (self.at.start.min(text.len()), self.at.end.min(text.len()));
        let before = width(&visible(&text[..start]));
        let wrong = width(&visible(&text[start..end])).max(1);
        format!("{}\n{:before$}{:^<wrong$}\n{}", visible(text), "", "", self.message)
    }
}

/// A name as `comm:` takes it: what the language would read as its own goes into quotes, `*` and
/// `?` stay outside of them.
fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    let mut open = false;
    for c in name.chars() {
        let own = c.is_whitespace() || matches!(c, '"' | '\\' | '(' | ')');
        if own != open {
            text.push('"');
            open = own;
        }
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    if open {
        text.push('"');
    }
    text
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
