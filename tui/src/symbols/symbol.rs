//! What a look-up found, by itself: it can outlive what it was found in, and be told to another process.

use super::frames::clipped;
use blazesym::symbolize::{CodeInfo, Sym};
use serde::{Deserialize, Serialize};

/// The function at an address, and what is inlined there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Symbol {
    /// Empty where it has none.
    pub(super) name: String,
    /// Bytes of it, where that is known.
    pub(super) size: Option<usize>,
    /// Bytes of the address behind its start.
    pub(super) offset: usize,
    /// The line of it.
    pub(super) line: Option<Line>,
    /// Functions inlined in it, outermost first.
    pub(super) inlined: Vec<Inlined>,
}

impl Symbol {
    /// A function without a name, this many bytes into it.
    pub(super) fn unnamed(offset: u64) -> Self {
        let offset = offset as usize;
        Self { name: String::new(), size: None, offset, line: None, inlined: Vec::new() }
    }

    /// Whether it has a name, and the address lies in it. Behind the end of a function that has one is
    /// none, or one without a name: entries of a linkage table lie so behind `_init`.
    pub(super) fn is_told(&self) -> bool {
        let is_behind = self.size.is_some_and(|size| size > 0 && self.offset >= size);
        !self.name.is_empty() && !is_behind
    }
}

/// A function that is inlined in another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inlined {
    pub(super) name: String,
    pub(super) line: Option<Line>,
}

/// A line of source code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) path: String,
    /// From 1 on.
    pub(super) number: Option<u32>,
}

impl From<&CodeInfo<'_>> for Line {
    fn from(code: &CodeInfo<'_>) -> Self {
        let path = clipped(&code.to_path().to_string_lossy());
        Self { path, number: code.line.filter(|line| *line > 0) }
    }
}

impl From<&Sym<'_>> for Symbol {
    fn from(symbol: &Sym<'_>) -> Self {
        let inlined = symbol.inlined.iter().map(|inlined| Inlined {
            name: clipped(&inlined.name),
            line: inlined.code_info.as_ref().map(Line::from),
        });
        Self {
            name: clipped(&symbol.name),
            size: symbol.size,
            offset: symbol.offset,
            line: symbol.code_info.as_deref().map(Line::from),
            inlined: inlined.collect(),
        }
    }
}
