//! Python functions: frames of them, and their place among the native frames.

use super::codes::Codes;
use super::resolve::{Mark, Resolved};
use super::frames::{Names, clipped};
use crate::python::{Function, Run, Stack};
use crate::source::{Frame, FrameKind};
use std::sync::Arc;
use syscope_shared::python::End;

/// The native function that runs Python functions; a compiler may split it, and then names the parts
/// `_PyEval_EvalFrameDefault.cold` and the like.
const EVALUATION: &str = "_PyEval_EvalFrameDefault";

/// Stands where the code object of a function is not there any more, or its process is not.
const GONE: &str = "[python function]";
const MORE: &str = "[more Python functions than are kept]";
const NO_PLACE: &str = "[Python functions that are in no native frame]";
const UNREADABLE: &str = "[Python functions: memory not readable]";
const THREADS: &str = "[Python functions: more threads than are looked through]";

/// The functions of a stack, named.
pub(super) fn runs(stack: &Stack, pid: u32, codes: &Codes, names: &mut Names) -> Runs {
    let mut named = |run: &Run| {
        let functions = run.functions.iter();
        let frames = functions.filter_map(|of| frame(*of, pid, codes, names)).collect();
        Named { frames, place: run.place }
    };
    Runs { runs: stack.runs.iter().map(&mut named).collect(), end: stack.end }
}

/// `None` for what is no function of the program.
fn frame(function: Function, pid: u32, codes: &Codes, names: &mut Names) -> Option<Arc<Frame>> {
    let Some(code) = codes.find(pid, function) else { return Some(gone(function)) };
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

fn gone(function: Function) -> Arc<Frame> {
    let offset = function.offset.map_or(0, u64::from);
    let name = format!("{GONE}+{:#x}", function.code);
    Arc::new(Frame { offset, resolved: false, kind: FrameKind::User, ..Frame::note(&name) })
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
