//! Looking at processes when they are met, on a thread of its own: the one that resolves stacks may be
//! busy with one file for longer than a process lives.

use super::address_space::AddressSpace;
use super::held::Held;
use super::queue::Shared;
use std::sync::Arc;

/// Name of the thread.
pub(super) const THREAD_NAME: &str = "symbols-meet";

/// Works until the worker is dropped.
pub(super) fn run(shared: &Shared, held: &Arc<Held>) {
    while let Some(pid) = shared.next_to_meet() {
        if let Some(space) = look(pid, shared, held) {
            shared.met(space);
        }
    }
}

fn look(pid: u32, shared: &Shared, held: &Held) -> Option<AddressSpace> {
    let first = AddressSpace::read(pid, held).ok()?;
    if !shared.changed_meanwhile() {
        return Some(first);
    }
    // Of a program that may have been replaced just then, after which nobody looks again; if it ended,
    // what was read is all there is.
    Some(AddressSpace::read(pid, held).unwrap_or(first))
}
