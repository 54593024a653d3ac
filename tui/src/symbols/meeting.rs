//! Looking at processes when they are met, on other threads than the one that resolves stacks: that may
//! be busy with one file for longer than a process lives.

use super::address_space::{AddressSpace, CodeMapping};
use super::files::Identity;
use super::held::Held;
use super::queue::Shared;
use std::fs::File;
use std::sync::{Arc, Weak};

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
    let number = shared.look_begins(pid);
    let space = AddressSpace::read(pid, held).ok();
    match (space, shared.look_ends(number)) {
        // What was seen is of the program before, and nobody may look again.
        (Some(space), Some(at)) if space.taken < at => AddressSpace::read(pid, held).ok(),
        (space, _) => space,
    }
}

/// Looks at processes for somebody who wants to know of their code, too: what is seen is known to the
/// worker from then on.
#[derive(Clone, Debug)]
pub struct Meeter {
    pub(super) shared: Weak<Shared>,
    pub(super) held: Arc<Held>,
}

impl Meeter {
    /// The code that a process has mapped, in order of address. `None`: it has ended, or may not be
    /// looked at.
    pub fn meet(&self, pid: u32) -> Option<Vec<CodeMapping>> {
        // The worker has ended, and with it soon the caller.
        let shared = self.shared.upgrade()?;
        let space = look(pid, &shared, &self.held)?;
        let code = space.code();
        shared.met(space);
        Some(code)
    }

    /// A file that was seen, open.
    pub fn file(&self, mapping: &CodeMapping, identity: &Identity) -> Option<Arc<File>> {
        mapping.open(identity, &self.held)
    }
}
