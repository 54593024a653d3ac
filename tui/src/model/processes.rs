//! Processes, living and recently ended.

use crate::source::{ProcessEvent, ProcessSeen};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// Identity of a process: PIDs are reused, a PID with its start time is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcKey {
    /// PID.
    pub pid: u32,
    /// When it started, in ns; for a process whose start was not seen, when it was first heard of.
    pub start_ns: u64,
}

/// One process.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Identity.
    pub key: ProcKey,
    /// PID of its parent at its birth.
    pub parent: u32,
    /// Name. `?` for a process of which only its PID is known.
    pub comm: String,
    /// Command line; empty for kernel threads, and where it is not known.
    pub cmdline: String,
    /// When it ended, in ns.
    pub exited_ns: Option<u64>,
    /// PIDs of its ancestors, nearest first, as of its birth.
    pub lineage: Arc<[u32]>,
}

impl From<&Process> for ProcessSeen {
    fn from(process: &Process) -> Self {
        Self {
            pid: process.key.pid,
            parent: process.parent,
            start_ns: process.key.start_ns,
            comm: process.comm.clone(),
            cmdline: process.cmdline.clone(),
            ancestors: process.lineage.to_vec(),
        }
    }
}

/// Ancestors that are remembered of a process.
const LINEAGE_MAX: usize = 64;

/// All processes that are known.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    all: FxHashMap<ProcKey, Process>,
    /// The last process that had a PID. An ended one stays until the PID is reused or it is
    /// forgotten: its last counts come after its end.
    latest: FxHashMap<u32, ProcKey>,
    dead: VecDeque<ProcKey>,
    /// How often a process has got another name, and which ones were the last of those.
    renames: u64,
    renamed: VecDeque<ProcKey>,
}

/// So many processes that have got another name are remembered.
const RENAMED: usize = 1_024;

impl Processes {
    /// Takes an event in.
    pub fn fold(&mut self, event: ProcessEvent) {
        match event {
            ProcessEvent::Seen(seen) => self.see(seen),
            ProcessEvent::Fork { time_ns, pid, parent, comm } => {
                let cmdline = self.living(parent).map(|p| p.cmdline.clone()).unwrap_or_default();
                let start_ns = time_ns;
                self.insert(ProcessSeen {
                    pid,
                    parent,
                    start_ns,
                    comm,
                    cmdline,
                    ancestors: Vec::new(),
                });
            }
            ProcessEvent::Exec { time_ns, pid, comm, cmdline } => {
                let key = self.key_of(pid, time_ns);
                self.rename(key, comm, cmdline);
            }
            ProcessEvent::Exit { time_ns, pid } => {
                if self.ended_by(&event).is_some()
                    && let Some(key) = self.living(pid).map(|process| process.key)
                {
                    self.end(key, time_ns);
                }
            }
        }
    }

    /// The process that has this PID, or had it last; one that was never heard of is made known
    /// as `?`.
    pub fn key_of(&mut self, pid: u32, now_ns: u64) -> ProcKey {
        if let Some(key) = self.latest.get(&pid) {
            return *key;
        }
        self.insert(ProcessSeen {
            pid,
            start_ns: now_ns,
            comm: "?".to_owned(),
            ..ProcessSeen::default()
        });
        self.latest[&pid]
    }

    /// The PID of a process that ends by an event, or had ended untold before it: another has its PID.
    /// To be asked before the event is folded.
    pub fn ended_by(&self, event: &ProcessEvent) -> Option<u32> {
        match event {
            ProcessEvent::Fork { pid, .. } => Some(*pid),
            ProcessEvent::Seen(seen) => self.latest(seen.pid)?.exited_ns.map(|_| seen.pid),
            ProcessEvent::Exit { time_ns, pid } => {
                // One that was born later is another with the same PID.
                let later =
                    self.living(*pid).is_some_and(|process| process.key.start_ns > *time_ns);
                (!later).then_some(*pid)
            }
            ProcessEvent::Exec { .. } => None,
        }
    }

    /// The process with this identity.
    pub fn get(&self, key: ProcKey) -> Option<&Process> {
        self.all.get(&key)
    }

    /// The living process with this PID.
    pub fn living(&self, pid: u32) -> Option<&Process> {
        let process = self.all.get(self.latest.get(&pid)?)?;
        process.exited_ns.is_none().then_some(process)
    }

    /// The process that has this PID, or had it last, if it is not forgotten.
    pub fn latest(&self, pid: u32) -> Option<&Process> {
        self.all.get(self.latest.get(&pid)?)
    }

