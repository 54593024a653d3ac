//! Stacks of the live source: which memory tells what their addresses mean, and what comes back.

use crate::kernel::NewStack;
use crate::model::Processes;
use crate::source::{Frame, ResolvedStack, StackId};
use crate::symbols::{Request, Space, Worker};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use syscope_shared::health::{PROBES, ProbeId};

/// Answers a stack whose program is gone.
const REPLACED: &str = "[program replaced before its symbols were read]";

/// Hands stacks to the symbol worker, and takes its answers.
pub struct Naming {
    worker: Worker,
    /// Stacks that were asked for and are not answered, by the probe that met them.
    asked: FxHashMap<StackId, ProbeId>,
    /// Id of the program that each process runs, of those that were seen to exec.
    programs: FxHashMap<u32, u32>,
    /// Processes that ended since the last asking: their last stacks are still to be asked for.
    leaving: Vec<u32>,
    /// Stacks that need no worker.
    ready: Vec<Arc<ResolvedStack>>,
    unresolved: [u64; PROBES as usize],
}

impl Naming {
    pub fn new(worker: Worker) -> Self {
        Self {
            worker,
            asked: FxHashMap::default(),
            programs: FxHashMap::default(),
            leaving: Vec::new(),
            ready: Vec::new(),
            unresolved: [0; PROBES as usize],
        }
    }

    /// A process replaced its program by the one with this id.
    pub fn replaced(&mut self, pid: u32, exec_id: u32) {
        self.programs.insert(pid, exec_id);
        self.worker.forget(pid);
    }

    /// A process ended.
    pub fn ended(&mut self, pid: u32) {
        self.leaving.push(pid);
    }

    /// A process that ended is not heard of any more.
    pub fn forget(&mut self, pid: u32) {
        self.programs.remove(&pid);
    }

    /// Stacks that came with their names.
    pub fn add_ready(&mut self, mut stacks: Vec<Arc<ResolvedStack>>) {
        self.ready.append(&mut stacks);
    }

    /// Has stacks looked up; `known` are the processes as of now.
    pub fn ask(&mut self, stacks: Vec<NewStack>, known: &Processes) {
        self.asked.extend(stacks.iter().map(|stack| (stack.request.id, stack.probe)));
        let requests =
            stacks.into_iter().filter_map(|stack| self.in_its_program(stack, known)).collect();
        self.worker.request(requests);
        for pid in self.leaving.drain(..) {
            self.worker.forget(pid);
        }
    }

    /// What has become known since the last call.
    pub fn take(&mut self) -> Vec<Arc<ResolvedStack>> {
        let mut stacks = self.worker.finished();
        stacks.append(&mut self.ready);
        for stack in &mut stacks {
            if let Some(probe) = self.asked.remove(&stack.id) {
                let unresolved = stack.frames.iter().filter(|frame| !frame.resolved).count();
                self.unresolved[probe as usize] += unresolved as u64;
                if probe == ProbeId::Offcpu {
                    drop_own_frames(stack);
                }
            }
        }
        stacks
    }

    /// Stacks that are still being looked up.
    pub fn pending(&self) -> usize {
        self.worker.pending()
    }

    /// Stacks that were not looked up, for there were too many at once.
    pub fn dropped(&self) -> u64 {
        self.worker.dropped()
    }

    /// Frames without a function name so far, by probe.
    pub fn unresolved(&self) -> &[u64] {
        &self.unresolved
    }

    /// The request for a stack, in the process whose memory tells what its addresses mean. A process
    /// that has replaced its program since does not; a parent that has just forked it does, for the
    /// child has a copy of its memory. Without one, the stack is answered with a note.
    fn in_its_program(&mut self, stack: NewStack, known: &Processes) -> Option<Request> {
        let mut request = stack.request;
        let Space::User { pid } = request.space else { return Some(request) };
        if self.programs.get(&pid).is_none_or(|current| *current == stack.exec_id) {
            return Some(request);
        }
        let parent = known.living(pid).map_or(0, |process| process.parent);
        let same = self.programs.get(&parent).is_none_or(|program| *program == stack.exec_id);
        if same && known.living(parent).is_some() {
            request.space = Space::User { pid: parent };
            return Some(request);
        }
        let mut note = Frame::note(REPLACED);
        note.resolved = false;
        let frames = vec![Arc::new(note)];
        self.ready.push(Arc::new(ResolvedStack { id: request.id, frames }));
        None
    }
}

/// Takes the frames off the leaf by which the kernel came to the off-CPU program: how many there are
/// differs from kernel to kernel, and none of them is of the thread that waits.
fn drop_own_frames(stack: &mut Arc<ResolvedStack>) {
    let own = |frame: &Frame| {
        ["bpf_prog_", "bpf_trace_run", "__bpf_trace_", "__traceiter_", "bpf_get_stackid"]
            .iter()
            .any(|prefix| frame.name.starts_with(prefix))
    };
    let count = stack.frames.iter().take_while(|frame| own(frame)).count();
    if count > 0 {
        Arc::make_mut(stack).frames.drain(..count);
    }
}
