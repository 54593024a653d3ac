//! Keeps the tables that the programs unwind with: on a thread of its own, for making one takes up to a
//! second.
//!
//! The programs ask for a process when they first meet it in a stack, and for an address that is in none
//! of the segments they know of it. The thread looks at the process's mappings at once, and makes the
//! tables of files that are new when nothing is asked any more. The thread does its `work`; `room`
//! gives out places in the maps, `store` has the tables, `spaces` the processes.

mod copy;
mod maps;
mod process;
mod pythons;
mod room;
mod space;
mod spaces;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod work;

pub use copy::{StackCopy, Walked};
pub use maps::Maps;
pub use store::Counts;

use crate::source::{ProcessEvent, Unwind};
use crate::symbols::Meeter;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use work::Work;

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
    /// Times that there was no room for all code of a process.
    pub no_room: u64,
}

/// Births and ends that may wait for something to do with them.
const NEWS_MAX: usize = 256;

/// The thread.
pub struct Keeper {
    events: Sender<Vec<Event>>,
    /// What the thread has to know before the next thing it has to do, in order: it is not woken for
    /// that.
    news: Vec<Event>,
    walked: Receiver<Walked>,
    /// Copies that are not back.
    pending: usize,
    kept: Arc<Mutex<Kept>>,
}

impl Keeper {
    /// Starts the thread. It ends, without being waited for, when this is dropped.
    /// Processes are looked at with `meeter`.
    pub fn start(maps: Box<dyn Maps>, meeter: Meeter) -> io::Result<Self> {
        let (events, happened) = channel();
        let (walks, walked) = channel();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let told = Arc::clone(&kept);
        thread::Builder::new()
            .name("unwind".to_owned())
            .spawn(move || Work::new(maps, meeter, walks, told).run(&happened))?;
        Ok(Self { events, news: Vec::new(), walked, pending: 0, kept })
    }

    /// Tells the thread; never waits for it.
    pub fn tell(&mut self, event: Event) {
        self.pending += usize::from(matches!(event, Event::Copied(_)));
        let is_news = matches!(event, Event::Forked { .. } | Event::Exited { .. });
        self.news.push(event);
        if !is_news || self.news.len() >= NEWS_MAX {
            self.flush();
        }
    }

    /// Tells the thread what it was not told yet. To be called now and then.
    pub fn flush(&mut self) {
        if !self.news.is_empty() {
            // It has ended only where it panicked: then stacks say that their tables are not ready.
            let _ = self.events.send(std::mem::take(&mut self.news));
        }
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
            unopened: tables.unopened,
            unknown_pythons: tables.unknown_pythons,
        }
    }

    /// What is kept at the moment.
    pub fn kept(&self) -> Kept {
        self.kept.lock().map(|kept| *kept).unwrap_or_default()
    }
}