    /// Whether a process with this PID was ever heard of, and not forgotten.
    pub fn has(&self, pid: u32) -> bool {
        self.latest.contains_key(&pid)
    }

    /// All processes, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.all.values()
    }

    /// The living processes, in no order.
    pub fn iter_living(&self) -> impl Iterator<Item = &Process> {
        self.all.values().filter(|process| process.exited_ns.is_none())
    }

    /// The processes that ended and are not forgotten; one that was heard of again after its end may be
    /// among them.
    pub fn iter_ended(&self) -> impl Iterator<Item = &Process> {
        self.dead.iter().filter_map(|key| self.all.get(key))
    }

    /// Removes the longest-dead processes until no more than `bound` dead ones are left.
    pub fn forget_beyond(&mut self, bound: usize) -> Vec<ProcKey> {
        let excess = self.dead.len().saturating_sub(bound);
        let keys: Vec<_> = self.dead.drain(..excess).collect();
        for key in &keys {
            // One that was heard of again after its end lives.
            if self.all.get(key).is_some_and(|process| process.exited_ns.is_none()) {
                continue;
            }
            if self.all.remove(key).is_some() {
                self.note_rename(*key);
            }
            if self.latest.get(&key.pid) == Some(key) {
                self.latest.remove(&key.pid);
            }
        }
        keys
    }

    fn see(&mut self, seen: ProcessSeen) {
        let known = self.living(seen.pid).map(|process| process.key);
        let lineage = self.lineage_of(&seen);
        // `/proc` gives start times in clock ticks: no reason to think it another process.
        let Some(key) = known else { return self.insert(seen) };
        self.rename(key, seen.comm, seen.cmdline);
        if let Some(known) = self.all.get_mut(&key)
            && known.parent == 0
        {
            known.parent = seen.parent;
            known.lineage = lineage;
        }
    }

    fn rename(&mut self, key: ProcKey, comm: String, cmdline: String) {
        let Some(process) = self.all.get_mut(&key) else { return };
        process.cmdline = cmdline;
        if process.comm != comm {
            process.comm = comm;
            self.note_rename(key);
        }
    }

    fn note_rename(&mut self, key: ProcKey) {
        self.renames += 1;
        self.renamed.push_back(key);
        if self.renamed.len() > RENAMED {
            self.renamed.pop_front();
        }
    }

    /// How often a process has got another name.
    pub fn renames(&self) -> u64 {
        self.renames
    }

    /// The processes that have got another name since there were so many [`Processes::renames`]; `None`
    /// where not all of them are remembered.
    pub fn renamed_since(&self, renames: u64) -> Option<impl Iterator<Item = &ProcKey>> {
        let new = usize::try_from(self.renames.checked_sub(renames)?).ok()?;
        Some(self.renamed.range(self.renamed.len().checked_sub(new)?..))
    }

    fn insert(&mut self, seen: ProcessSeen) {
        let lineage = self.lineage_of(&seen);
        let key = ProcKey { pid: seen.pid, start_ns: seen.start_ns };
        // A PID that comes back without an exit event: the exit was lost.
        if let Some(old) = self.living(seen.pid).map(|process| process.key) {
            self.end(old, seen.start_ns);
        }
        self.latest.insert(seen.pid, key);
        let process = Process {
            key,
            parent: seen.parent,
            comm: seen.comm,
            cmdline: seen.cmdline,
            exited_ns: None,
            lineage,
        };
        self.all.insert(key, process);
        // It may have been known before, by another name.
        self.note_rename(key);
    }

    fn lineage_of(&self, seen: &ProcessSeen) -> Arc<[u32]> {
        match &seen.ancestors[..] {
            [] => self.lineage_below(seen.parent),
            known => known.iter().copied().take(LINEAGE_MAX).collect(),
        }
    }

    /// The ancestors of a child of this process. 0 is none: the parent is not known, or there is none.
    fn lineage_below(&self, parent: u32) -> Arc<[u32]> {
        if parent == 0 {
            return Arc::default();
        }
        let above = self.living(parent).map_or(&[][..], |process| &process.lineage);
        std::iter::once(parent).chain(above.iter().copied()).take(LINEAGE_MAX).collect()
    }

    fn end(&mut self, key: ProcKey, time_ns: u64) {
        if let Some(process) = self.all.get_mut(&key) {
            process.exited_ns = Some(time_ns);
            self.dead.push_back(key);
        }
    }
}
