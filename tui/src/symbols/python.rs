//! Python functions: their names, from the memory of their process, and their place among the native
//! frames.

use super::bounded::Bounded;
use super::engine::{Mark, Resolved};
use super::frames::{Names, clipped};
use super::guard::guarded;
use super::mapping::{Backing, Mapping};
use super::process::Snapshot;
use crate::python::{Code, Function, Image, Memory, Run, Stack};
use crate::source::{Frame, FrameKind};
use rustc_hash::FxHashSet;
use std::cell::OnceCell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use syscope_shared::python::End;

/// Half of the code objects that are kept, of all processes.
const HALF_OF_CODES: usize = 16_384;
/// Bytes that they may take, about. Beyond, all are read anew when they are needed: most have a table of
/// lines of some hundred bytes.
const MAX_BYTES: usize = 64 << 20;

/// The native function that runs Python functions; a compiler may split it, and then names the parts
/// `_PyEval_EvalFrameDefault.cold` and the like.
const EVALUATION: &str = "_PyEval_EvalFrameDefault";

/// Stands where the code object of a function is not there any more, or its process is not.
const GONE: &str = "[python function]";
const MORE: &str = "[more Python functions than are kept]";
const NO_PLACE: &str = "[Python functions that are in no native frame]";
const UNREADABLE: &str = "[Python functions: memory not readable]";
const THREADS: &str = "[Python functions: more threads than are looked through]";

/// A code object: its process, its address, and the line it begins with.
type Key = (u32, u64, u32);

/// The code objects that were read.
#[derive(Debug)]
pub(super) struct Pythons {
    codes: Bounded<Key, Arc<Code>>,
    /// Processes that some of them are of.
    pids: FxHashSet<u32>,
    /// Bytes of those that were added since all were forgotten.
    bytes: usize,
}

impl Default for Pythons {
    fn default() -> Self {
        let (codes, pids) = (Bounded::new(HALF_OF_CODES), FxHashSet::default());
        Self { codes, pids, bytes: 0 }
    }
}

impl Pythons {
    /// A process replaced its program or ended.
    pub(super) fn forget(&mut self, pid: u32) {
        if self.pids.remove(&pid) {
            self.codes.retain(|(of, ..)| *of != pid);
        }
    }

    pub(super) fn forget_all(&mut self) {
        *self = Self::default();
    }

    /// The functions of a stack, named.
    pub(super) fn runs(&mut self, stack: &Stack, snapshot: &Snapshot, names: &mut Names) -> Runs {
        let process = Process::new(snapshot);
        let mut named = |run: &Run| {
            let functions = run.functions.iter();
            let frames = functions.filter_map(|of| self.frame(*of, &process, names)).collect();
            Named { frames, place: run.place }
        };
        Runs { runs: stack.runs.iter().map(&mut named).collect(), end: stack.end }
    }

    /// `None` for what is no function of the program.
    fn frame(
        &mut self,
        function: Function,
        process: &Process<'_>,
        names: &mut Names,
    ) -> Option<Arc<Frame>> {
        let Some(code) = self.code(function, process) else { return Some(gone(function)) };
        if code.is_shim() {
            return None;
        }
        let file = names.share(&clipped(&code.file));
        Some(Arc::new(Frame {
            kind: FrameKind::User,
            name: clipped(&code.name),
            module: Some(Arc::clone(&file)),
            build_id: None,
            offset: function.offset.map_or(0, u64::from),
            file: Some(file),
            line: function.offset.and_then(|offset| code.line(offset)),
            inlined: false,
            resolved: true,
        }))
    }

    fn code(&mut self, function: Function, process: &Process<'_>) -> Option<Arc<Code>> {
        let key = (process.snapshot.pid, function.code, function.first_line);
        if let Some(known) = self.codes.get(&key) {
            return Some(known);
        }
        let read = || {
            let (memory, image, bias) = process.opened()?;
            Code::read(memory, image, *bias, function.code, function.first_line)
        };
        let code = Arc::new(guarded(read).flatten()?);
        self.bytes += code.size();
        if self.bytes > MAX_BYTES {
            self.forget_all();
            self.bytes = code.size();
        }
        self.pids.insert(key.0);
        self.codes.insert(key, Arc::clone(&code));
        Some(code)
    }
}

