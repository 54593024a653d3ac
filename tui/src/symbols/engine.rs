//! The worker's thread: jobs to answers.

use super::address_space::{AddressSpace, Missing};
use super::binary::{Binaries, Binary};
use super::bounded::Bounded;
use super::fetching::{Awaiting, Fetching};
use super::frames::{self, Code, Frames, Module, Names};
use super::guard::guarded;
use super::held::Held;
use super::kernel::Kernel;
use super::mapping::{Backing, Mapping};
use super::process::{Processes, Snapshot};
use super::queue::{Fetched, Job, Shared, Work};
use super::vdso::{self, Vdso};
use super::{Request, Space};
use crate::source::{Frame, FrameKind, ResolvedStack, StackEnd};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// Stacks that are looked up before what is finished is delivered.
const BATCH: usize = 128;
/// Half of the places in files whose frames are kept; with four frames each (much is inlined in Rust
/// and C++) all of them take about 30 MB.
const HALF_OF_CACHE: usize = 16_384;
/// Stacks with unnamed code of a JIT that are kept to be looked up once more.
const MAX_RETRIES: usize = 1_024;
/// When they are looked up once more: JITs write their names late.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How often old snapshots are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Stands for the vdso where files have their number.
const VDSO: u32 = 0;

/// Frame of a stack whose look-up failed in a way that nobody thought of.
const FAILED: &str = "[symbols failed: see the log]";

