//! Columns of each kind of content: one file a kind, with what writes it and what reads it.

pub mod health;
pub mod offcpu;
pub mod opens;
pub mod processes;
pub mod profile;
pub mod stacks;
pub mod syscalls;
pub mod waiting;

use super::Damage;
use crate::source::WaitState;

fn state_number(state: WaitState) -> u64 {
    match state {
        WaitState::Runnable => 0,
        WaitState::Interruptible => 1,
        WaitState::Uninterruptible => 2,
        WaitState::Stopped => 3,
        WaitState::Idle => 4,
    }
}

fn state_of(number: u64) -> Result<WaitState, Damage> {
    Ok(match number {
        0 => WaitState::Runnable,
        1 => WaitState::Interruptible,
        2 => WaitState::Uninterruptible,
        3 => WaitState::Stopped,
        4 => WaitState::Idle,
        _ => return Err(Damage("a thread's state is unknown".to_owned())),
    })
}
