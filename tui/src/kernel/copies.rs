//! Reads the samples whose stack could not be walked when they were taken.

use super::lifecycle::text;
use super::ring::Ring;
use crate::unwind::StackCopy;
use aya::Ebpf;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use syscope_shared::unwind::{COPY_MAX, Copied};

/// Reads the ring `COPIES`.
pub struct Copies {
    ring: Ring,
}

impl Copies {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        Ok(Self { ring: Ring::open(programs, "COPIES")? })
    }

    /// Calls `each` with what was sent since the last time: the copy, and what the program says of the
    /// kernel stack.
    pub fn read(&mut self, mut each: impl FnMut(StackCopy, Copied)) {
        while let Some(item) = self.ring.next() {
            match decode(&item) {
                Some((copy, head)) => each(copy, head),
                None => tracing::error!(bytes = item.len(), "a copy of a stack not understood"),
            }
        }
    }
}

impl AsFd for Copies {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// Decodes one event of the ring; `None` when it is none.
pub fn decode(bytes: &[u8]) -> Option<(StackCopy, Copied)> {
    let (head, stack) = bytes.split_at_checked(size_of::<Copied>())?;
    let head: Copied = bytemuck::pod_read_unaligned(head);
    let len = usize::try_from(head.len).ok()?.min(COPY_MAX);
    let copy = StackCopy {
        pid: head.pid,
        exec_id: head.exec_id,
        comm: text(&head.comm),
        kernel_stack: crate::source::StackId::NONE,
        registers: head.registers,
        leaf: head.leaf,
        stack: stack.get(..len)?.into(),
    };
    Some((copy, head))
}
