//! What the worker and its thread share: stacks that wait, stacks that are finished, counters.

use super::Request;
use super::address_space::AddressSpace;
use crate::source::{Frame, ResolvedStack};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Forgotten processes that may wait for the thread. When there are more, all are forgotten.
const MAX_FORGETS: usize = 65_536;

/// Processes that may wait to be met; others are looked at when a stack of theirs is looked up.
const MAX_MEETINGS: usize = 65_536;
/// Address spaces that may wait for the thread; beyond, the oldest goes. They wait only while it is busy
/// with one file for long.
const MAX_MET: usize = 1_024;

/// Frame of a stack that was given up.
pub(super) const SKIPPED: &str = "[symbols skipped: too many stacks at once]";

/// One piece of work.
#[derive(Debug)]
pub(super) enum Job {
    Stack(Request),
    /// A process replaced its program, and when.
    Forget(u32, Instant),
    ForgetAll,
    /// A child, and its parent; without one, it runs a program of its own.
    Born(u32, Option<u32>),
    /// A process ended.
    Ended(u32),
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    stacks: usize,
    /// Processes to be met, and the same to tell quickly which.
    meetings: VecDeque<u32>,
    to_meet: FxHashSet<u32>,
    /// A thread looks at one that was to be met.
    meeting: bool,
    /// Processes that are being looked at: one a thread that does so.
    looks: Vec<Look>,
    looks_begun: u64,
    met: VecDeque<AddressSpace>,
    fetched: Vec<Fetched>,
    stop: bool,
}

/// A process that is being looked at.
#[derive(Debug)]
struct Look {
    number: u64,
    pid: u32,
    /// When it replaced its program, if that was told meanwhile.
    replaced: Option<Instant>,
}

/// A build id for which a debug file was wanted, and the path of that, if there is one.
pub(super) type Fetched = (Arc<str>, Option<PathBuf>);

/// Work for the thread.
#[derive(Debug)]
pub(super) struct Work {
    /// Processes as they were before the jobs: to be taken in first.
    pub(super) met: VecDeque<AddressSpace>,
    /// What a server answered.
    pub(super) fetched: Vec<Fetched>,
    /// In order.
    pub(super) jobs: Vec<Job>,
}

impl Waiting {
    fn take_oldest(&mut self, count: usize) -> Vec<Request> {
        if count == 0 {
            return Vec::new();
        }
        let mut taken = Vec::with_capacity(count);
        let mut kept = VecDeque::with_capacity(self.jobs.len());
        for job in self.jobs.drain(..) {
            match job {
                Job::Stack(request) if taken.len() < count => taken.push(request),
                job => kept.push_back(job),
            }
        }
        self.stacks -= taken.len();
        self.jobs = kept;
        taken
    }
}

