//! Snapshots of the address spaces of processes, and what survives their end.

use super::address_space::{AddressSpace, Missing};
use super::binary::Binaries;
use super::bounded::Bounded;
use super::frames::Names;
use super::mapping::{Backing, Mapping};
use super::perf_map::PerfMap;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long stacks of a process that ended can still be resolved.
pub const KEEP_EXITED: Duration = Duration::from_secs(30);
/// How long it is known with what address space a process was born: one that lives longer is looked at
/// itself.
const KEEP_INHERITED: Duration = Duration::from_secs(60);
/// Half of the processes whose address space is kept at once.
const HALF_OF_LIVING: usize = 512;
/// Ended processes whose address space is kept at once, of a few KiB each; beyond it the one that ended
/// first goes. A build may end hundreds a second.
const MAX_EXITED: usize = 4_096;
/// Bytes of all that is kept of processes, about. Beyond, everything is forgotten and looked at anew
/// when it is needed: that much comes together only where many processes have tens of thousands of
/// mappings, or of functions made at run time.
const MAX_BYTES: usize = 1 << 30;
/// Age at which a snapshot is taken anew before it is used.
const STALE: Duration = Duration::from_secs(10);
/// Least age of a snapshot that is taken anew because an address is in none of its mappings. Doubles
/// while no library comes or goes, up to [`MAX_PATIENCE`]: programs without frame pointers have wild
/// addresses in nearly every stack.
const FIRST_PATIENCE: Duration = Duration::from_millis(100);
const MAX_PATIENCE: Duration = Duration::from_secs(4);

/// Start of a process that was not looked at.
const NOT_KNOWN: u64 = u64::MAX;

/// The address space of a process as it was at some time.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) pid: u32,
    /// When the process started, in clock ticks since boot: tells a PID that is used again. Or
    /// [`NOT_KNOWN`].
    started: u64,
    taken: Instant,
    patience: Duration,
    mappings: Rc<[Mapping]>,
    /// What its JIT wrote down; carried over while the process lives.
    pub(super) perf_map: Rc<RefCell<PerfMap>>,
}

impl Snapshot {
    fn new(
        space: AddressSpace,
        known: Option<&Self>,
        binaries: &mut Binaries,
        names: &mut Names,
    ) -> Self {
        let regions = space.regions.iter();
        let known = known.filter(|known| known.started == space.started);
        let mut snapshot = Self {
            pid: space.pid,
            started: space.started,
            taken: space.taken,
            patience: FIRST_PATIENCE,
            mappings: regions.map(|region| Mapping::new(region, binaries, names)).collect(),
            perf_map: known.map_or_else(Rc::default, |known| Rc::clone(&known.perf_map)),
        };
        if let Some(file) = space.perf_map {
            snapshot.perf_map.borrow_mut().is_written_to(file);
        }
        if let Some(known) = known.filter(|known| known.same_code(&snapshot)) {
            snapshot.patience = (known.patience * 2).min(MAX_PATIENCE);
        }
        snapshot
    }

    pub(super) fn mapping(&self, address: u64) -> Option<&Mapping> {
        let after = self.mappings.partition_point(|mapping| mapping.start <= address);
        self.mappings[..after].last().filter(|mapping| mapping.holds(address))
    }

    /// Bytes it takes, about.
    fn bytes(&self) -> usize {
        self.mappings.len() * size_of::<Mapping>() + self.perf_map.borrow().bytes()
    }

    /// Whether the same files are mapped at the same places.
    fn same_code(&self, other: &Self) -> bool {
        self.code().eq(other.code())
    }

    fn code(&self) -> impl Iterator<Item = (u64, u64, u32)> {
        self.mappings.iter().filter_map(|mapping| match &mapping.backing {
            Backing::Binary(binary) => Some((mapping.start, mapping.end, binary.serial.get())),
            _ => None,
        })
    }
}

/// The address spaces of every process that was asked for.
#[derive(Debug)]
pub(super) struct Processes {
    living: Bounded<u32, Rc<Snapshot>>,
    exited: FxHashMap<u32, Exited>,
    /// What processes were born with that were not looked at themselves, and when.
    inherited: Bounded<u32, (Instant, Rc<Snapshot>)>,
}

