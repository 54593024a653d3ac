//! Symbols of files, read by a process of its own.
//!
//! Whoever runs a program has syscope read its file. What is in it is looked into before it is used
//! (`elf`, with bounds), but not everything that a parser makes of it can be told beforehand: a few
//! hundred kilobytes of debug information can stand for gigabytes, or hours. So `layers` (blazesym) run
//! where that is no harm: in a process that may have so much memory and so much time (`confine`), without capabilities
//! but to read, that is started anew when it ends. Who asks it is here; `serve` answers.

mod budget;
mod confine;
mod debug_file;
mod debugdata;
mod elf;
mod elf_bounds;
mod elf_depth;
mod found;
mod layers;
mod names;
mod running;
mod serve;
mod wire;

pub use serve::read_symbols;

pub(super) use budget::Owner;
pub(super) use debug_file::is_debug_file;
pub(super) use wire::{About, Opened, Reads};

/// Whether a file is one with symbols.
#[cfg(test)]
pub(super) fn is_read(file: &File) -> bool {
    elf::Elf::inspect(file, Reads::Everything).is_some()
}

#[cfg(any(test, fuzzing))]
pub(crate) use {debugdata::fuzz as fuzz_debugdata, layers::fuzz as fuzz_elf};

use crate::symbols::symbol::Symbol;
use budget::{Budgets, RESTART};
use nix::sys::signal::Signal;
use running::Running;
use rustc_hash::FxHashSet;
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use wire::{Answer, Ask, Reply, Request};

/// Time before a reader that could not be started is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Bytes of the stack that files are read with, of which what is used takes memory: debug information is
/// gone down into as deep as functions are inlined in each other.
const STACK: usize = 32 << 20;
/// Number of no file.
const NONE: u64 = 0;
const THREAD_NAME: &str = "symbols";

/// Where files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderKind {
    /// In a process of its own, `syscope read-symbols`.
    Process,
    /// On a thread, where this program is not syscope. Nothing limits it.
    #[cfg(any(test, fuzzing))]
    Thread,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing can be read of the file, or nothing more.
    Unreadable,
    /// It took too long.
    TooLong,
    /// The reader ended, most likely for want of memory; whether this was the only file that it had open.
    Ended { alone: bool },
    /// Not now: the owner's files took too much time lately, or there is no reader.
    NotNow,
}

/// A question whose answer is to be taken.
#[must_use]
pub(super) struct Asked {
    /// Which reader was asked.
    reader: u64,
    owner: Owner,
    patience: Duration,
    began: Instant,
    opens: bool,
    sent: io::Result<()>,
}

/// Who asks the reader.
#[derive(Debug)]
pub(super) struct Reader {
    kind: ReaderKind,
    running: Option<Running>,
    /// Readers that were started.
    started: u64,
    /// When it may be started again, after that failed.
    not_before: Option<Instant>,
    /// Files that it has open.
    open: FxHashSet<u64>,
    budgets: Budgets,
    /// Its PID; 0: it does not run.
    pid: Arc<AtomicU32>,
}

impl Reader {
    /// Starts it.
    pub(super) fn start(kind: ReaderKind) -> Self {
        Self::with(kind, Budgets::default(), Arc::default())
    }

    /// Another one in its place, which has nothing open.
    pub(super) fn anew(&mut self) -> Self {
        self.end();
        Self::with(self.kind, std::mem::take(&mut self.budgets), self.pid())
    }

    fn with(kind: ReaderKind, budgets: Budgets, pid: Arc<AtomicU32>) -> Self {
        let (running, not_before, open) = (None, None, FxHashSet::default());
        let mut reader = Self { kind, running, started: 0, not_before, open, budgets, pid };
        reader.run();
        reader
    }