/// A mutex that is held only for moves of memory on both sides (so that handing over never waits
/// for a look-up) instead of a channel: the oldest stack has to be dropped by whoever hands over
/// too many, also while the thread is busy with one file for long.
#[derive(Debug)]
pub(super) struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    asked_to_meet: Condvar,
    finished: Mutex<Vec<Arc<ResolvedStack>>>,
    max_stacks: usize,
    pending: AtomicUsize,
    fetching: AtomicUsize,
    dropped: AtomicU64,
    unresolved_kernel: AtomicU64,
    unresolved_user: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(max_stacks: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            asked_to_meet: Condvar::new(),
            finished: Mutex::default(),
            max_stacks,
            pending: AtomicUsize::new(0),
            fetching: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            unresolved_kernel: AtomicU64::new(0),
            unresolved_user: AtomicU64::new(0),
        }
    }

    pub(super) fn request(&self, stacks: Vec<Request>) {
        if stacks.is_empty() {
            return;
        }
        self.pending.fetch_add(stacks.len(), Ordering::AcqRel);
        let mut waiting = lock(&self.waiting);
        waiting.stacks += stacks.len();
        waiting.jobs.extend(stacks.into_iter().map(Job::Stack));
        let excess = waiting.stacks.saturating_sub(self.max_stacks);
        let given_up = waiting.take_oldest(excess);
        drop(waiting);
        self.arrived.notify_one();
        self.give_up(&given_up);
    }

    fn give_up(&self, stacks: &[Request]) {
        if stacks.is_empty() {
            return;
        }
        self.dropped.fetch_add(stacks.len() as u64, Ordering::Relaxed);
        let note = Arc::new(Frame::note(SKIPPED));
        let answer = |stack: &Request| {
            Arc::new(ResolvedStack { id: stack.id, frames: vec![Arc::clone(&note)] })
        };
        self.answer(stacks.iter().map(answer).collect(), stacks.len());
    }

    /// Has a process looked at soon.
    pub(super) fn meet(&self, pid: u32) {
        let mut waiting = lock(&self.waiting);
        if waiting.meetings.len() < MAX_MEETINGS && waiting.to_meet.insert(pid) {
            waiting.meetings.push_back(pid);
            drop(waiting);
            self.asked_to_meet.notify_one();
        }
    }

    /// The next process to look at; `None` when the thread that does so should end.
    pub(super) fn next_to_meet(&self) -> Option<u32> {
        let mut waiting = lock(&self.waiting);
        waiting.meeting = false;
        let mut waiting = self
            .asked_to_meet
            .wait_while(waiting, |w| w.meetings.is_empty() && !w.stop)
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.stop {
            return None;
        }
        let pid = waiting.meetings.pop_front()?;
        waiting.to_meet.remove(&pid);
        waiting.meeting = true;
        Some(pid)
    }

    /// A look at a process begins: its number.
    pub(super) fn look_begins(&self, pid: u32) -> u64 {
        let mut waiting = lock(&self.waiting);
        let number = waiting.looks_begun;
        waiting.looks_begun += 1;
        waiting.looks.push(Look { number, pid, replaced: None });
        number
    }

    /// A look has ended: when the process replaced its program, if that was told meanwhile.
    pub(super) fn look_ends(&self, number: u64) -> Option<Instant> {
        let mut waiting = lock(&self.waiting);
        let index = waiting.looks.iter().position(|look| look.number == number)?;
        waiting.looks.swap_remove(index).replaced
    }

    /// A process was looked at.
    pub(super) fn met(&self, space: AddressSpace) {
        let mut waiting = lock(&self.waiting);
        if waiting.met.len() >= MAX_MET {
            waiting.met.pop_front();
        }
        waiting.met.push_back(space);
    }

    /// Processes that were to be met and are not looked at yet.
    #[cfg(test)]
    pub(super) fn meetings_left(&self) -> usize {
        let waiting = lock(&self.waiting);
        waiting.meetings.len() + usize::from(waiting.meeting)
    }

    /// A process replaced its program at that time.
    pub(super) fn forget(&self, pid: u32, at: Instant) {
        for look in lock(&self.waiting).looks.iter_mut().filter(|look| look.pid == pid) {
            look.replaced = Some(at);
        }
        self.change(Job::Forget(pid, at));
    }

    /// A process ended.
    pub(super) fn ended(&self, pid: u32) {
        self.change(Job::Ended(pid));
    }

    fn change(&self, job: Job) {
        let mut waiting = lock(&self.waiting);
        if waiting.jobs.len() - waiting.stacks >= MAX_FORGETS {
            waiting.jobs.retain(|job| matches!(job, Job::Stack(_)));
            waiting.jobs.push_back(Job::ForgetAll);
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.arrived.notify_one();
    }

    pub(super) fn born(&self, child: u32, parent: Option<u32>) {
        let mut waiting = lock(&self.waiting);
        // Where so much waits, what a child inherits matters least.
        if parent.is_none() || waiting.jobs.len() - waiting.stacks < MAX_FORGETS / 2 {
            waiting.jobs.push_back(Job::Born(child, parent));
        }
    }

    pub(super) fn stop(&self) {
        lock(&self.waiting).stop = true;
        self.arrived.notify_one();
        self.asked_to_meet.notify_one();
    }

    /// The next work; no jobs after `patience` without any; `None` when the thread should end.
    pub(super) fn take(&self, most: usize, patience: Duration) -> Option<Work> {
        let waiting = lock(&self.waiting);
        let (mut waiting, _) = self
            .arrived
            .wait_timeout_while(waiting, patience, |w| {
                w.jobs.is_empty() && w.fetched.is_empty() && !w.stop
            })
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.stop {
            return None;
        }
        let count = most.min(waiting.jobs.len());
        let jobs: Vec<Job> = waiting.jobs.drain(..count).collect();
        waiting.stacks -= jobs.iter().filter(|job| matches!(job, Job::Stack(_))).count();
        let fetched = std::mem::take(&mut waiting.fetched);
        Some(Work { met: std::mem::take(&mut waiting.met), fetched, jobs })
    }

    /// A debug file is wanted.
    pub(super) fn fetch_began(&self) {
        self.fetching.fetch_add(1, Ordering::AcqRel);
    }

    /// A server was asked for one: here it is, or none.
    pub(super) fn fetched(&self, build_id: Arc<str>, path: Option<PathBuf>) {
        lock(&self.waiting).fetched.push((build_id, path));
        self.arrived.notify_one();
    }

    /// What came of that is told.
    pub(super) fn fetches_told(&self, count: usize) {
        self.fetching.fetch_sub(count, Ordering::AcqRel);
    }

    /// Debug files that are wanted, and not told of.
    pub(super) fn fetching(&self) -> usize {
        self.fetching.load(Ordering::Acquire)
    }

    /// Whether the threads should end.
    pub(super) fn is_stopped(&self) -> bool {
        lock(&self.waiting).stop
    }

    /// Delivers stacks, `requested` of which somebody still waits for.
    pub(super) fn answer(&self, stacks: Vec<Arc<ResolvedStack>>, requested: usize) {
        lock(&self.finished).extend(stacks);
        // After the delivery: who sees no stack pending finds all of them finished.
        self.pending.fetch_sub(requested, Ordering::AcqRel);
    }

    pub(super) fn count_unresolved(&self, kernel: u64, user: u64) {
        self.unresolved_kernel.fetch_add(kernel, Ordering::Relaxed);
        self.unresolved_user.fetch_add(user, Ordering::Relaxed);
    }

    pub(super) fn finished(&self) -> Vec<Arc<ResolvedStack>> {
        std::mem::take(&mut *lock(&self.finished))
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.load(Ordering::Acquire)
    }

    pub(super) fn unresolved(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.unresolved_kernel), read(&self.unresolved_user))
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
