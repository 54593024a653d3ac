//! What the thread does.

use super::copy::{Copies, Walked};
use super::process;
use super::space::Mapped;
use super::spaces::Spaces;
use super::store::Store;
use super::{Event, Kept, Maps};
use crate::symbols::{CodeFile, CodeMapping, Meeter};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How often processes are made to tell of unknown addresses again.
const LISTEN_EVERY: Duration = Duration::from_millis(250);
/// How long nothing must happen until copies of stacks are walked when there is no table to make.
const COPIES_WAIT: Duration = Duration::from_millis(5);
/// Files whose tables may wait to be made.
const QUEUE_MAX: usize = 4 * 1024;

/// A file whose table is to be made. It is held open: its process may end before.
struct ToMake {
    id: CodeFile,
    file: Arc<File>,
}

/// What the thread works with.
pub(super) struct Work {
    maps: Box<dyn Maps>,
    meeter: Meeter,
    store: Store,
    pub(super) spaces: Spaces,
    queue: VecDeque<ToMake>,
    copies: Copies,
    walks: Sender<Walked>,
    told: Arc<Mutex<Kept>>,
}

impl Work {
    pub(super) fn new(
        maps: Box<dyn Maps>,
        meeter: Meeter,
        walks: Sender<Walked>,
        told: Arc<Mutex<Kept>>,
    ) -> Self {
        let (store, spaces) = (Store::new(maps.words()), Spaces::new(maps.segments()));
        let (queue, copies) = (VecDeque::new(), Copies::default());
        Self { maps, meeter, store, spaces, queue, copies, walks, told }
    }

    /// Works until nobody can tell it anything any more.
    pub(super) fn run(mut self, happened: &Receiver<Vec<Event>>) {
        let mut listened = Instant::now();
        // Whether all copies that can be walked have been: those that are left wait for an event, or
        // until they have waited long enough.
        let mut walked = true;
        // Whether there is nothing to do until an event comes: then the thread need not wake up.
        let mut rests = false;
        loop {
            let patience = match (!self.has_to_make(), walked || self.copies.is_empty()) {
                (true, true) if rests => Duration::MAX,
                (true, true) => LISTEN_EVERY,
                (true, false) => COPIES_WAIT,
                (false, _) => Duration::ZERO,
            };
            match happened.recv_timeout(patience) {
                Ok(events) => {
                    for event in events {
                        self.log(Self::handle, event);
                    }
                    (walked, rests) = (false, false);
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.walk_copies();
                    walked = self.queue.is_empty();
                    self.log(Self::make_next, ());
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if listened.elapsed() >= LISTEN_EVERY {
                listened = Instant::now();
                self.log(|work, ()| work.spaces.listen_again(&mut *work.maps), ());
                self.try_again();
                self.tell_kept();
                self.maps.rest();
                rests = !self.waits_for_time();
            }
        }
    }

    fn log<T>(&mut self, act: impl Fn(&mut Self, T) -> io::Result<()>, what: T) {
        if let Err(error) = act(self, what) {
            // The map of processes is full, or the kernel is out of memory.
            self.spaces.no_room += 1;
            tracing::warn!(%error, "the maps of the unwind tables");
        }
    }

    pub(super) fn handle(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Asked { pid, exec_id } => self.look(pid, exec_id),
            Event::Forked { parent, child } => {
                self.spaces.forked(parent, child);
                Ok(())
            }
            Event::Exited { pid } => self.spaces.leave(pid, &mut *self.maps),
            Event::Copied(copy) => {
                self.copies.push(copy);
                Ok(())
            }
        }
    }

    fn look(&mut self, pid: u32, exec_id: u32) -> io::Result<()> {
        if !self.spaces.wants_look(pid, exec_id) {
            return Ok(());
        }
        let Some(code) = self.meeter.meet(pid) else {
            // It has ended.
            return self.spaces.leave(pid, &mut *self.maps);
        };
        let mapped = code.iter().map(|code| self.meet(pid, code)).collect();
        self.spaces.set(pid, exec_id, mapped, &mut self.store, &mut *self.maps)
    }

    /// Takes in what a process has mapped: the table of its file is to be made if it is new.
    fn meet(&mut self, pid: u32, code: &CodeMapping) -> Mapped {
        if let Some(file) = code.file
            && self.store.wants(file)
            && !self.is_queued(file)
        {
            self.open(pid, file, code);
        }
        Mapped { range: code.range, offset: code.offset, file: code.file }
    }

    /// Whether time alone brings something to do.
    fn waits_for_time(&self) -> bool {
        self.has_to_make()
            || !self.copies.is_empty()
            || self.spaces.any_is_deaf()
            || self.store.has_put_off()
    }

    /// Whether a table waits to be made.
    pub(super) fn has_to_make(&self) -> bool {
        !self.queue.is_empty()
    }

    fn is_queued(&self, file: CodeFile) -> bool {
        self.queue.iter().any(|waiting| waiting.id == file)
    }

    /// Has the table of a file made.
    fn open(&mut self, pid: u32, id: CodeFile, mapping: &CodeMapping) {
        match process::open(mapping, id, &self.meeter) {
            _ if self.queue.len() >= QUEUE_MAX => self.store.put_off(id, Instant::now()),
            Some(file) => self.queue.push_back(ToMake { id, file }),
            None if process::lives(pid) => self.store.cannot_open(id),
            // It ended just now: whoever has the file mapped next may open it.
            None => {}
        }
    }

    /// Tries those again for which there was no room.
    fn try_again(&mut self) {
        for id in self.store.due(Instant::now()) {
            let code = self.spaces.with(id).and_then(|pid| Some((pid, self.meeter.meet(pid)?)));
            let mapped = code.and_then(|(pid, code)| {
                let mapping = code.into_iter().find(|mapping| mapping.file == Some(id))?;
                Some((pid, mapping))
            });
            match mapped {
                Some((pid, mapping)) if !self.is_queued(id) => self.open(pid, id, &mapping),
                Some(_) => {}
                None => self.store.forget(id),
            }
        }
    }

    pub(super) fn make_next(&mut self, (): ()) -> io::Result<()> {
        let Some(ToMake { id, file }) = self.queue.pop_front() else { return Ok(()) };
        let bases = self.spaces.bases();
        self.store.make(id, &file, |base| bases.contains(&base), &mut *self.maps);
        self.spaces.refresh(&mut self.store, &mut *self.maps)
    }

    fn walk_copies(&mut self) {
        for walked in self.copies.walk(&self.spaces, &*self.maps, self.store.rules.all()) {
            // Nobody takes it where the collector has ended.
            let _ = self.walks.send(walked);
        }
    }

    pub(super) fn tell_kept(&self) {
        if let Ok(mut told) = self.told.lock() {
            let (processes, no_room) = (self.spaces.len(), self.spaces.no_room);
            let kept = Kept { tables: self.store.counts(), processes, no_room };
            if *told != kept {
                tracing::debug!(?kept, "unwind tables");
            }
            *told = kept;
        }
    }
}
