//! Where the code of one process lies.

use super::store::Store;
use crate::symbols::CodeFile;
use std::rc::Rc;
use std::time::{Duration, Instant};
use syscope_shared::unwind::{NO_TABLE, Process, Segment};

/// Code that a process has mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// From its first address to before its last.
    pub range: (u64, u64),
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// `None`: memory without a file.
    pub file: Option<CodeFile>,
}

/// A process.
#[derive(Clone)]
pub struct Space {
    /// Which of its programs it runs.
    pub exec_id: u32,
    /// Its code.
    pub mapped: Rc<Vec<Mapped>>,
    /// The same as the programs know it.
    pub range: Rc<Range>,
    /// Where its Python is, and the index of its layout; (0, 0): it runs none that is known.
    pub python: (u64, u32),
    /// A table of its files is not made yet: its stacks wait.
    pub waits: bool,
    /// A table of its files may come yet.
    pub lacks: bool,
    /// When it was met.
    pub met: Instant,
    /// When it was looked at last.
    pub looked: Instant,
    /// How long it is not looked at again.
    pub patience: Duration,
    /// Unknown addresses are told again.
    pub tells: bool,
}

impl Space {
    /// What the programs are told.
    pub fn told(&self, asked: u32) -> Process {
        let count = self.range.segments.len() as u32;
        let first = self.range.first.unwrap_or_default();
        let ((python, python_layout), exec_id) = (self.python, self.exec_id);
        Process { first, count, exec_id, asked, python, python_layout, pad: 0 }
    }
}

/// Segments of a process, and of its children until they are other ones.
pub struct Range {
    /// Where they are in the map; `None`: not there.
    pub first: Option<u32>,
    /// In order of address.
    pub segments: Vec<Segment>,
}

impl Range {
    /// Its place in the map, and its length.
    pub fn place(self) -> (Option<u32>, usize) {
        (self.first, self.segments.len())
    }
}

/// Where its table is. Memory without a file has none: a JIT's code, which keeps frame pointers if it is
/// to be profiled at all.
pub fn segment(mapped: &Mapped, store: &mut Store) -> Segment {
    let (start, end) = mapped.range;
    match mapped.file {
        Some(file) => store.segment(file, mapped.range, mapped.offset),
        None => Segment { start, len: end - start, base: NO_TABLE, ..Segment::default() },
    }
}

/// Where the first Python of a process is, and the index of its layout.
pub fn python(mapped: &[Mapped], store: &Store) -> Option<(u64, u32)> {
    mapped.iter().find_map(|mapped| {
        let python = store.python(mapped.file?)?;
        let bias = python.image.bias(mapped.range.0, mapped.offset)?;
        Some((python.image.runtime(bias), python.layout))
    })
}