/// The last snapshot of a process that ended.
#[derive(Debug)]
struct Exited {
    at: Instant,
    snapshot: Rc<Snapshot>,
    /// We were told, and did not find out by looking. Being told of an end once more then means
    /// another process, or another program of this one, that was never looked at.
    told: bool,
}

impl Processes {
    pub(super) fn new() -> Self {
        Self {
            living: Bounded::new(HALF_OF_LIVING),
            exited: FxHashMap::default(),
            inherited: Bounded::new(HALF_OF_LIVING),
        }
    }

    /// The address space of a process, living or not.
    pub(super) fn find(
        &mut self,
        pid: u32,
        binaries: &mut Binaries,
        names: &mut Names,
    ) -> Result<Rc<Snapshot>, Missing> {
        match self.living.get(&pid).or_else(|| self.as_born(pid)) {
            Some(known) if known.taken.elapsed() < STALE => Ok(known),
            known => self.look(pid, known, binaries, names),
        }
    }

    /// The address space of a process that was looked at lately.
    pub(super) fn known(&mut self, pid: u32) -> Option<Rc<Snapshot>> {
        self.living.get(&pid).filter(|known| known.taken.elapsed() < STALE)
    }

    /// A process that was born lately, with the address space of its parent: that is mostly what it
    /// has, so it is not looked at for now. One with a JIT may have code of its own by now.
    fn as_born(&mut self, pid: u32) -> Option<Rc<Snapshot>> {
        if self.exited.contains_key(&pid) {
            return None;
        }
        let (since, parents) = self.inherited.get(&pid)?;
        if since.elapsed() >= STALE || parents.perf_map.borrow().exists() {
            return None;
        }
        let own = Rc::new(Snapshot {
            pid,
            started: NOT_KNOWN,
            taken: since,
            patience: FIRST_PATIENCE,
            mappings: Rc::clone(&parents.mappings),
            perf_map: Rc::default(),
        });
        self.living.insert(pid, Rc::clone(&own));
        Some(own)
    }

    /// The address space of a process in which an address was not found, read once more: it may
    /// have loaded a library since. `None` if that was tried too short ago to be tried again.
    pub(super) fn find_again(
        &mut self,
        missed: &Rc<Snapshot>,
        binaries: &mut Binaries,
        names: &mut Names,
    ) -> Option<Rc<Snapshot>> {
        let known = self.living.get(&missed.pid)?;
        if known.taken.elapsed() < known.patience {
            return None;
        }
        self.look(missed.pid, Some(known), binaries, names).ok()
    }

    fn look(
        &mut self,
        pid: u32,
        known: Option<Rc<Snapshot>>,
        binaries: &mut Binaries,
        names: &mut Names,
    ) -> Result<Rc<Snapshot>, Missing> {
        match AddressSpace::read(pid, &binaries.held) {
            Ok(space) => Ok(self.insert(space, known.as_deref(), binaries, names)),
            Err(missing) => {
                if let Some(known) = known {
                    self.retire(known);
                }
                let exited = self.exited.get(&pid).map(|exited| Rc::clone(&exited.snapshot));
                exited.or_else(|| self.inheritance(pid)).ok_or(missing)
            }
        }
    }

    /// A process was born, with the address space of its parent as that is known.
    /// Without a parent, it runs a program of its own.
    pub(super) fn born(&mut self, child: u32, parent: Option<u32>) {
        let of_parent =
            parent.and_then(|pid| self.living.get(&pid).or_else(|| self.inheritance(pid)));
        if parent.is_some() {
            // Another process had its PID before.
            self.exited.remove(&child);
        }
        match of_parent {
            Some(snapshot) => self.inherited.insert(child, (Instant::now(), snapshot)),
            None => drop(self.inherited.remove(&child)),
        }
    }

    fn inheritance(&mut self, pid: u32) -> Option<Rc<Snapshot>> {
        let (since, snapshot) = self.inherited.get(&pid)?;
        (since.elapsed() < KEEP_INHERITED).then_some(snapshot)
    }

