//! Stacks and their frames, symbolized.

use std::sync::Arc;

/// Names one stack of addresses for as long as a source lives. The ids below [`StackId::FIRST`]
/// stand for stacks that are not there.
///
/// A source tells the frames of a stack once it has found them, and again when the id is used after
/// [`StackId::TOLD_AGAIN_NS`] in which it was not. An id is used by a wait that ended, a thread that
/// waits, or a sample; [`StackId::KEPT_UNUSED_NS`] says how long who keeps frames must keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub u32);

impl StackId {
    /// There is no such stack: a kernel thread has no user stack. Not a loss; no frames.
    pub const NONE: Self = Self(0);
    /// The stack was lost (and counted). Shown as one frame that says so.
    pub const LOST: Self = Self(1);
    /// The wait began before syscope watched. Shown as one frame that says so.
    pub const BEFORE_START: Self = Self(2);
    /// Stacks of one process that weigh little, added up by the model because there were too many to
    /// keep apart. Shown as one frame that says so.
    pub const OTHER: Self = Self(3);
    /// The first id of a real stack.
    pub const FIRST: Self = Self(4);

    /// A stack whose id was not used for so long is told again with its next use, in ns.
    pub const TOLD_AGAIN_NS: u64 = 300_000_000_000;
    /// Frames of a stack whose id was not used for so long may be forgotten, in ns: they are told
    /// again before they are missed. Twice [`StackId::TOLD_AGAIN_NS`], so that neither the length of
    /// a batch nor when one looks matters.
    pub const KEPT_UNUSED_NS: u64 = 2 * Self::TOLD_AGAIN_NS;
}

/// What kind of code a frame is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FrameKind {
    /// Kernel code.
    Kernel,
    /// A program, a library, the vdso, or code made by a JIT.
    User,
    /// Not code: a note such as "stack lost".
    Note,
}

/// One frame of a stack. A function that was inlined is a frame of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Kind of code.
    pub kind: FrameKind,
    /// Demangled function name; `module+0xoffset` where it could not be resolved. Never empty.
    pub name: String,
    /// Path or name of the file the code is from; `[kernel]`, `[vdso]`, or the kernel module in
    /// brackets.
    pub module: Option<Arc<str>>,
    /// Build id of that file, in hex as `readelf -n` prints it; `None` where it has none, or where it
    /// was not read.
    pub build_id: Option<Arc<str>>,
    /// Bytes from the start of the function, or of the module where there is no function name.
    pub offset: u64,
    /// Source file.
    pub file: Option<Arc<str>>,
    /// Line in the source file, from 1.
    pub line: Option<u32>,
    /// This function was inlined into the next frame towards the root.
    pub inlined: bool,
    /// The address has a function name. False: `name` is `module+0xoffset`.
    pub resolved: bool,
}

impl Frame {
    /// A frame that is a note to the reader, not code.
    pub fn note(text: &str) -> Self {
        Self {
            kind: FrameKind::Note,
            name: text.to_owned(),
            module: None,
            build_id: None,
            offset: 0,
            file: None,
            line: None,
            inlined: false,
            resolved: true,
        }
    }
}

/// The frames of a stack, leaf first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedStack {
    /// The stack.
    pub id: StackId,
    /// Its frames, leaf first; inlined functions come before the function they are inlined into.
    pub frames: Vec<Arc<Frame>>,
}
