//! Where the code of each process lies, in the `PROCESSES` and `SEGMENTS` maps.

use super::maps::Maps;
use super::room::Room;
use super::space::{Mapped, Range, Space, python, segment};
use super::store::Store;
use crate::symbols::CodeFile;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use syscope_shared::unwind::{NO_TABLE, NOT_READY, Process, SEGMENTS_MAX, Segment};

/// Least time between two looks at a process because of an address that is in none of its segments.
/// Doubles while nothing new is found, up to [`MAX_PATIENCE`].
const FIRST_PATIENCE: Duration = Duration::from_millis(100);
const MAX_PATIENCE: Duration = Duration::from_secs(8);

/// How long a program maps its libraries at most, mostly.
const BEGINNING: Duration = Duration::from_millis(100);
/// How long those are kept that ended: longer than a copy of their stacks is on its way and waits.
const KEEP_GONE: Duration = Duration::from_secs(10);
/// How many of them at most.
const GONE_MAX: usize = 4 * 1024;

/// All processes that were met.
pub struct Spaces {
    by_pid: FxHashMap<u32, Space>,
    /// Those that ended, or were replaced by another program of their process, oldest first: copies of
    /// their stacks may still come.
    gone: VecDeque<(Instant, u32, Space)>,
    room: Room,
    /// Times that there was no room for all code of a process.
    pub no_room: u64,
}

impl Spaces {
    /// None yet, with room for so many segments.
    pub fn new(segments: usize) -> Self {
        Self {
            by_pid: FxHashMap::default(),
            gone: VecDeque::new(),
            room: Room::new(segments),
            no_room: 0,
        }
    }

    /// Processes that are known.
    pub fn len(&self) -> usize {
        self.by_pid.len()
    }

    /// Whether a look at this process is due. Being asked twice for one thing is common.
    pub fn wants_look(&self, pid: u32, exec_id: u32) -> bool {
        let Some(space) = self.by_pid.get(&pid) else { return true };
        space.exec_id != exec_id || space.tells || space.looked.elapsed() >= space.patience
    }

    /// Whether all tables of a process are made.
    pub fn is_ready(&self, pid: u32, exec_id: u32) -> bool {
        match self.by_pid.get(&pid).filter(|space| space.exec_id == exec_id) {
            Some(space) => !space.waits,
            None => self.gone(pid, exec_id).is_some_and(|space| !space.waits),
        }
    }

    /// The segments of a process; `None` where nothing is known of it.
    pub fn segments(&self, pid: u32, exec_id: u32) -> Option<&[Segment]> {
        self.space(pid, exec_id).map(|space| space.range.segments.as_slice())
    }

    /// Whether a process runs a Python whose functions are known.
    pub fn is_python(&self, pid: u32, exec_id: u32) -> bool {
        self.space(pid, exec_id).is_some_and(|space| space.python.0 != 0)
    }

    fn space(&self, pid: u32, exec_id: u32) -> Option<&Space> {
        let living = self.by_pid.get(&pid).filter(|space| space.exec_id == exec_id);
        living.or_else(|| self.gone(pid, exec_id))
    }

    fn gone(&self, pid: u32, exec_id: u32) -> Option<&Space> {
        let found =
            |(_, gone, space): &&(Instant, u32, Space)| *gone == pid && space.exec_id == exec_id;
        self.gone.iter().rfind(found).map(|(_, _, space)| space)
    }

    /// Takes in what a look at a process has shown.
    pub fn set(
        &mut self,
        pid: u32,
        exec_id: u32,
        mapped: Vec<Mapped>,
        store: &mut Store,
        maps: &mut dyn Maps,
    ) -> io::Result<()> {
        let mapped = self.first_ones(mapped);
        let known = self.by_pid.get(&pid).filter(|space| space.exec_id == exec_id);
        let same = known.is_some_and(|space| *space.mapped == mapped);
        let patience = match known {
            Some(known) if same => (known.patience * 2).min(MAX_PATIENCE),
            _ => FIRST_PATIENCE,
        };
        // A program that has just begun maps its libraries one after the other: then, and as long as
        // each look finds more, the next one is not put off.
        let begins = known.is_some_and(|space| space.met.elapsed() < BEGINNING);
        self.publish(pid, exec_id, Rc::new(mapped), (patience, begins || !same), store, maps)
    }

    /// Those of a process that are kept: the programs search so many.
    fn first_ones(&mut self, mut mapped: Vec<Mapped>) -> Vec<Mapped> {
        if mapped.len() > SEGMENTS_MAX as usize {
            self.no_room += 1;
            mapped.truncate(SEGMENTS_MAX as usize);
        }
        mapped
    }

    /// A process that lives and has this file mapped.
    pub fn with(&self, file: CodeFile) -> Option<u32> {
        let has = |space: &Space| space.mapped.iter().any(|mapped| mapped.file == Some(file));
        self.by_pid.iter().find(|(_, space)| space.lacks && has(space)).map(|(pid, _)| *pid)
    }

