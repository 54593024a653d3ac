//! Keeps the tables that the programs unwind with: on a thread of its own, for making one takes up to a
//! second.
//!
//! The programs ask for a process when they first meet it in a stack, and for an address that is in none
//! of the segments they know of it. The thread looks at the process's mappings at once, and makes the
//! tables of files that are new when nothing is asked any more. `room` gives out places in the maps,
//! `store` has the tables, `spaces` the processes.

mod copy;
mod maps;
mod process;
mod pythons;
mod room;
mod spaces;
mod store;

pub use copy::{StackCopy, Walked};
pub use maps::Maps;
pub use store::Counts;

use crate::source::{ProcessEvent, Unwind};
use copy::Copies;
use spaces::Spaces;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use store::{FileId, Store};

/// How often processes are made to tell of unknown addresses again.
const LISTEN_EVERY: Duration = Duration::from_millis(250);
/// How long nothing must happen until copies of stacks are walked when there is no table to make.
const COPIES_WAIT: Duration = Duration::from_millis(5);
/// Files whose tables may wait to be made.
const QUEUE_MAX: usize = 4 * 1024;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The programs want to know of a process.
    Asked {
        /// PID.
        pid: u32,
        /// Which of its programs it runs (see [`syscope_shared::offcpu::Key::exec_id`]).
        exec_id: u32,
    },
    /// A process was born.
    Forked {
        /// PID of its parent.
        parent: u32,
        /// Its own.
        child: u32,
    },
    /// A process ended.
    Exited {
        /// PID.
        pid: u32,
    },
    /// A stack is to be walked when its tables are ready.
    Copied(Box<StackCopy>),
}

impl Event {
    /// What an event of a process means here, if anything. (After an exec the programs ask by
    /// themselves.)
    pub fn of(event: &ProcessEvent) -> Option<Self> {
        match *event {
            ProcessEvent::Fork { parent, pid, .. } => Some(Self::Forked { parent, child: pid }),
            ProcessEvent::Exit { pid, .. } => Some(Self::Exited { pid }),
            ProcessEvent::Exec { .. } | ProcessEvent::Seen(_) => None,
        }
    }
}

/// What is kept, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Tables.
    pub tables: Counts,
    /// Processes whose code is known.
    pub processes: usize,
    /// Processes whose code there was no room for.
    pub no_room: u64,
}

/// The thread.
pub struct Keeper {
    events: Sender<Event>,
    walked: Receiver<Walked>,
    /// Copies that are not back.
    pending: usize,
    kept: Arc<Mutex<Kept>>,
}

impl Keeper {
    /// Starts the thread. It ends, without being waited for, when this is dropped.
    /// `looked` is called with the PID of each process right after it was looked at: whatever else is to
    /// be known of it is there now.
    pub fn start(maps: Box<dyn Maps>, looked: Box<dyn Fn(u32) + Send>) -> io::Result<Self> {
        let (events, happened) = channel();
        let (walks, walked) = channel();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let told = Arc::clone(&kept);
        thread::Builder::new()
            .name("unwind".to_owned())
            .spawn(move || Work::new(maps, looked, walks, told).run(&happened))?;
        Ok(Self { events, walked, pending: 0, kept })
    }

    /// Tells the thread; never waits for it.
    pub fn tell(&mut self, event: Event) {
        self.pending += usize::from(matches!(event, Event::Copied(_)));
        // It has ended only where it panicked: then stacks say that their tables are not ready.
        let _ = self.events.send(event);
    }

    /// Stacks that were walked since the last call; never waits for one.
    pub fn walked(&mut self) -> Vec<Walked> {
        let walked: Vec<_> = self.walked.try_iter().collect();
        self.pending = self.pending.saturating_sub(walked.len());
        walked
    }

    /// Stacks that are still to be walked.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// What is kept at the moment, for the health page.
    pub fn health(&self) -> Unwind {
        let Kept { tables, no_room, .. } = self.kept();
        Unwind {
            tables: tables.tables as u64,
            bytes: tables.bytes as u64,
            no_room: tables.no_room + no_room,
        }
    }

