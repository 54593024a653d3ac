//! What a writer remembers of the batches so far, to tell it again at a key.

use super::limits::{ENDED_NS, STACK_UNUSED_NS, STACKS_KEPT, STACKS_MAX};
use super::tell::Telling;
use crate::model::{Process, Processes};
use crate::source::{Batch, Health, ProcessEvent, ProcessSeen, ResolvedStack, StackId, WaitingNow};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// How long it is remembered whose a stack is that was not told yet, in ns. Most are told within
/// moments.
const AWAITED_NS: u64 = 60_000_000_000;

/// All that is remembered.
#[derive(Debug, Default)]
pub struct Memory {
    processes: Processes,
    stacks: FxHashMap<StackId, Remembered>,
    /// User stacks that were used and not told yet: their process, and when that was, in ns.
    awaited: FxHashMap<StackId, (u32, u64)>,
    /// The last list of waits.
    pub waiting: Option<Vec<WaitingNow>>,
    /// PIDs of which a process has ended since that was told: it does not wait any more.
    ended: FxHashSet<u32>,
    health: Health,
    /// End of the last batch, in ns; `None` before the first.
    time_ns: Option<u64>,
}

#[derive(Debug)]
struct Remembered {
    /// `None`: it was forgotten.
    stack: Option<Arc<ResolvedStack>>,
    /// When it was last used, in ns.
    used_ns: u64,
    /// The process whose user stack it is; 0 when none is known.
    pid: u32,
}

/// How a stack that was not told since the key is told.
#[derive(Debug)]
pub enum Recall {
    /// Again.
    Again(Arc<ResolvedStack>),
    /// As forgotten.
    Forgotten,
    /// Not at all: it was never told. It is being looked up, perhaps.
    Never,
}

impl Memory {
    /// Takes a batch in.
    pub fn follow(&mut self, batch: &Batch, cmdlines: bool) {
        // As the model does: exits last.
        let is_exit = |event: &&ProcessEvent| matches!(event, ProcessEvent::Exit { .. });
        let is_read = batch.waiting.is_some();
        for event in batch.processes.iter().filter(|event| !is_exit(event)) {
            self.follow_process(without_cmdline(event, cmdlines), is_read);
        }
        if let Some(waiting) = &batch.waiting {
            self.waiting = Some(waiting.clone());
            self.ended.clear();
        }
        for event in batch.processes.iter().filter(is_exit) {
            self.follow_process(event.clone(), is_read);
        }
        self.health.clone_from(&batch.health);
        self.time_ns = Some(batch.time_ns);
    }

    fn follow_process(&mut self, event: ProcessEvent, is_read: bool) {
        if !is_read && self.waiting.as_ref().is_some_and(|waiting| !waiting.is_empty()) {
            self.ended.extend(self.processes.ended_by(&event));
        }
        self.processes.fold(event);
    }

    /// Remembers a stack that is told.
    pub fn keep(&mut self, stack: &Arc<ResolvedStack>, now_ns: u64) {
        let pid = self.awaited.remove(&stack.id).map_or(0, |(pid, _)| pid);
        let entry = self.stacks.entry(stack.id);
        let remembered = entry.or_insert(Remembered { stack: None, used_ns: now_ns, pid });
        remembered.stack = Some(Arc::clone(stack));
        remembered.used_ns = now_ns;
    }

    /// Remembers that a stack is used, and says how it is to be told again. `pid` is the process whose
    /// user stack it is, 0 for a kernel stack.
    pub fn recall(&mut self, id: StackId, pid: u32, now_ns: u64, told: &Telling) -> Recall {
        let Some(remembered) = self.stacks.get_mut(&id) else {
            if pid != 0 {
                self.awaited.insert(id, (pid, now_ns));
            }
            return Recall::Never;
        };
        remembered.used_ns = now_ns;
        remembered.pid = pid;
        if told.stacks.contains(&id) {
            return Recall::Never;
        }
        remembered.stack.clone().map_or(Recall::Forgotten, Recall::Again)
    }

    /// What was so before the next batch; empty when there was none before it.
    pub fn before(&mut self) -> Batch {
        let Some(time_ns) = self.time_ns else { return Batch::default() };
        let ended = std::mem::take(&mut self.ended);
        if let Some(waiting) = &mut self.waiting {
            waiting.retain(|wait| !ended.contains(&wait.pid));
        }
        Batch {
            time_ns,
            processes: self.processes(time_ns),
            waiting: self.waiting.clone(),
            health: self.health.clone(),
            ..Batch::default()
        }
    }

    /// The processes that live, parents first, and those that ended lately, unless their PID is
    /// another's by now.
    fn processes(&self, now_ns: u64) -> Vec<ProcessEvent> {
        let lately = |process: &&Process| match process.exited_ns {
            None => true,
            Some(exited_ns) => {
                exited_ns >= now_ns.saturating_sub(ENDED_NS)
                    && self.processes.living(process.key.pid).is_none()
            }
        };
        let mut all: Vec<&Process> = self.processes.iter().filter(lately).collect();
        all.sort_unstable_by_key(|process| (process.key.start_ns, process.key.pid));
        let mut events: Vec<_> = parents_first(&all)
            .into_iter()
            .map(|process| ProcessEvent::Seen(process.into()))
            .collect();
        let ended = all.iter().filter_map(|process| {
            Some(ProcessEvent::Exit { time_ns: process.exited_ns?, pid: process.key.pid })
        });
        events.extend(ended);
        events
    }