    /// Tells the programs anew of every process that lacks tables, some of which may be made by now.
    pub fn refresh(&mut self, store: &mut Store, maps: &mut dyn Maps) -> io::Result<()> {
        let waiting: Vec<u32> =
            self.by_pid.iter().filter(|(_, space)| space.lacks).map(|(pid, _)| *pid).collect();
        for pid in waiting {
            let Some(space) = self.by_pid.get(&pid) else { continue };
            let (exec_id, mapped, patience) =
                (space.exec_id, Rc::clone(&space.mapped), (space.patience, space.tells));
            self.publish(pid, exec_id, mapped, patience, store, maps)?;
        }
        for (_, _, space) in self.gone.iter_mut().filter(|(_, _, space)| space.waits) {
            let segments: Vec<_> =
                space.mapped.iter().map(|mapped| segment(mapped, store)).collect();
            space.waits = segments.iter().any(|segment| segment.base == NOT_READY);
            // The programs do not know it: it needs no place in their map.
            let old = std::mem::replace(&mut space.range, Rc::new(Range { first: None, segments }));
            if let Some((Some(first), len)) = Rc::into_inner(old).map(Range::place) {
                self.room.give_back(first, len, Instant::now());
            }
        }
        Ok(())
    }

    fn publish(
        &mut self,
        pid: u32,
        exec_id: u32,
        mapped: Rc<Vec<Mapped>>,
        (patience, tells): (Duration, bool),
        store: &mut Store,
        maps: &mut dyn Maps,
    ) -> io::Result<()> {
        let segments: Vec<Segment> = mapped.iter().map(|mapped| segment(mapped, store)).collect();
        let waits = segments.iter().any(|segment| segment.base == NOT_READY);
        let files = mapped.iter().filter_map(|mapped| mapped.file);
        let lacks = waits || files.into_iter().any(|file| store.may_come(file));
        let now = Instant::now();
        let known = self.by_pid.get(&pid).map(|space| Rc::clone(&space.range));
        let range = match known.filter(|range| range.first.is_some() && range.segments == segments)
        {
            Some(range) => range,
            None => {
                let Some(first) = self.room.take(segments.len(), now) else {
                    self.no_room += 1;
                    return self.leave(pid, maps);
                };
                if let Err(error) = maps.write_segments(first, &segments) {
                    self.room.free_at_once(first, segments.len());
                    self.leave(pid, maps)?;
                    return Err(error);
                }
                Rc::new(Range { first: Some(first), segments })
            }
        };
        let python = python(&mapped, store).unwrap_or_default();
        let known = self.by_pid.get(&pid).filter(|space| space.exec_id == exec_id);
        let met = known.map_or(now, |space| space.met);
        let looked = now;
        let space =
            Space { exec_id, mapped, range, python, waits, lacks, met, looked, patience, tells };
        maps.publish(pid, &space.told(if tells { Process::TELL } else { Process::LOOKED }))?;
        match self.by_pid.insert(pid, space) {
            Some(old) if old.exec_id != exec_id => self.retire(pid, old, now),
            Some(old) => self.drop_range(old.range, now),
            None => {}
        }
        Ok(())
    }

    /// Has processes tell of unknown addresses again whose last look is long enough ago.
    pub fn listen_again(&mut self, maps: &mut dyn Maps) -> io::Result<()> {
        for (pid, space) in &mut self.by_pid {
            if !space.tells && space.looked.elapsed() >= space.patience {
                space.tells = true;
                maps.publish(*pid, &space.told(Process::TELL))?;
            }
        }
        Ok(())
    }

    /// Whether there are processes that do not tell of unknown addresses for a while.
    pub fn any_is_deaf(&self) -> bool {
        self.by_pid.values().any(|space| !space.tells)
    }

    /// A child begins with the code of its parent: the programs have told themselves already.
    pub fn forked(&mut self, parent: u32, child: u32) {
        let Some(space) = self.by_pid.get(&parent) else { return };
        // What the programs copied may be either.
        let inherited = Space { tells: false, ..space.clone() };
        if let Some(old) = self.by_pid.insert(child, inherited) {
            self.retire(child, old, Instant::now());
        }
    }

    /// A process has ended, or cannot be looked at.
    pub fn leave(&mut self, pid: u32, maps: &mut dyn Maps) -> io::Result<()> {
        if let Some(space) = self.by_pid.remove(&pid) {
            self.retire(pid, space, Instant::now());
        }
        maps.withdraw(pid)
    }

    /// Whether a process that lives has code of the table that begins there.
    pub fn bases(&self) -> FxHashSet<u32> {
        let gone = self.gone.iter().map(|(_, _, space)| space);
        let segments = self.by_pid.values().chain(gone).flat_map(|space| &space.range.segments);
        let bases = segments.map(|segment| segment.base);
        bases.filter(|base| *base != NO_TABLE && *base != NOT_READY).collect()
    }

    /// Keeps one that is not there any more for a while.
    fn retire(&mut self, pid: u32, space: Space, now: Instant) {
        self.gone.push_back((now, pid, space));
        let is_old = |at: Instant| now.saturating_duration_since(at) >= KEEP_GONE;
        while self.gone.len() > GONE_MAX || self.gone.front().is_some_and(|(at, ..)| is_old(*at)) {
            let Some((_, _, space)) = self.gone.pop_front() else { return };
            self.drop_range(space.range, now);
        }
    }

    fn drop_range(&mut self, range: Rc<Range>, now: Instant) {
        if let Some((Some(first), len)) = Rc::into_inner(range).map(Range::place) {
            self.room.give_back(first, len, now);
        }
    }
}
