//! Symbols: addresses to frames, on a worker thread.

use crate::source::{ResolvedStack, StackId};
use std::sync::Arc;

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
}

/// Symbolizes stacks on a thread of its own.
pub struct Worker {}

impl Worker {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Hands stacks over; never blocks.
    pub fn request(&self, _stacks: Vec<Request>) {}

    /// A process replaced its program or ended: what is cached of its address space is void.
    pub fn forget(&self, _pid: u32) {}

    /// What was finished since the last call; never blocks.
    pub fn finished(&mut self) -> Vec<Arc<ResolvedStack>> {
        Vec::new()
    }

    /// Stacks that were handed over and are not finished.
    pub fn pending(&self) -> usize {
        0
    }

    /// Frames without a function name so far: (kernel, user).
    pub fn unresolved(&self) -> (u64, u64) {
        (0, 0)
    }
}