/// Works until the worker is dropped.
pub(super) fn run(shared: &Shared, held: &Arc<Held>, wanted: Option<&SyncSender<Arc<str>>>) {
    let mut engine = Engine::new(held, wanted);
    let mut swept = Instant::now();
    while let Some(Work { met, fetched, jobs }) = shared.take(BATCH, engine.patience()) {
        let worked = guarded(|| {
            engine.adopt(met);
            engine.take_fetched(&fetched, shared);
            engine.work(&jobs, shared);
        });
        shared.fetches_told(fetched.len());
        if worked.is_none() {
            tracing::error!("symbolizing panicked; starting anew");
            let broken = std::mem::replace(&mut engine, Engine::new(held, wanted));
            let _ = guarded(move || drop(broken));
        }
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

struct Engine {
    names: Names,
    /// By number of the file and twice the offset, plus one for return addresses.
    places: Bounded<(u32, u64), Frames>,
    binaries: Binaries,
    processes: Processes,
    kernel: Kernel,
    vdso: Vdso,
    retries: VecDeque<(Instant, Request, usize)>,
    fetching: Fetching,
}

/// The frames of a stack, and how many of them lack a name.
#[derive(Default)]
struct Resolved {
    frames: Vec<Arc<Frame>>,
    unresolved: usize,
    /// Among those, some in code of a JIT.
    in_jit: bool,
    /// The memory by which it was resolved, if that was a process's.
    snapshot: Option<Rc<Snapshot>>,
    /// Some are in a file whose debug information is being fetched.
    awaits: bool,
    /// Files that were asked for.
    asked_for: usize,
    /// It is looked up long after it was taken: what its process has mapped since does not count.
    is_late: bool,
}

impl Engine {
    fn new(held: &Arc<Held>, wanted: Option<&SyncSender<Arc<str>>>) -> Self {
        Self {
            names: Names::default(),
            places: Bounded::new(HALF_OF_CACHE),
            binaries: Binaries::new(Arc::clone(held)),
            processes: Processes::new(),
            kernel: Kernel::new(),
            vdso: Vdso::new(),
            retries: VecDeque::new(),
            fetching: Fetching::new(wanted.cloned()),
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
        for job in jobs {
            match job {
                Job::Forget(pid) => {
                    self.processes.forget(*pid, &mut self.binaries, &mut self.names);
                }
                Job::ForgetAll => self.processes.forget_all(),
                Job::Born(child, parent) => self.processes.born(*child, *parent),
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
        for _ in 0..resolved.asked_for {
            shared.fetch_began();
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
            for binary in self.fetching.answered(build_id) {
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

    fn resolve(&mut self, request: &Request) -> Resolved {
        let mut resolved = Resolved::default();
        let codes = Code::of_stack(&request.addresses);
        match request.space {
            Space::Kernel => {
                for code in codes {
                    let frames = self.kernel.frames(code, &mut self.names);
                    resolved.push(&frames);
                }
            }
            Space::User { pid } => {
                let found = self.processes.find(pid, &mut self.binaries, &mut self.names);
                match found {
                    Ok(snapshot) => self.resolve_in(snapshot, request, &mut resolved),
                    Err(missing) => {
                        let whole = resolve_nowhere(missing, codes, &mut resolved);
                        resolved.end(request.end, whole);
                    }
                }
            }
        }
        resolved
    }

    fn resolve_in(&mut self, snapshot: Rc<Snapshot>, request: &Request, resolved: &mut Resolved) {
        let codes = || Code::of_stack(&request.addresses);
        let whole = self.resolve_user(snapshot, codes(), resolved);
        if request.end == StackEnd::NoUnwindData
            && let Some(snapshot) = resolved.snapshot.clone()
            && let Some(code) = codes().last()
        {
            resolved.frames.extend(self.place(&snapshot, code).map(Arc::new));
        }
        resolved.end(request.end, whole);
    }

    /// A note of where code is: what is missing there is for the file's makers to mend.
    fn place(&mut self, snapshot: &Snapshot, code: Code) -> Option<Frame> {
        let mapping = snapshot.mapping(code.within())?;
        let unnamed = self.unnamed(mapping, code, false);
        Some(Frame {
            kind: FrameKind::Note,
            name: format!("[at {}]", unnamed.first()?.name),
            resolved: true,
            ..Frame::clone(unnamed.first()?)
        })
    }

    fn resolve_user(
        &mut self,
        mut snapshot: Rc<Snapshot>,
        codes: impl Iterator<Item = Code>,
        resolved: &mut Resolved,
    ) -> bool {
        for code in codes {
            if !resolved.is_late
                && snapshot.mapping(code.within()).is_none()
                && let Some(newer) =
                    self.processes.find_again(&snapshot, &mut self.binaries, &mut self.names)
            {
                snapshot = newer;
            }
            let mapping = snapshot.mapping(code.within());
            if code.is_return && !may_be_code(&snapshot, mapping, code) {
                resolved.snapshot = Some(snapshot);
                return false;
            }
            match mapping {
                Some(mapping) => self.resolve_mapped(&snapshot, mapping, code, resolved),
                None => {
                    let label = "[unmapped]";
                    resolved.push(&frames::unresolved(FrameKind::User, label, code.address, None));
                }
            }
        }
        resolved.snapshot = Some(snapshot);
        true
    }

    fn resolve_mapped(
        &mut self,
        snapshot: &Snapshot,
        mapping: &Mapping,
        code: Code,
        resolved: &mut Resolved,
    ) {
        let known = match &mapping.backing {
            Backing::Binary(binary) => {
                let frames = self.in_binary(binary, mapping, code);
                resolved.asked_for += usize::from(self.fetching.want(binary));
                resolved.awaits |= binary.is_awaited.get();
                frames
            }
            Backing::Vdso => Some(self.in_vdso(mapping, code)),
            Backing::File(_) | Backing::Named(_) | Backing::Anonymous => None,
        };
        if let Some(frames) = known {
            return resolved.push(&frames);
        }
        // No symbols are to be had, so it may be code that was made at run time.
        let mut jit = snapshot.perf_map.borrow_mut();
        if let Some((name, start)) = jit.find(snapshot.pid, code.within()) {
            let module = self.names.share("[jit]");
            return resolved.push(&frames::named(&name, &module, code.address - start));
        }
        resolved.in_jit |= jit.exists();
        resolved.push(&self.unnamed(mapping, code, jit.exists()));
    }

    /// The frames of code in a file; `None` if it is no file with symbols.
    fn in_binary(&mut self, binary: &Rc<Binary>, mapping: &Mapping, code: Code) -> Option<Frames> {
        let offset = mapping.file_offset(code.within());
        let place = (binary.serial.get(), offset << 1 | code.beyond());
        if let Some(known) = self.places.get(&place) {
            return Some(known);
        }
        let found = self.binaries.look_up(binary, offset, code, &mut self.names);
        if found.is_none() && binary.is_unreadable() {
            return None;
        }
        let frames = found.unwrap_or_else(|| self.unnamed(mapping, code, false));
        self.places.insert(place, Arc::clone(&frames));
        Some(frames)
    }

    fn in_vdso(&mut self, mapping: &Mapping, code: Code) -> Frames {
        if !self.vdso.is_ours(mapping) {
            return self.unnamed(mapping, code, false);
        }
        let offset = code.within() - mapping.start;
        let place = (VDSO, offset << 1 | code.beyond());
        if let Some(known) = self.places.get(&place) {
            return known;
        }
        let found = self.vdso.look_up(offset, code.beyond(), &mut self.names);
        let frames = found.unwrap_or_else(|| self.unnamed(mapping, code, false));
        self.places.insert(place, Arc::clone(&frames));
        frames
    }

    /// The frame of a mapped address without a function name.
    fn unnamed(&mut self, mapping: &Mapping, code: Code, has_jit: bool) -> Frames {
        let in_file = mapping.file_offset(code.within()).wrapping_add(code.beyond());
        let in_memory = code.address - mapping.start;
        let named = |name: &Arc<str>| Module::named(Arc::clone(name));
        let (label, offset, module) = match &mapping.backing {
            Backing::Binary(binary) => (base_name(&binary.module), in_file, binary.origin()),
            Backing::File(path) => (base_name(path), in_file, named(path)),
            Backing::Vdso => (vdso::NAME, in_memory, self.vdso.module()),
            Backing::Named(name) => (&**name, in_memory, named(name)),
            Backing::Anonymous => {
                let name = match (has_jit, mapping.is_code) {
                    (true, _) => "[jit]",
                    (false, true) => "[anonymous code]",
                    (false, false) => "[anon]",
                };
                (name, in_memory, Module::named(self.names.share(name)))
            }
        };
        frames::unresolved(FrameKind::User, label, offset, Some(module))
    }
}

/// User addresses lie in this range: not in the first page, which is never mapped, nor in the half of
/// the kernel. (A process has to ask for more than 47 bits, where the machine has them.)
const USER: std::ops::Range<u64> = 0x1000..1 << 47;

/// The frames of a process that cannot be looked at.
fn resolve_nowhere(
    missing: Missing,
    codes: impl Iterator<Item = Code>,
    resolved: &mut Resolved,
) -> bool {
    for code in codes {
        if code.is_return && !USER.contains(&code.address) {
            return false;
        }
        resolved.push(&nowhere(missing, code));
    }
    true
}

/// Whether an address can be one of code. In a process with a JIT all memory without a file can,
/// whatever may be done with it at the moment, and what the JIT has named is.
fn may_be_code(snapshot: &Snapshot, mapping: Option<&Mapping>, code: Code) -> bool {
    let mut jit = snapshot.perf_map.borrow_mut();
    let mapped = mapping.is_some_and(|mapping| {
        mapping.is_code || (matches!(mapping.backing, Backing::Anonymous) && jit.exists())
    });
    mapped || jit.find(snapshot.pid, code.within()).is_some()
}

impl Resolved {
    /// Says how the stack ended, where something is missing. One that is not `whole` came to an address
    /// that is none of code: nothing returns there, the walk took a number for the frame pointer of the
    /// caller, and what it found from there on is as wrong.
    fn end(&mut self, end: StackEnd, whole: bool) {
        let end = if whole || end != StackEnd::Complete { end } else { StackEnd::FramePointers };
        self.frames.extend(Frame::end(end).map(Arc::new));
    }

    fn push(&mut self, frames: &Frames) {
        self.unresolved += frames.iter().filter(|frame| !frame.resolved).count();
        self.frames.extend(frames.iter().cloned());
    }
}

/// The frame of an address of a process whose address space was never seen.
fn nowhere(missing: Missing, code: Code) -> Frames {
    let label = match missing {
        Missing::Exited => "[exited]",
        Missing::Refused => "[not readable]",
    };
    frames::unresolved(FrameKind::User, label, code.address, None)
}

/// The last part of a path, without the kernel's mark of a deleted file.
fn base_name(path: &str) -> &str {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("[file]")
}