    /// Its PID, whenever it is asked for; 0 while there is none.
    pub(super) fn pid(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.pid)
    }

    pub(super) fn is_open(&self, number: u64) -> bool {
        self.open.contains(&number)
    }

    /// Opens a file, which has this number from then on.
    pub(super) fn open(
        &mut self,
        number: u64,
        owner: Owner,
        file: &File,
        about: About,
    ) -> Result<Opened, Failure> {
        match self.ask(number, owner, Ask::Open(number, about), Some(file))? {
            Reply::Opened(opened) => {
                self.open.insert(number);
                Ok(opened)
            }
            _ => Err(Failure::Unreadable),
        }
    }

    /// What is at an offset into a file that is open; `None`: nothing that has a name.
    pub(super) fn look_up(
        &mut self,
        number: u64,
        owner: Owner,
        offset: u64,
    ) -> Result<Option<Symbol>, Failure> {
        match self.ask(number, owner, Ask::LookUp(vec![(number, offset)]), None)? {
            Reply::Found(found) => Ok(found.unpack().and_then(|mut all| all.pop()).flatten()),
            _ => {
                self.open.remove(&number);
                Err(Failure::Unreadable)
            }
        }
    }

    /// Asks what is at these places, file and offset, of files of one owner that are open. What comes of it
    /// is to be taken before anything else is asked, but for the same of other places, once: so the reader
    /// finds these while its last answer is made use of.
    pub(super) fn ask_for_all(&mut self, owner: Owner, places: Vec<(u64, u64)>) -> Option<Asked> {
        self.send(owner, Ask::LookUp(places), None).ok()
    }

    /// What came of that, of so many places; `None` where one of them made trouble. Which one,
    /// [`Reader::look_up`] finds out.
    pub(super) fn take(&mut self, asked: Asked, wanted: usize) -> Option<Vec<Option<Symbol>>> {
        match self.answer(NONE, asked) {
            Ok(Reply::Found(found)) => found.unpack().filter(|found| found.len() == wanted),
            _ => None,
        }
    }

    pub(super) fn close(&mut self, number: u64) {
        if self.open.remove(&number) {
            let _ = self.ask(number, Owner::Root, Ask::Close(number), None);
        }
    }

    fn ask(
        &mut self,
        number: u64,
        owner: Owner,
        ask: Ask,
        file: Option<&File>,
    ) -> Result<Reply, Failure> {
        let asked = self.send(owner, ask, file)?;
        self.answer(number, asked)
    }

    fn send(&mut self, owner: Owner, ask: Ask, file: Option<&File>) -> Result<Asked, Failure> {
        let patience = self.budgets.left(owner, Instant::now()).ok_or(Failure::NotNow)?;
        let (began, opens) = (Instant::now(), file.is_some());
        let running = self.run().ok_or(Failure::NotNow)?;
        let sent = wire::send(&running.socket, &Request { ask, patience }, file);
        let reader = running.number;
        Ok(Asked { reader, owner, patience, began, opens, sent })
    }

    fn answer(&mut self, number: u64, asked: Asked) -> Result<Reply, Failure> {
        let Asked { reader, owner, patience, began, opens, sent } = asked;
        // One that ended since answers nothing any more.
        let running = self.running.as_mut().filter(|running| running.number == reader);
        let running = running.ok_or(Failure::NotNow)?;
        let answered = match &sent {
            Ok(()) => wire::receive(&running.socket),
            Err(error) => Err(error.kind().into()),
        };
        match answered {
            Ok((Answer { reply, took }, _)) => {
                running.has_answered = true;
                // Others wait while a file is opened, also while somebody keeps the CPUs busy.
                let took = if opens { took.max(began.elapsed()) } else { took };
                self.budgets.charge(owner, took, Instant::now());
                Ok(reply)
            }
            Err(error) => {
                tracing::warn!(%error, "the process that reads symbols gives no answer");
                // Whoever ended it before it was asked, the file was not it.
                let alone = sent.is_ok() && self.open.iter().all(|open| *open == number);
                Err(self.failed(&error, owner, patience, alone))
            }
        }
    }

    /// Ends it; what its failing says of the file that it was asked for.
    fn failed(
        &mut self,
        error: &io::Error,
        owner: Owner,
        patience: Duration,
        alone: bool,
    ) -> Failure {
        let has_answered = self.running.as_ref().is_some_and(|running| running.has_answered);
        let ended = self.end();
        if !has_answered && ended.is_some_and(|ended| ended.code().is_some()) {
            // It could not start: that would be so with any file.
            self.not_before = Some(Instant::now() + TRY_AGAIN_AFTER);
            tracing::error!(?ended, "no symbols of files: the process that reads them ends");
            return Failure::NotNow;
        }
        let late = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        let signal = ended.and_then(|ended| ended.signal());
        let too_long = late || signal == Some(Signal::SIGXCPU as i32);
        let took = if too_long { patience } else { Duration::ZERO };
        self.budgets.charge(owner, took + RESTART, Instant::now());
        match signal {
            _ if too_long => Failure::TooLong,
            // Somebody else ended it, or the kernel did where memory is short: the file was not it.
            Some(signal) if signal == Signal::SIGKILL as i32 => Failure::NotNow,
            _ => Failure::Ended { alone },
        }
    }

    /// The reader that runs; started if there is none.
    fn run(&mut self) -> Option<&mut Running> {
        if self.running.is_none() && self.not_before.is_none_or(|at| Instant::now() >= at) {
            self.started += 1;
            match Running::start(self.kind, self.started) {
                Ok(running) => {
                    self.pid.store(running.pid(), Ordering::Relaxed);
                    self.running = Some(running);
                }
                Err(error) => {
                    tracing::error!(%error, "no symbols of files: the process that reads them does not start");
                    self.not_before = Some(Instant::now() + TRY_AGAIN_AFTER);
                }
            }
        }
        self.running.as_mut()
    }

    /// Ends it, if it has not ended by itself; how it did, where it is known.
    fn end(&mut self) -> Option<ExitStatus> {
        self.open.clear();
        let running = self.running.take()?;
        self.pid.store(0, Ordering::Relaxed);
        running.end()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.end();
    }
}