    /// What is kept at the moment.
    pub fn kept(&self) -> Kept {
        self.kept.lock().map(|kept| *kept).unwrap_or_default()
    }
}

/// A file whose table is to be made. It is held open: its process may end before.
struct ToMake {
    id: FileId,
    file: File,
}

/// What the thread works with.
struct Work {
    maps: Box<dyn Maps>,
    looked: Box<dyn Fn(u32) + Send>,
    store: Store,
    spaces: Spaces,
    queue: VecDeque<ToMake>,
    copies: Copies,
    walks: Sender<Walked>,
    told: Arc<Mutex<Kept>>,
}

impl Work {
    fn new(
        maps: Box<dyn Maps>,
        looked: Box<dyn Fn(u32) + Send>,
        walks: Sender<Walked>,
        told: Arc<Mutex<Kept>>,
    ) -> Self {
        let (store, spaces) = (Store::new(maps.all_words().len()), Spaces::new(maps.segments()));
        let (queue, copies) = (VecDeque::new(), Copies::default());
        Self { maps, looked, store, spaces, queue, copies, walks, told }
    }

    fn run(mut self, happened: &Receiver<Event>) {
        let mut listened = std::time::Instant::now();
        // Whether all copies that can be walked have been: those that are left wait for an event, or
        // until they have waited long enough.
        let mut walked = true;
        loop {
            let patience = match (self.queue.is_empty(), walked || self.copies.is_empty()) {
                (true, true) => LISTEN_EVERY,
                (true, false) => COPIES_WAIT,
                (false, _) => Duration::ZERO,
            };
            match happened.recv_timeout(patience) {
                Ok(event) => {
                    self.log(Self::handle, event);
                    walked = false;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.walk_copies();
                    walked = self.queue.is_empty();
                    self.log(Self::make_next, ());
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if listened.elapsed() >= LISTEN_EVERY {
                listened = std::time::Instant::now();
                self.log(|work, ()| work.spaces.listen_again(&mut *work.maps), ());
                self.tell_kept();
            }
        }
    }

    fn log<T>(&mut self, act: impl Fn(&mut Self, T) -> io::Result<()>, what: T) {
        if let Err(error) = act(self, what) {
            tracing::warn!(%error, "the maps of the unwind tables");
        }
    }

    fn handle(&mut self, event: Event) -> io::Result<()> {
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
        let Ok(code) = process::code(pid) else {
            // It has ended.
            return self.spaces.leave(pid, &mut *self.maps);
        };
        let mut mapped = Vec::new();
        for process::Code { range, offset, file, open } in code {
            let file = file.filter(|file| {
                if self.store.wants(*file)
                    && self.queue.iter().all(|waiting| waiting.id != *file)
                    && self.queue.len() < QUEUE_MAX
                    && let Some(open) = open()
                {
                    self.queue.push_back(ToMake { id: *file, file: open });
                }
                true
            });
            mapped.push(spaces::Mapped { range, offset, file });
        }
        (self.looked)(pid);
        let mapped = spaces::first_ones(mapped);
        self.spaces.set(pid, exec_id, mapped, &mut self.store, &mut *self.maps)
    }

    fn make_next(&mut self, (): ()) -> io::Result<()> {
        let Some(ToMake { id, file }) = self.queue.pop_front() else { return Ok(()) };
        let bases = self.spaces.bases();
        self.store.make(id, &file, |base| bases.contains(&base), &mut *self.maps);
        self.spaces.refresh(&mut self.store, &mut *self.maps)
    }

    fn walk_copies(&mut self) {
        for walked in self.copies.walk(&self.spaces, self.maps.all_words(), self.maps.all_rules()) {
            // Nobody takes it where the collector has ended.
            let _ = self.walks.send(walked);
        }
    }

    fn tell_kept(&self) {
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