fn gone(function: Function) -> Arc<Frame> {
    let offset = function.offset.map_or(0, u64::from);
    let name = format!("{GONE}+{:#x}", function.code);
    Arc::new(Frame { offset, resolved: false, kind: FrameKind::User, ..Frame::note(&name) })
}

/// The process whose code objects are read; opened when one is not known.
struct Process<'a> {
    snapshot: &'a Snapshot,
    opened: OnceCell<Option<(Mem, Arc<Image>, u64)>>,
}

impl<'a> Process<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, opened: OnceCell::new() }
    }

    fn opened(&self) -> Option<&(Mem, Arc<Image>, u64)> {
        self.opened.get_or_init(|| open(self.snapshot)).as_ref()
    }
}

fn open(snapshot: &Snapshot) -> Option<(Mem, Arc<Image>, u64)> {
    let memory = Mem(File::open(format!("/proc/{}/mem", snapshot.pid)).ok()?);
    // The keeper of the unwind tables takes the first, too.
    let (image, bias) = snapshot.mappings().iter().find_map(image)?;
    Some((memory, image, bias))
}

fn image(mapping: &Mapping) -> Option<(Arc<Image>, u64)> {
    let Backing::Binary(binary) = &mapping.backing else { return None };
    let image = binary.python()?;
    let bias = image.bias(mapping.start, mapping.offset)?;
    Some((image, bias))
}

/// `/proc/PID/mem`.
struct Mem(File);

impl Memory for Mem {
    fn read(&self, address: u64, to: &mut [u8]) -> bool {
        self.0.read_exact_at(to, address).is_ok()
    }
}

/// The functions that one native frame runs, innermost first.
#[derive(Debug)]
struct Named {
    frames: Vec<Arc<Frame>>,
    place: Option<usize>,
}

/// The Python functions of a stack that have no place among its frames yet.
#[derive(Debug)]
pub(super) struct Runs {
    runs: Vec<Named>,
    end: End,
}

impl Runs {
    /// Puts the functions that the native frame with this index runs in its place. `native`: where its own
    /// frames begin in what is resolved, for functions may be inlined in it.
    pub(super) fn replace(&mut self, index: usize, native: Mark, resolved: &mut Resolved) {
        if let Some(at) = self.runs.iter().position(|run| run.place == Some(index)) {
            let run = self.runs.remove(at);
            if !run.frames.is_empty() {
                resolved.back_to(native);
                resolved.push_all(run.frames);
            }
        } else if self.is_cut() && resolved.root().is_some_and(is_evaluation) {
            // Its end, which tells the place, was not read; it is the next one, for it is of this thread.
            resolved.back_to(native);
            let run = self.runs.remove(0);
            resolved.push_all(run.frames);
            resolved.push_all([Arc::new(Frame::note(MORE))]);
            self.end = End::Complete;
        }
    }

    /// All that is left is a run that was too long.
    fn is_cut(&self) -> bool {
        self.end == End::DepthLimit && matches!(&self.runs[..], [run] if run.place.is_none())
    }

    /// What found no place: it called all of the stack where the stack is not complete, and where it is,
    /// nobody knows.
    pub(super) fn add_rest(self, is_complete: bool, resolved: &mut Resolved) {
        let note = |text: &str| [Arc::new(Frame::note(text))];
        if self.runs.iter().any(|run| !run.frames.is_empty()) {
            if is_complete {
                resolved.push_all(note(NO_PLACE));
            } else {
                resolved.push_all(self.runs.into_iter().flat_map(|run| run.frames));
            }
        }
        match self.end {
            End::None | End::Complete => {}
            End::DepthLimit => resolved.push_all(note(MORE)),
            End::Unreadable => resolved.push_all(note(UNREADABLE)),
            End::Threads => resolved.push_all(note(THREADS)),
        }
    }
}

fn is_evaluation(frame: &Frame) -> bool {
    let rest = frame.name.strip_prefix(EVALUATION);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
