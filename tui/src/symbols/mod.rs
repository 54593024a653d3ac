//! Symbols: addresses to frames, on a worker thread.
//!
//! A stack goes through `queue` to `engine`; `resolve` looks each address up: kernel addresses in
//! `kernel`, addresses of a process through a snapshot of its mappings (`process`), which says whether
//! the code is in a file (`binary`, whose symbols the `reader` finds), the vdso (`vdso`) or memory written
//! by a JIT (`perf_map`).
//!
//! A snapshot is taken when a stack is looked up first, or before, when the process is met (`meeting`),
//! so that it can end. Its files are held open (`held`): they may be deleted, replaced, or in a place
//! that only the process could see. They are read in a process of its own (`reader`), and their debug files
//! are fetched if that is asked for (`debuginfod`).
//!
//! Everything that is kept is bounded; the bounds are constants of these modules.

mod address_space;
mod binary;
mod bounded;
mod build_id;
mod codes;
mod debuginfod;
mod engine;
mod fetching;
mod files;
mod frames;
mod guard;
mod held;
mod kallsyms;
mod kernel;
mod look_ahead;
mod mapping;
mod meeting;
mod perf_map;
mod process;
mod python;
mod queue;
mod reader;
mod resolve;
mod symbol;
#[cfg(test)]
pub(crate) mod tests;
mod vdso;

pub use address_space::{CodeFile, CodeMapping};
pub use build_id::of_kernel_code as build_id_of_kernel_code;
pub use debuginfod::Debuginfod;
pub use files::Identity;
pub use guard::{cut_off_files, file_was_cut_off, log_caught_panics, panic_is_caught};
pub use kernel::NewestProgram;
pub use meeting::Meeter;
pub use process::KEEP_EXITED;
pub use reader::{ReaderKind, read_symbols};

pub(crate) use mapping::parse as parse_mappings;
#[cfg(any(test, fuzzing))]
pub(crate) use {perf_map::fuzz as fuzz_perf_map, reader::fuzz_debugdata, reader::fuzz_elf};

use crate::source::{ResolvedStack, StackEnd, StackId};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Name of the worker's thread. A panic on it is caught and answered with frames that say so: see
/// [`panic_is_caught`].
const THREAD_NAME: &str = "symbols";

/// Stacks that may wait for the worker. When more are handed over, the oldest are given up: they
/// are counted by [`Worker::dropped`] and answered with a frame that says so.
pub const MAX_QUEUED: usize = 16_384;

/// Where the addresses of a stack are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// The kernel.
    Kernel,
    /// A process.
    User {
        /// Its PID.
        pid: u32,
    },
}

/// A stack to symbolize.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The id to answer with.
    pub id: StackId,
    /// Where its addresses are valid.
    pub space: Space,
    /// Leaf first: the instruction pointer, then return addresses.
    pub addresses: Vec<u64>,
    /// How the walk of them ended; of a kernel stack always complete.
    pub end: StackEnd,
    /// The Python functions that its native frames run.
    pub python: Arc<crate::python::Stack>,
}

/// What one of the threads does.
type Run = Box<dyn FnOnce(&queue::Shared, &Arc<held::Held>) + Send>;

/// Symbolizes stacks on a thread of its own.
///
/// Each request is answered once; a stack with code of a JIT that had no name yet may be answered
/// a second time, with the names that the JIT wrote down since, and one in a file whose debug information
/// is being fetched, when that has come.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<queue::Shared>,
    /// Files that are held open.
    held: Arc<held::Held>,
    /// To the thread that reads Python's code objects.
    ahead: mpsc::SyncSender<(u32, Arc<crate::python::Stack>)>,
    /// PID of the process that reads files.
    reader: Arc<AtomicU32>,
}

