//! Symbols: addresses to frames, on a worker thread.
//!
//! A stack goes through `queue` to `engine`, which looks each address up: kernel addresses in
//! `kernel`, addresses of a process through a snapshot of its mappings (`process`), which says
//! whether the code is in a file (`binary`), the vdso (`vdso`) or memory written by a JIT
//! (`perf_map`). Everything that is kept is bounded; the bounds are constants of these modules.

mod binary;
mod bounded;
mod build_id;
mod engine;
mod frames;
mod guard;
mod kernel;
mod mapping;
mod perf_map;
mod process;
mod queue;
#[cfg(test)]
mod tests;
mod vdso;

pub use build_id::of_kernel_code as build_id_of_kernel_code;
pub use process::KEEP_EXITED;

pub(crate) use mapping::parse as parse_mappings;
#[cfg(any(test, fuzzing))]
pub(crate) use perf_map::fuzz as fuzz_perf_map;

use crate::source::{ResolvedStack, StackEnd, StackId};
use std::io;
use std::sync::Arc;
use std::thread;

/// Name of the worker's thread. A panic on it is caught and answered with frames that say so: a
/// panic hook should log it there, and leave the terminal alone.
pub const THREAD_NAME: &str = "symbols";

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
}

/// Symbolizes stacks on a thread of its own.
///
/// Each request is answered once; a stack with code of a JIT that had no name yet may be answered
/// a second time, with the names that the JIT wrote down since.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<queue::Shared>,
}

impl Worker {
    /// Starts the thread. It ends, without being waited for, when the worker is dropped.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(queue::Shared::new(MAX_QUEUED));
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || engine::run(&of_thread))?;
        Ok(Self { shared })
    }

    /// Hands stacks over; never waits for a look-up.
    pub fn request(&self, stacks: Vec<Request>) {
        self.shared.request(stacks);
    }

    /// A process replaced its program or ended: what is cached of its address space is void. To be
    /// called once an event, after the stacks that were read together with it are requested. Stacks
    /// of a process that ended are still resolved for [`KEEP_EXITED`] afterwards.
    pub fn forget(&self, pid: u32) {
        self.shared.forget(pid);
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