    /// Takes in the address space of a process that was met, unless it is known as well or better.
    pub(super) fn adopt(
        &mut self,
        space: AddressSpace,
        binaries: &mut Binaries,
        names: &mut Names,
    ) {
        // Of one that was known as it was born only, the start is not known.
        if let Some(exited) = self.exited.get_mut(&space.pid)
            && [space.started, NOT_KNOWN].contains(&exited.snapshot.started)
        {
            // It had not ended when it was met, and has since.
            if exited.snapshot.taken < space.taken {
                let known = Rc::clone(&exited.snapshot);
                exited.snapshot = Rc::new(Snapshot::new(space, Some(&known), binaries, names));
            }
            return;
        }
        let known = self.living.get(&space.pid);
        if known.as_ref().is_none_or(|known| known.taken < space.taken) {
            self.insert(space, known.as_deref(), binaries, names);
        }
    }

    fn insert(
        &mut self,
        space: AddressSpace,
        known: Option<&Snapshot>,
        binaries: &mut Binaries,
        names: &mut Names,
    ) -> Rc<Snapshot> {
        let snapshot = Rc::new(Snapshot::new(space, known, binaries, names));
        self.exited.remove(&snapshot.pid);
        self.living.insert(snapshot.pid, Rc::clone(&snapshot));
        snapshot
    }

    /// A process ended.
    pub(super) fn ended(&mut self, pid: u32) {
        if let Some(known) = self.living.get(&pid) {
            self.retire(known);
        } else if self.exited.get(&pid).is_some_and(|exited| exited.told) {
            self.exited.remove(&pid);
        }
        if let Some(exited) = self.exited.get_mut(&pid) {
            exited.told = true;
        }
    }

    /// A process replaced its program at that time. What was seen before is void, and it is looked at
    /// anew if it is still there.
    pub(super) fn forget(
        &mut self,
        pid: u32,
        at: Instant,
        binaries: &mut Binaries,
        names: &mut Names,
    ) {
        if self.exited.get(&pid).is_some_and(|exited| exited.snapshot.taken < at) {
            self.exited.remove(&pid);
        }
        let known = self.living.get(&pid);
        if known.is_some_and(|known| known.taken < at) {
            self.living.remove(&pid);
            let _ = self.look(pid, None, binaries, names);
        }
    }

    pub(super) fn forget_all(&mut self) {
        self.living.clear();
        self.exited.clear();
        self.inherited.clear();
    }

    /// Drops what is kept of processes that ended long ago, and finds those whose end nobody told.
    pub(super) fn sweep(&mut self) {
        self.sweep_beyond(MAX_BYTES);
    }

    pub(super) fn sweep_beyond(&mut self, bytes: usize) {
        self.exited.retain(|_, exited| exited.at.elapsed() < KEEP_EXITED);
        let gone = |pid: &&u32| !std::path::Path::new(&format!("/proc/{pid}")).exists();
        let gone: Vec<u32> = self.living.keys().filter(gone).copied().collect();
        for snapshot in gone.iter().filter_map(|pid| self.living.get(pid)).collect::<Vec<_>>() {
            self.retire(snapshot);
        }
        if self.bytes() > bytes {
            tracing::info!("forgetting the address spaces of all processes: they take too much");
            self.forget_all();
        }
    }

    fn bytes(&self) -> usize {
        let living = self.living.values().map(|snapshot| snapshot.bytes());
        let exited = self.exited.values().map(|exited| exited.snapshot.bytes());
        living.chain(exited).sum()
    }

    fn retire(&mut self, snapshot: Rc<Snapshot>) {
        self.living.remove(&snapshot.pid);
        if self.exited.len() >= MAX_EXITED
            && let Some(first) = self.exited.iter().min_by_key(|(_, exited)| exited.at)
        {
            let pid = *first.0;
            self.exited.remove(&pid);
        }
        let exited = Exited { at: Instant::now(), snapshot, told: false };
        self.exited.insert(exited.snapshot.pid, exited);
    }
}
