//! The worker's thread: jobs to answers.

use super::address_space::AddressSpace;
use super::binary::Binaries;
use super::bounded::Bounded;
use super::codes::Codes;
use super::debuginfod::Wanted;
use super::fetching::{Awaiting, Fetching};
use super::frames::{self, Code, Frames, Names};
use super::guard::guarded;
use super::held::Held;
use super::kernel::{Kernel, NewestProgram};
use super::process::Processes;
use super::queue::{Fetched, Job, Shared, Work};
use super::reader::Reader;
use super::resolve::Resolved;
use super::vdso::Vdso;
use super::{Request, Space};
use crate::source::{Frame, ResolvedStack};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Stacks that are looked up before what is finished is delivered.
const BATCH: usize = 128;
/// Half of the places in files whose frames are kept; with four frames each (much is inlined in Rust
/// and C++) all of them take about 30 MB.
const HALF_OF_CACHE: usize = 16_384;
/// And half of the bytes of them.
const HALF_OF_BYTES: usize = 48 << 20;
/// Stacks with unnamed code of a JIT that are kept to be looked up once more.
const MAX_RETRIES: usize = 1_024;
/// When they are looked up once more: JITs write their names late.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How often old snapshots are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Frame of a stack whose look-up failed in a way that nobody thought of.
const FAILED: &str = "[symbols failed: see the log]";

/// Works until the worker is dropped.
pub(super) fn run(
    shared: &Shared,
    held: &Arc<Held>,
    codes: &Arc<Codes>,
    wanted: Option<&Wanted>,
    newest: NewestProgram,
    reader: Reader,
) {
    let new = |reader| Engine::new(held, codes, wanted, newest, reader);
    let mut engine = new(reader);
    let mut swept = Instant::now();
    while let Some(Work { met, fetched, jobs }) = shared.take(BATCH, engine.patience()) {
        let mut met = Some(met);
        let parts: [&mut dyn FnMut(&mut Engine); 3] = [
            &mut |engine| engine.adopt(met.take().into_iter().flatten()),
            &mut |engine| engine.take_fetched(&fetched, shared),
            &mut |engine| engine.work(&jobs, shared),
        ];
        for part in parts {
            if guarded(|| part(&mut engine)).is_none() {
                tracing::error!("symbolizing panicked; starting anew");
                let reader = engine.binaries.reader.anew();
                let broken = std::mem::replace(&mut engine, new(reader));
                let _ = guarded(move || drop(broken));
            }
        }
        shared.fetches_told(fetched.len());
        let _ = guarded(|| engine.retry(shared));
        if swept.elapsed() >= SWEEP_EVERY {
            engine.processes.sweep();
            engine.binaries.close_unused();
            swept = Instant::now();
        }
    }
}

/// Answers the stacks of a batch that were not answered when it is dropped, by a panic too.
struct Answers<'a> {
    shared: &'a Shared,
    done: Vec<Arc<ResolvedStack>>,
    open: Vec<crate::source::StackId>,
}

impl Drop for Answers<'_> {
    fn drop(&mut self) {
        let requested = self.done.len() + self.open.len();
        let mut stacks = std::mem::take(&mut self.done);
        let note = || vec![Arc::new(Frame::note(FAILED))];
        stacks
            .extend(self.open.iter().map(|id| Arc::new(ResolvedStack { id: *id, frames: note() })));
        self.shared.answer(stacks, requested);
    }
}

pub(super) struct Engine {
    pub(super) names: Names,
    /// By number of the file and twice the offset, plus one for return addresses.
    pub(super) places: Bounded<(u32, u64), Frames>,
    pub(super) binaries: Binaries,
    pub(super) processes: Processes,
    pub(super) kernel: Kernel,
    pub(super) vdso: Vdso,
    pub(super) codes: Arc<Codes>,
    retries: VecDeque<(Instant, Request, usize)>,
    pub(super) fetching: Fetching,
    /// Processes of the batch whose stacks were not looked ahead for.
    pub(super) not_ahead: FxHashSet<u32>,
}

impl Engine {
    fn new(
        held: &Arc<Held>,
        codes: &Arc<Codes>,
        wanted: Option<&Wanted>,
        newest: NewestProgram,
        reader: Reader,
    ) -> Self {
        Self {
            names: Names::default(),
            places: Bounded::of_bytes(HALF_OF_CACHE, HALF_OF_BYTES, frames::bytes),
            binaries: Binaries::new(Arc::clone(held), reader),
            processes: Processes::new(),
            kernel: Kernel::new(newest),
            vdso: Vdso::new(),
            codes: Arc::clone(codes),
            retries: VecDeque::new(),
            fetching: Fetching::new(wanted.cloned()),
            not_ahead: FxHashSet::default(),
        }
    }

