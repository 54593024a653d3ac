//! Python functions: frames of them, and their place among the native frames.

use super::codes::Codes;
use super::frames::{Names, clipped};
use super::resolve::{Mark, Resolved};
use crate::python::{Function, Run, Stack};
use crate::source::frame::python::{MORE, NO_PLACE, NOT_READ, THREADS, UNREADABLE};
use crate::source::{Frame, FrameKind};
use std::sync::Arc;
use syscope_shared::python::End;

/// The native function that runs Python functions; a compiler may split it, and then names the parts
/// `_PyEval_EvalFrameDefault.cold` and the like.
const EVALUATION: &str = "_PyEval_EvalFrameDefault";

/// Stands where the code object of a function is not there any more, or its process is not.
const GONE: &str = "[python function]";

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
            // It is not known whether the thread runs any, but by what is native.
            End::NotRead if resolved.frames.iter().any(|frame| is_evaluation(frame)) => {
                resolved.push_all(note(NOT_READ));
            }
            End::NotRead => {}
        }
    }
}

fn is_evaluation(frame: &Frame) -> bool {
    let rest = frame.name.strip_prefix(EVALUATION);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> Arc<Frame> {
        Arc::new(Frame { kind: FrameKind::User, ..Frame::note(name) })
    }

    fn run(place: Option<usize>, names: &[&str]) -> Named {
        Named { frames: names.iter().map(|name| frame(name)).collect(), place }
    }

    /// The names of a stack of these native frames, leaf first, which run these functions.
    fn mixed(native: &[&str], runs: Vec<Named>, end: End, is_complete: bool) -> Vec<String> {
        let (mut runs, mut resolved) = (Runs { runs, end }, Resolved::default());
        for (index, name) in native.iter().enumerate() {
            let mark = resolved.mark();
            resolved.push_all(name.split('|').map(frame));
            runs.replace(index, mark, &mut resolved);
        }
        runs.add_rest(is_complete, &mut resolved);
        resolved.frames.iter().map(|frame| frame.name.clone()).collect()
    }

    const NATIVE: [&str; 5] = ["free", "inlined|eval", "sort", "eval", "main"];

    #[test]
    fn functions_stand_where_the_frames_that_run_them_stood() {
        let runs = vec![run(Some(1), &["key"]), run(Some(3), &["order", "<module>"])];
        let all = ["free", "key", "sort", "order", "<module>", "main"];
        assert_eq!(mixed(&NATIVE, runs, End::Complete, true), all);
        let shim = vec![run(Some(1), &[]), run(Some(3), &["f"])];
        let all = ["free", "inlined", "eval", "sort", "f", "main"];
        assert_eq!(mixed(&NATIVE, shim, End::Complete, true), all, "nothing to show");
        assert_eq!(mixed(&NATIVE, Vec::new(), End::None, true).len(), 6, "no Python");
    }

    #[test]
    fn callers_of_a_stack_that_is_cut_off_stand_behind_it() {
        let runs = || vec![run(Some(1), &["key"]), run(None, &["order"]), run(None, &["<module>"])];
        let cut = mixed(&NATIVE[..3], runs(), End::Complete, false);
        assert_eq!(cut, ["free", "key", "sort", "order", "<module>"]);
        let whole = mixed(&NATIVE, runs(), End::Complete, true);
        assert_eq!(whole, ["free", "key", "sort", "eval", "main", NO_PLACE], "nobody knows where");
    }

    #[test]
    fn a_run_that_is_too_long_is_in_the_next_evaluation_loop() {
        let native = ["_PyEval_EvalFrameDefault", "sort", "_PyEval_EvalFrameDefault.cold", "main"];
        let runs = vec![run(Some(0), &["key"]), run(None, &["f", "f"])];
        let all = ["key", "sort", "f", "f", MORE, "main"];
        assert_eq!(mixed(&native, runs, End::DepthLimit, true), all);
        let nowhere = mixed(&NATIVE, vec![run(None, &["f"])], End::DepthLimit, true);
        assert_eq!(nowhere[6..], [NO_PLACE, MORE], "without symbols it is not found");
    }

    #[test]
    fn what_could_not_be_read_is_said() {
        let unreadable = mixed(&NATIVE, vec![run(Some(1), &["f"])], End::Unreadable, true);
        assert_eq!(unreadable.last().map(String::as_str), Some(UNREADABLE));
        let threads = mixed(&NATIVE, Vec::new(), End::Threads, true);
        assert_eq!(threads.last().map(String::as_str), Some(THREADS));
        let native = ["free", EVALUATION, "main"];
        let later = mixed(&native, Vec::new(), End::NotRead, true);
        assert_eq!(later.last().map(String::as_str), Some(NOT_READ));
        let other = mixed(&["read", "main"], Vec::new(), End::NotRead, true);
        assert_eq!(other, ["read", "main"], "a thread that runs no Python");
    }
}
