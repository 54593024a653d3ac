//! How much memory decoding a frame may take. The writer counts the same way, so that it never writes
//! what no reader would take.

use super::Damage;
use super::limits::DECODED_MAX;
use crate::source::{
    Batch, OffcpuDelta, OpenEvent, ProcessEvent, ProcessSeen, ProfileDelta, SyscallDelta,
    WaitingNow,
};

/// What a string costs besides its bytes.
const STRING: u64 = 24;

/// What is left for a frame, in bytes.
#[derive(Debug)]
pub struct Budget(u64);

impl Budget {
    pub fn of_frame() -> Self {
        Self(DECODED_MAX)
    }

    /// Pays for something before it is made.
    pub fn pay(&mut self, bytes: u64) -> Result<(), Damage> {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(Damage("it would take too much memory".to_owned())),
        }
    }

    /// Pays for so many things of a type.
    pub fn pay_for<T>(&mut self, count: u64) -> Result<(), Damage> {
        self.pay(count.saturating_mul(size_of::<T>() as u64))
    }
}

/// What a batch costs.
pub fn of_batch(batch: &Batch) -> u64 {
    size_of::<Batch>() as u64
        + batch.processes.iter().map(of_event).sum::<u64>()
        + batch.syscalls.iter().map(of_syscall).sum::<u64>()
        + of_opens(&batch.opens)
        + (batch.offcpu.len() * size_of::<OffcpuDelta>()) as u64
        + batch.waiting.as_ref().map_or(0, |all| (all.len() * size_of::<WaitingNow>()) as u64)
        + batch.profile.iter().map(of_sample).sum::<u64>()
        + batch.stacks.iter().map(|stack| of_stack(stack.frames.len())).sum::<u64>()
}

/// What an event costs.
fn of_event(event: &ProcessEvent) -> u64 {
    size_of::<ProcessEvent>() as u64
        + match event {
            ProcessEvent::Seen(ProcessSeen { comm, cmdline, ancestors, .. }) => {
                of_string(comm) + 4 * of_string(cmdline) + 4 * ancestors.len() as u64
            }
            ProcessEvent::Exec { comm, cmdline, .. } => of_string(comm) + 4 * of_string(cmdline),
            ProcessEvent::Fork { comm, .. } => of_string(comm),
            ProcessEvent::Exit { .. } => 0,
        }
}

fn of_syscall(delta: &SyscallDelta) -> u64 {
    (size_of::<SyscallDelta>() + size_of::<(u32, u64)>() * delta.errnos.len()) as u64
}

/// What these opens cost.
pub fn of_opens(opens: &[OpenEvent]) -> u64 {
    opens.iter().map(of_open).sum()
}

/// What an open costs.
pub fn of_open(open: &OpenEvent) -> u64 {
    size_of::<OpenEvent>() as u64 + of_string(&open.comm) + of_string(&open.path.text)
}

fn of_sample(delta: &ProfileDelta) -> u64 {
    size_of::<ProfileDelta>() as u64 + of_string(&delta.comm)
}

/// What a stack of so many frames costs.
pub fn of_stack(frames: usize) -> u64 {
    64 + 8 * frames as u64
}

/// What a string costs.
pub fn of_string(text: &str) -> u64 {
    STRING + text.len() as u64
}
