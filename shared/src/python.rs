//! Python frames: where CPython keeps the functions that a thread runs, read when a stack is taken.
//!
//! A thread of a Python program has a *thread state*, which leads to the frame of the innermost function,
//! and each frame to the one that called it. The evaluation loop (`_PyEval_EvalFrameDefault`) runs a
//! Python function that a Python function calls itself, without a call in C; through C (a callback, `sorted`'s
//! key) it is entered anew. So the frames come in *runs*, one for each time that the loop was entered, and
//! each run has something of its own on the C stack, whose address says in which native frame the run is:
//!
//! - 3.11 a `_PyCFrame`; the first frame of a run says that it is (`is_entry`),
//! - from 3.12 on a frame of no function, owned by the C stack (`owner`), behind the first of the run.
//!
//! Behind the native addresses of a stack there are pairs of words, innermost first: of a function its
//! code object, and an [`instruction`] word; behind the last of a run 0, and the index of the native frame
//! that it is in, or [`NOWHERE`].

use bytemuck::{Pod, Zeroable};

/// Pairs of a stack at most.
pub const PAIRS_MAX: usize = 255;
/// Thread states that are looked at for the one of a thread.
pub const THREADS_MAX: u32 = 512;
/// Layouts that there can be: one for each version, and each way to build it, that is met.
pub const LAYOUTS_MAX: u32 = 64;

/// A run is in none of the native frames that are known.
pub const NOWHERE: u64 = u32::MAX as u64;

/// From here on, the owner of a frame is not a function (`FRAME_OWNED_BY_CSTACK` of 3.12 and 3.13;
/// `FRAME_OWNED_BY_INTERPRETER` of 3.14, which has the other as 4).
pub const OWNED_BY_C: u8 = 3;

/// Value of the `PYTHONS` map: offsets of fields, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct Layout {
    /// `_PyRuntimeState.interpreters.head`
    pub interpreters: u32,
    /// `PyInterpreterState.next`
    pub next_interpreter: u32,
    /// `PyInterpreterState.threads.head`
    pub threads: u32,
    /// `PyThreadState.next`
    pub next_thread: u32,
    /// `PyThreadState.thread_id`: what `pthread_self` gives, which is the base of the thread's own
    /// memory. (The kernel's id is another one in a PID namespace.)
    pub thread_id: u32,
    /// `PyThreadState.current_frame`; where there are C frames: `PyThreadState.cframe`.
    pub frame: u32,
    /// 1: there are C frames (3.11 and 3.12).
    pub c_frames: u32,
    /// `_PyCFrame.current_frame`
    pub c_frame_frame: u32,
    /// `_PyCFrame.previous`
    pub c_frame_previous: u32,
    /// 1: the first frame of a run says so (3.11).
    pub entries: u32,
    /// `_PyInterpreterFrame.f_code` or `f_executable`
    pub code: u32,
    /// `_PyInterpreterFrame.previous`
    pub previous: u32,
    /// `_PyInterpreterFrame.prev_instr` or `instr_ptr`
    pub instruction: u32,
    /// `_PyInterpreterFrame.owner`; where the first frame of a run says so: `is_entry`.
    pub owner: u32,
    /// `PyCodeObject.co_firstlineno`
    pub first_line: u32,
}

/// How the Python frames of a stack ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum End {
    /// The thread runs no Python code.
    #[default]
    None = 0,
    /// At the first function of the thread.
    Complete = 1,
    /// There are more than [`PAIRS_MAX`].
    DepthLimit = 2,
    /// They could not be read.
    Unreadable = 3,
    /// There are more than [`THREADS_MAX`] threads, and none of these was it.
    Threads = 4,
    /// Nobody looked: the stack was walked in user space, later.
    NotRead = 5,
}

impl End {
    /// All of them, by number.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Complete,
        Self::DepthLimit,
        Self::Unreadable,
        Self::Threads,
        Self::NotRead,
    ];
}

/// The second word of a function: where in its code object it is, in bytes (`u32::MAX`: outside of it),
/// and above that the line that the code object begins with. A code object of another function that takes
/// the place of this one, before it is looked at, begins with another line.
#[inline(always)]
pub const fn instruction(code: u64, at: u64, first_line: u32) -> u64 {
    let offset = at.wrapping_sub(code);
    let offset = if offset < u32::MAX as u64 { offset } else { u32::MAX as u64 };
    (first_line as u64) << 32 | offset
}

/// Offset and line of an [`instruction`] word.
pub const fn of_instruction(word: u64) -> (Option<u32>, u32) {
    let offset = word as u32;
    (if offset == u32::MAX { None } else { Some(offset) }, (word >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_holds_offset_and_line() {
        assert_eq!(of_instruction(instruction(0x1000, 0x10c0, 77)), (Some(0xc0), 77));
        assert_eq!(of_instruction(instruction(0x1000, 0xfff, 77)), (None, 77), "before it");
        assert_eq!(of_instruction(instruction(0x1000, u64::MAX, 77)), (None, 77), "far behind it");
    }

    #[test]
    fn ends_have_the_numbers_of_their_places() {
        for (number, end) in End::ALL.into_iter().enumerate() {
            assert_eq!(end as usize, number);
        }
    }
}
