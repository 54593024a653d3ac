//! Frames from what a look-up found, or did not find.

use super::symbol::{Line, Symbol};
use crate::source::{Frame, FrameKind};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// The frames of one address, leaf first: inlined functions, then the function they are in.
pub(super) type Frames = Arc<[Arc<Frame>]>;

/// An address of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Code {
    /// Where execution is or continues.
    pub(super) address: u64,
    /// It is a return address: the call is the instruction before it.
    pub(super) is_return: bool,
}

impl Code {
    /// The addresses of a stack: only the first is one of an instruction that is being executed.
    pub(super) fn of_stack(addresses: &[u64]) -> impl Iterator<Item = Self> {
        addresses.iter().enumerate().map(|(i, &address)| Self { address, is_return: i > 0 })
    }

    /// The address to look up. A call can be the last instruction of a function; what follows it is
    /// another function then, that had no part in this.
    pub(super) fn within(self) -> u64 {
        self.address.saturating_sub(u64::from(self.is_return))
    }

    /// Bytes by which the address lies behind the one looked up.
    pub(super) fn beyond(self) -> u64 {
        self.address - self.within()
    }
}

/// Shares equal strings. Keeps at most [`Names::MAX`]; then it starts anew (what was handed out
/// stays valid).
#[derive(Debug, Default)]
pub(super) struct Names(FxHashSet<Arc<str>>);

impl Names {
    const MAX: usize = 65_536;

    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        if self.0.len() >= Self::MAX {
            self.0.clear();
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// Where the code of frames is from.
#[derive(Clone, Debug)]
pub(super) struct Module {
    /// Path or name.
    pub(super) name: Arc<str>,
    /// Build id in hex, where there is one.
    pub(super) build_id: Option<Arc<str>>,
}

impl Module {
    /// One without a build id.
    pub(super) fn named(name: Arc<str>) -> Self {
        Self { name, build_id: None }
    }
}

/// Bytes of a name that are kept. Names come out of files of strangers, and templates make long ones
/// without ill will.
const MAX_NAME: usize = 4_096;
/// Bytes of one that was cut, or was not.
pub(super) const MAX_TEXT: usize = MAX_NAME + '…'.len_utf8();

/// A name that ends in `…` where it was cut.
pub(super) fn clipped(name: &str) -> String {
    let kept = &name[..name.floor_char_boundary(MAX_NAME)];
    if kept.len() == name.len() { name.to_owned() } else { format!("{kept}…") }
}

/// Frames of a symbol of `module`. The address it was looked up for lies `beyond` bytes before the
/// one of the stack. `None` if the symbol has no name.
pub(super) fn of_symbol(
    symbol: &Symbol,
    kind: FrameKind,
    module: &Module,
    beyond: u64,
    names: &mut Names,
) -> Option<Frames> {
    if !symbol.is_told() {
        return None;
    }
    let offset = symbol.offset as u64 + beyond;
    let mut frame = |name: &str, line: Option<&Line>, inlined| {
        Arc::new(Frame {
            kind,
            name: name.to_owned(),
            module: Some(Arc::clone(&module.name)),
            build_id: module.build_id.clone(),
            offset,
            file: line.map(|line| names.share(&line.path)),
            line: line.and_then(|line| line.number),
            inlined,
            resolved: true,
        })
    };
    let inlined = symbol.inlined.iter().rev().filter(|inlined| !inlined.name.is_empty());
    let mut frames: Vec<_> =
        inlined.map(|inlined| frame(&inlined.name, inlined.line.as_ref(), true)).collect();
    frames.push(frame(&symbol.name, symbol.line.as_ref(), false));
    Some(frames.into())
}

/// Bytes that frames take, about; what they share with others not counted.
pub(super) fn bytes(frames: &Frames) -> usize {
    frames.iter().map(|frame| size_of::<Frame>() + frame.name.len()).sum()
}

/// A frame of code by name and nothing else.
pub(super) fn named(name: &str, module: &Arc<str>, offset: u64) -> Frames {
    Arc::new([Arc::new(Frame {
        kind: FrameKind::User,
        name: name.to_owned(),
        module: Some(Arc::clone(module)),
        build_id: None,
        offset,
        file: None,
        line: None,
        inlined: false,
        resolved: true,
    })])
}

/// The frame of an address without a function name: `label+0xoffset`.
pub(super) fn unresolved(
    kind: FrameKind,
    label: &str,
    offset: u64,
    module: Option<Module>,
) -> Frames {
    unresolved_in(kind, label, (offset, offset), module)
}

/// The same of one in a function that begins at the first of two offsets: all of that function is called
/// by it.
pub(super) fn unresolved_in(
    kind: FrameKind,
    label: &str,
    (begins, offset): (u64, u64),
    module: Option<Module>,
) -> Frames {
    let (module, build_id) = module.map(|module| (module.name, module.build_id)).unzip();
    Arc::new([Arc::new(Frame {
        kind,
        name: format!("{label}+{begins:#x}"),
        module,
        build_id: build_id.flatten(),
        offset,
        file: None,
        line: None,
        inlined: false,
        resolved: false,
    })])
}