    fn patience(&self) -> Duration {
        let due = |(at, ..): &(Instant, Request, usize)| RETRY_AFTER.saturating_sub(at.elapsed());
        self.retries.front().map_or(SWEEP_EVERY, due)
    }

    fn adopt(&mut self, met: impl IntoIterator<Item = AddressSpace>) {
        for space in met {
            self.processes.adopt(space, &mut self.binaries, &mut self.names);
        }
    }

    fn work(&mut self, jobs: &[Job], shared: &Shared) {
        let stacks = || {
            jobs.iter().filter_map(|job| match job {
                Job::Stack(request) => Some(request),
                _ => None,
            })
        };
        let mut answers = Answers {
            shared,
            done: Vec::with_capacity(jobs.len()),
            open: stacks().rev().map(|request| request.id).collect(),
        };
        let in_kernel = stacks().filter(|request| request.space == Space::Kernel);
        self.kernel.prepare(
            in_kernel.flat_map(|request| Code::of_stack(&request.addresses)),
            &mut self.names,
        );
        self.look_ahead(stacks());
        for job in jobs {
            match job {
                Job::Forget(pid, at) => {
                    self.processes.forget(*pid, *at, &mut self.binaries, &mut self.names);
                }
                Job::Ended(pid) => self.processes.ended(*pid),
                Job::ForgetAll => {
                    self.codes.forget_all();
                    self.processes.forget_all();
                }
                Job::Born(child, parent) => {
                    self.codes.forget(*child);
                    self.processes.born(*child, *parent);
                }
                Job::Stack(request) => {
                    let resolved = self.resolve(request);
                    self.count(request, &resolved, shared);
                    self.keep_awaiting(request, &resolved);
                    answers.open.pop();
                    let stack = ResolvedStack { id: request.id, frames: resolved.frames };
                    answers.done.push(Arc::new(stack));
                }
            }
        }
    }

    fn count(&mut self, request: &Request, resolved: &Resolved, shared: &Shared) {
        let unresolved = resolved.unresolved as u64;
        match request.space {
            Space::Kernel => shared.count_unresolved(unresolved, 0),
            Space::User { .. } => shared.count_unresolved(0, unresolved),
        }
        if resolved.in_jit && self.retries.len() < MAX_RETRIES {
            self.retries.push_back((Instant::now(), request.clone(), resolved.unresolved));
        }
    }

    fn keep_awaiting(&mut self, request: &Request, resolved: &Resolved) {
        if resolved.awaits
            && let Some(snapshot) = &resolved.snapshot
        {
            let (request, snapshot) = (request.clone(), Rc::clone(snapshot));
            let frames = resolved.frames.clone();
            self.fetching.await_file(Awaiting { request, snapshot, frames });
        }
    }

    /// Takes debug files that were fetched, and tells the stacks anew that waited for them.
    fn take_fetched(&mut self, fetched: &[Fetched], shared: &Shared) {
        if fetched.is_empty() {
            return;
        }
        for (build_id, path) in fetched {
            for binary in self.fetching.answered(build_id, path) {
                self.binaries.debug_file_came(&binary, path.as_deref());
            }
        }
        for mut awaiting in self.fetching.take_awaiting() {
            let mut resolved = Resolved { is_late: true, ..Resolved::default() };
            self.resolve_in(Rc::clone(&awaiting.snapshot), &awaiting.request, &mut resolved);
            if resolved.frames != awaiting.frames {
                awaiting.frames.clone_from(&resolved.frames);
                let frames = resolved.frames;
                let stack = ResolvedStack { id: awaiting.request.id, frames };
                shared.answer(vec![Arc::new(stack)], 0);
            }
            if resolved.awaits {
                self.fetching.await_file(awaiting);
            }
        }
    }

    /// Looks stacks with unnamed code of a JIT up once more, and delivers them if that helped.
    fn retry(&mut self, shared: &Shared) {
        while self.retries.front().is_some_and(|(at, ..)| at.elapsed() >= RETRY_AFTER) {
            let Some((_, request, before)) = self.retries.pop_front() else { break };
            let resolved = self.resolve(&request);
            if resolved.unresolved < before {
                let stack = ResolvedStack { id: request.id, frames: resolved.frames };
                shared.answer(vec![Arc::new(stack)], 0);
            }
        }
    }
}