impl Worker {
    /// Starts the threads. They end, without being waited for, when the worker is dropped. Debug files
    /// that are not on this machine are fetched if that is asked for. `newest` tells whether BPF programs
    /// were loaded since the kernel's symbols were read. Files are read where `reader` says; a process that
    /// reads them is started here, and ends with the thread that calls this.
    pub fn start(
        debuginfod: Option<Debuginfod>,
        newest: NewestProgram,
        reader: ReaderKind,
    ) -> io::Result<Self> {
        let (ahead, to_read) = mpsc::sync_channel(codes::MAX_AHEAD);
        let held = Arc::<held::Held>::default();
        let shared = Arc::new(queue::Shared::new(MAX_QUEUED));
        let reader = reader::Reader::start(reader);
        let worker = Self { shared, held: Arc::clone(&held), ahead, reader: reader.pid() };
        let known = Arc::new(codes::Codes::new(&held));
        let start = |name: &str, run: Run| {
            let (shared, held) = (Arc::clone(&worker.shared), Arc::clone(&held));
            let thread = thread::Builder::new().name(name.to_owned());
            thread.spawn(move || run(&shared, &held))
        };
        let mut wanted = None;
        if let Some(how) = debuginfod {
            let (sender, receiver) = mpsc::sync_channel(fetching::MAX_WANTED);
            wanted = Some(debuginfod::Wanted { sender, shared: Arc::clone(&worker.shared) });
            let fetch = move |shared: &_, _: &_| debuginfod::run(&how, &receiver, shared);
            start(debuginfod::THREAD_NAME, Box::new(fetch))?;
        }
        let codes = Arc::clone(&known);
        let resolve = move |shared: &_, held: &_| {
            engine::run(shared, held, &codes, wanted.as_ref(), newest, reader);
        };
        start(THREAD_NAME, Box::new(resolve))?;
        start(meeting::THREAD_NAME, Box::new(meeting::run))?;
        start(codes::THREAD_NAME, Box::new(move |_, _| codes::read_ahead(&to_read, &known)))?;
        Ok(worker)
    }

    /// PID of the process that reads files, if there is one at the moment.
    pub fn reader(&self) -> Option<u32> {
        let pid = self.reader.load(Ordering::Relaxed);
        (pid != 0).then_some(pid)
    }

    /// Debug files that are being fetched. The stacks that are in their files are told a second time when
    /// they have come.
    pub fn fetching(&self) -> usize {
        self.shared.fetching()
    }

    /// A process was met: has its address space looked at soon, and its files with code held open, so
    /// that its stacks can be resolved when it has ended since. To be called once for a process, when
    /// it is first met; waits for nothing, and costs reading `/proc/PID/maps` on a thread of its own,
    /// which no look-up holds up.
    pub fn meet(&self, pid: u32) {
        self.shared.meet(pid);
    }

    /// For another thread to look at processes with.
    pub fn meeter(&self) -> Meeter {
        Meeter { shared: Arc::downgrade(&self.shared), held: Arc::clone(&self.held) }
    }

    /// Hands stacks over; never waits for a look-up.
    pub fn request(&self, stacks: Vec<Request>) {
        for stack in &stacks {
            if let Space::User { pid } = stack.space
                && !stack.python.runs.is_empty()
            {
                // Without room they are read when the stack is named.
                let _ = self.ahead.try_send((pid, Arc::clone(&stack.python)));
            }
        }
        self.shared.request(stacks);
    }

    /// A process was born: it begins with the address space of its parent. To be called in order with
    /// [`Worker::ended`].
    pub fn born(&self, child: u32, parent: u32) {
        self.shared.born(child, Some(parent));
    }

    /// A process replaced its program, so long ago: what it was born with is void, and what was seen of
    /// its address space before. To be called once an event, as [`Worker::ended`].
    pub fn replaced(&self, pid: u32, ago: Duration) {
        let now = Instant::now();
        self.shared.born(pid, None);
        self.shared.forget(pid, now.checked_sub(ago).unwrap_or(now));
    }

    /// A process ended. To be called once an event, after the stacks that were read together with it are
    /// requested. Its stacks are still resolved for [`KEEP_EXITED`] afterwards.
    pub fn ended(&self, pid: u32) {
        self.shared.ended(pid);
    }

    /// What was finished since the last call; never waits for a look-up.
    pub fn finished(&mut self) -> Vec<Arc<ResolvedStack>> {
        self.shared.finished()
    }

    /// Stacks that were handed over and are not finished. A file on a network that hangs can hang
    /// the worker: who waits for zero needs a limit.
    pub fn pending(&self) -> usize {
        self.shared.pending()
    }

    /// Frames without a function name so far: (kernel, user).
    pub fn unresolved(&self) -> (u64, u64) {
        self.shared.unresolved()
    }

    /// Stacks that were given up because more than [`MAX_QUEUED`] waited.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
