//! Waits that user space found, and that the programs take over when they meet the thread.

use super::map::{self, TypedMap};
use super::unchanged::Unchanged;
use aya::Ebpf;
use rustc_hash::{FxHashMap, FxHashSet};
use std::io;
use syscope_shared::offcpu::Waiting;

/// The `SEEDED` map.
pub struct Seeded {
    map: TypedMap<u32, Waiting>,
    /// What is in it, as of the last look: of thousands of threads that sleep on, nothing changes.
    known: FxHashMap<u32, Waiting>,
    unchanged: Unchanged,
    /// Waits that found no room.
    full: u64,
}

impl Seeded {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        let map = map::typed(programs, "SEEDED")?;
        let (known, unchanged) = Default::default();
        Ok(Self { map, known, unchanged, full: 0 })
    }

    /// Finds out which are still there. `written`: how often the programs have taken some out, where that is known.
    pub fn look(&mut self, written: Option<u64>) -> io::Result<()> {
        if self.unchanged.since(written) || self.known.is_empty() {
            return Ok(());
        }
        let Self { map, known, unchanged, .. } = self;
        known.clear();
        let read = map.for_each(|tid, wait| _ = known.insert(tid, wait[0]));
        read.inspect_err(|_| *unchanged = Unchanged::default())
    }

    /// Whether this thread's wait was seeded and not taken over.
    pub fn has(&self, tid: u32) -> bool {
        !self.known.is_empty() && self.known.contains_key(&tid)
    }

    /// By thread.
    pub fn iter(&self) -> impl Iterator<Item = (&u32, &Waiting)> {
        self.known.iter()
    }

    /// Enters a wait of a thread that is asleep. Where there is no room, that is counted.
    pub fn enter(&mut self, tid: u32, wait: &Waiting) -> io::Result<()> {
        match self.map.set(&tid, wait) {
            Ok(()) => _ = self.known.insert(tid, *wait),
            Err(error) if error.raw_os_error() == Some(libc::E2BIG) => self.full += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits that found no room.
    pub fn full(&self) -> u64 {
        self.full
    }

    /// Takes out what is there of processes that have ended: a thread may have ended just before it was entered.
    pub fn free(&mut self, pids: &FxHashSet<u32>) {
        let map = &self.map;
        self.known.retain(|tid, wait| {
            let has_ended = pids.contains(&wait.key.pid);
            if has_ended && let Err(error) = map.delete(tid) {
                tracing::warn!(%error, "a wait of an ended process stays in its map");
            }
            !has_ended
        });
    }

    /// Takes a wait out that was entered at this time.
    pub fn take_out(&mut self, tid: u32, since_ns: u64) -> io::Result<()> {
        match self.map.get(&tid) {
            Ok(wait) if wait.since_ns == since_ns => {
                self.known.remove(&tid);
                self.map.delete(&tid)
            }
            _ => Ok(()),
        }
    }
}
