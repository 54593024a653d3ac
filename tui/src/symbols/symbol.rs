//! What a look-up found, by itself: it can outlive what it was found in, and be told to another process.

use super::frames::clipped;
use blazesym::symbolize::{CodeInfo, Sym};
use std::sync::Arc;

/// Functions inlined in each other at one place; compilers have some dozens at most.
pub(super) const MAX_INLINED: usize = 128;
/// Bytes of their names and paths together.
const MAX_INLINED_BYTES: usize = 16 << 10;
/// Stands for those beyond.
const MORE_INLINED: &str = "[more is inlined here]";

/// The function at an address, and what is inlined there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    /// Empty where it has none.
    pub(super) name: Arc<str>,
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
        Self { name: Arc::default(), size: None, offset, line: None, inlined: Vec::new() }
    }

    /// Whether it has a name, and the address lies in it. Behind the end of a function that has one is
    /// none, or one without a name: entries of a linkage table lie so behind `_init`.
    pub(super) fn is_told(&self) -> bool {
        let is_behind = self.size.is_some_and(|size| size > 0 && self.offset >= size);
        !self.name.is_empty() && !is_behind
    }
}

/// A function that is inlined in another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inlined {
    pub(super) name: Arc<str>,
    pub(super) line: Option<Line>,
}

/// A line of source code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) path: Arc<str>,
    /// From 1 on.
    pub(super) number: Option<u32>,
}

impl From<&CodeInfo<'_>> for Line {
    fn from(code: &CodeInfo<'_>) -> Self {
        let path = clipped(&code.to_path().to_string_lossy()).into();
        Self { path, number: code.line.filter(|line| *line > 0) }
    }
}

impl Symbol {
    /// What a look-up found; `name` says how a name is told, with no more of it than `clipped` leaves.
    pub(super) fn told(symbol: &Sym<'_>, name: impl Fn(&str) -> Arc<str>) -> Self {
        let mut told = Self {
            name: name(&symbol.name),
            size: symbol.size,
            offset: symbol.offset,
            line: symbol.code_info.as_deref().map(Line::from),
            inlined: Vec::new(),
        };
        // Those that are left out are the innermost.
        let mut bytes = 0;
        for inlined in symbol.inlined.iter() {
            let line = inlined.code_info.as_ref().map(Line::from);
            let next = Inlined { name: name(&inlined.name), line };
            bytes += next.name.len() + next.line.as_ref().map_or(0, |line| line.path.len());
            if bytes > MAX_INLINED_BYTES || told.inlined.len() == MAX_INLINED {
                let (name, line) = (MORE_INLINED.into(), None);
                told.inlined.push(Inlined { name, line });
                break;
            }
            told.inlined.push(next);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blazesym::symbolize::InlinedFn;
    use std::borrow::Cow;

    fn inlined(levels: usize, name: &str) -> Symbol {
        let level =
            InlinedFn { name: Cow::Owned(name.to_owned()), code_info: None, _non_exhaustive: () };
        let symbol = Sym {
            name: Cow::Borrowed("outer"),
            module: None,
            addr: 0,
            offset: 0,
            size: None,
            code_info: None,
            inlined: vec![level; levels].into_boxed_slice(),
            _non_exhaustive: (),
        };
        Symbol::told(&symbol, |name| name.into())
    }

    #[test]
    fn what_is_inlined_without_end_is_cut_and_says_so() {
        let last = |symbol: &Symbol| symbol.inlined.last().map(|last| last.name.to_string());
        let all = inlined(MAX_INLINED, "f");
        assert_eq!((all.inlined.len(), last(&all)), (MAX_INLINED, Some("f".to_owned())));
        let cut = inlined(990, "f");
        assert_eq!(
            (cut.inlined.len(), last(&cut)),
            (MAX_INLINED + 1, Some(MORE_INLINED.to_owned()))
        );
        let long = inlined(100, &"x".repeat(4_000));
        assert_eq!((long.inlined.len(), last(&long)), (5, Some(MORE_INLINED.to_owned())));
    }
}
