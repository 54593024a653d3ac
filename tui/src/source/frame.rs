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
    /// Not code: stands at the root of a stack that is not complete, and says why (see
    /// [`StackEnd`]).
    End,
}

/// How the walk of a user stack ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StackEnd {
    /// At the start of its thread: nothing is missing.
    #[default]
    Complete,
    /// It has more frames than are kept ([`syscope_shared::unwind::FRAMES_MAX`]).
    DepthLimit,
    /// There is no unwind data for its last address, and no frame pointer that leads on.
    NoUnwindData,
    /// The unwind table of a file was still being made, and frame pointers were followed.
    NotReady,
    /// The memory of the stack could not be read.
    Unreadable,
    /// Frame pointers were all that was followed, and most programs have none.
    FramePointers,
}

impl StackEnd {
    /// All of them, in the order of [`syscope_shared::unwind::End`].
    pub const ALL: [Self; 6] = [
        Self::Complete,
        Self::DepthLimit,
        Self::NoUnwindData,
        Self::NotReady,
        Self::Unreadable,
        Self::FramePointers,
    ];

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::DepthLimit => "depth_limit",
            Self::NoUnwindData => "no_unwind_data",
            Self::NotReady => "not_ready",
            Self::Unreadable => "unreadable",
            Self::FramePointers => "frame_pointers",
        }
    }

    /// What stands at the root of such a stack; `None` where nothing is missing.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::Complete => None,
            Self::DepthLimit => Some("[stack ends: depth limit of 255 frames]"),
            Self::NoUnwindData => Some("[stack ends: no unwind data]"),
            Self::NotReady => Some("[stack ends: unwind table not ready]"),
            Self::Unreadable => Some("[stack ends: memory not readable]"),
            Self::FramePointers => Some("[stack ends: no frame pointers]"),
        }
    }

    /// How a stack with these frames ended, leaf first. One whose Python functions are not all there is
    /// not complete, though its native frames are.
    pub fn of(frames: &[Arc<Frame>]) -> Self {
        let Some(root) = frames.last().filter(|frame| frame.kind == FrameKind::End) else {
            return frames.iter().find_map(Self::within).unwrap_or(Self::Complete);
        };
        let said = |end: &&Self| end.note() == Some(root.name.as_str());
        Self::ALL.iter().find(said).copied().unwrap_or(Self::FramePointers)
    }

    /// What a note within a stack says that is missing there.
    fn within(frame: &Arc<Frame>) -> Option<Self> {
        match frame.name.as_str() {
            _ if frame.kind != FrameKind::Note => None,
            python::MORE => Some(Self::DepthLimit),
            python::NO_PLACE | python::UNREADABLE | python::THREADS => Some(Self::Unreadable),
            python::NOT_READ => Some(Self::NotReady),
            _ => None,
        }
    }
}

/// Notes that stand where Python functions are missing within a stack.
pub mod python {
    /// There are more than [`syscope_shared::python::PAIRS_MAX`].
    pub const MORE: &str = "[more Python functions than are kept]";
    /// It is not known which native frames run them.
    pub const NO_PLACE: &str = "[Python functions that are in no native frame]";
    /// They could not be read.
    pub const UNREADABLE: &str = "[Python functions: memory not readable]";
    /// The thread was not among the first [`syscope_shared::python::THREADS_MAX`].
    pub const THREADS: &str = "[Python functions: more threads than are looked through]";
    /// The stack was walked later, when its unwind tables were ready.
    pub const NOT_READ: &str = "[Python functions: unwind table not ready]";
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
    /// What stands at the root of a stack that ended so; `None` where nothing is missing.
    pub fn end(end: StackEnd) -> Option<Self> {
        Some(Self { kind: FrameKind::End, resolved: true, ..Self::note(end.note()?) })
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use syscope_shared::unwind::End;

    /// The programs tell the number of an [`End`], and user space takes the [`StackEnd`] of that number.
    #[test]
    fn ends_have_the_numbers_that_the_programs_tell() {
        let here = |end| match end {
            End::Complete => StackEnd::Complete,
            End::DepthLimit => StackEnd::DepthLimit,
            End::NoUnwindData => StackEnd::NoUnwindData,
            End::NotReady => StackEnd::NotReady,
            End::Unreadable => StackEnd::Unreadable,
            End::Unknown => StackEnd::FramePointers,
        };
        assert_eq!(End::ALL.map(here), StackEnd::ALL);
        assert_eq!(End::ALL.map(|end| end as usize), [0, 1, 2, 3, 4, 5]);
        assert_eq!(StackEnd::ALL.map(|end| end as usize), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_stack_without_all_of_its_python_functions_is_not_complete() {
        let stack = |note: &str| {
            let code = |name: &str| Arc::new(Frame { kind: FrameKind::User, ..Frame::note(name) });
            StackEnd::of(&[code("f"), Arc::new(Frame::note(note)), code("main")])
        };
        assert_eq!(stack(python::MORE), StackEnd::DepthLimit);
        assert_eq!(stack(python::NO_PLACE), StackEnd::Unreadable);
        assert_eq!(stack(python::NOT_READ), StackEnd::NotReady);
        assert_eq!(stack("[anonymous code]"), StackEnd::Complete);
    }
}