    /// Forgets what is not needed any more. To be called at keys, after [`Memory::before`].
    pub fn forget_old(&mut self) {
        let Some(now_ns) = self.time_ns else { return };
        let oldest_ns = now_ns.saturating_sub(ENDED_NS);
        let recent = |process: &&Process| process.exited_ns.is_some_and(|end| end >= oldest_ns);
        let dead = self.processes.iter().filter(recent).count();
        self.processes.forget_beyond(dead);
        let ended = |remembered: &Remembered| {
            remembered.pid != 0
                && !self.processes.has(remembered.pid)
                && remembered.used_ns < oldest_ns
        };
        self.stacks.retain(|_, remembered| !ended(remembered));
        let oldest_ns = now_ns.saturating_sub(AWAITED_NS);
        self.awaited.retain(|_, (_, used_ns)| *used_ns >= oldest_ns);
        self.forget_unused(now_ns);
    }

    fn forget_unused(&mut self, now_ns: u64) {
        if self.stacks.len() <= STACKS_KEPT {
            return;
        }
        let oldest_ns = now_ns.saturating_sub(STACK_UNUSED_NS);
        for remembered in self.stacks.values_mut().filter(|entry| entry.used_ns < oldest_ns) {
            remembered.stack = None;
        }
        let excess = self.stacks.len().saturating_sub(STACKS_MAX);
        if excess > 0 {
            let mut by_age: Vec<_> =
                self.stacks.iter().map(|(id, entry)| (entry.used_ns, *id)).collect();
            by_age.sort_unstable();
            for (_, id) in by_age.into_iter().take(excess) {
                self.stacks.remove(&id);
            }
        }
    }
}

fn without_cmdline(event: &ProcessEvent, cmdlines: bool) -> ProcessEvent {
    let mut event = event.clone();
    if !cmdlines
        && let ProcessEvent::Seen(ProcessSeen { cmdline, .. }) | ProcessEvent::Exec { cmdline, .. } =
            &mut event
    {
        cmdline.clear();
    }
    event
}

/// The same processes, each behind its parent. Start times alone do not tell: those from `/proc` are
/// rounded.
fn parents_first<'a>(all: &[&'a Process]) -> Vec<&'a Process> {
    let by_pid: FxHashMap<u32, &Process> =
        all.iter().map(|process| (process.key.pid, *process)).collect();
    let mut done = FxHashSet::default();
    let mut ordered = Vec::with_capacity(all.len());
    for process in all {
        let mut line = Vec::new();
        let mut next = Some(*process);
        while let Some(process) = next
            && done.insert(process.key)
        {
            line.push(process);
            next = by_pid.get(&process.parent).copied();
        }
        ordered.extend(line.into_iter().rev());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Frame, OffcpuDelta, WaitState};

    const SECOND: u64 = 1_000_000_000;

    /// As the encoder does.
    fn take(memory: &mut Memory, batch: &Batch) {
        memory.follow(batch, true);
        for stack in &batch.stacks {
            memory.keep(stack, batch.time_ns);
        }
        for delta in &batch.offcpu {
            memory.recall(delta.user_stack, delta.pid, batch.time_ns, &Telling::default());
        }
    }

    #[test]
    fn stacks_of_short_lived_processes_go_with_them_however_late_they_are_told() {
        let mut memory = Memory::default();
        for n in 0..200 {
            let (pid, time_ns) = (100 + n, u64::from(n) * SECOND);
            let user_stack = StackId(1_000 + n);
            let used = OffcpuDelta {
                pid,
                state: WaitState::Interruptible,
                kernel_stack: StackId::NONE,
                user_stack,
                blocked_ns: 1,
                runqueue_ns: 0,
                waits: 1,
            };
            let frames = vec![Arc::new(Frame::note("late"))];
            // Told with the use, or with the batch after it.
            let told = StackId(if n % 2 == 0 { user_stack.0 } else { user_stack.0 - 2 });
            let seen =
                ProcessEvent::Seen(ProcessSeen { pid, start_ns: 1, ..ProcessSeen::default() });
            take(
                &mut memory,
                &Batch {
                    time_ns,
                    processes: vec![seen, ProcessEvent::Exit { time_ns, pid }],
                    stacks: vec![Arc::new(ResolvedStack { id: told, frames })],
                    offcpu: vec![used],
                    ..Batch::default()
                },
            );
            memory.forget_old();
        }
        assert!(memory.stacks.len() < 10, "{} stacks are remembered", memory.stacks.len());
        assert!(memory.awaited.len() < 100, "{} are awaited", memory.awaited.len());
    }
}
