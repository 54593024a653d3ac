//! User stacks: syscope walks them itself, and knows which words a walk went by. It is determined by them and
//! by the registers that it begins with.

use crate::machine;
use crate::unwind::{TRACED_MAX, Walk, is_known, walk};
use aya_ebpf::helpers::generated::bpf_probe_read_user;
use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use syscope_shared::stack::NONE;
use syscope_shared::unwind::End;

/// Words of a stack that can be looked at, from the leaf on; a power of two. Only as many are read as a walk
/// went over.
const PART: usize = 1024;

/// Room for the part of a stack that is looked at.
#[map]
static USER_PART: PerCpuArray<[u64; PART]> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
fn stack_part() -> Option<&'static mut [u64; PART]> {
    // SAFETY: the value is this CPU's, and the switches of a CPU do not nest.
    USER_PART.get_ptr_mut(0).map(|part| unsafe { &mut *part })
}

/// A stack that was walked.
#[repr(C)]
struct Remembered {
    /// Whose it is: the address of the `task_struct`; 0: none.
    task: u64,
    /// What the walk began with: instruction pointer, stack pointer, frame pointer.
    start: [u64; 3],
    /// Process and program, as in the name: another may have had the `task_struct`, and the same stack by a
    /// fork.
    program: u64,
    name: u64,
    /// How many words lead to the root.
    count: u32,
    /// Bytes from the leaf on that have them all.
    bytes: u32,
    /// Where they are, in words from the leaf.
    at: [u32; TRACED_MAX],
    words: [u64; TRACED_MAX],
}

/// Sized by user space.
#[map]
static REMEMBERED: PerCpuArray<Remembered> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
fn place(task: u64, start: [u64; 3]) -> Option<&'static mut Remembered> {
    let mixed = (task >> 6) ^ (start[0] >> 2) ^ (start[1] >> 3);
    let index = (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
    let remembered = REMEMBERED.get_ptr_mut(index & (machine!(remembered) - 1))?;
    // SAFETY: the value is this CPU's, and the switches of a CPU do not nest.
    Some(unsafe { &mut *remembered })
}

#[inline(always)]
fn start_of(walk: &Walk) -> [u64; 3] {
    let registers = walk.sampled();
    [registers.ip, registers.sp, registers.fp]
}

impl Remembered {
    #[inline(always)]
    fn is_of(&self, task: u64, start: [u64; 3], program: u64) -> bool {
        self.task == task
            && self.start[0] == start[0]
            && self.start[1] == start[1]
            && self.start[2] == start[2]
            && self.program == program
    }

    /// Whether the words that lead to the root are what they were. `part` holds the stack.
    #[inline(always)]
    fn holds(&self, part: &[u64; PART]) -> bool {
        for index in 0..TRACED_MAX {
            if index as u32 >= self.count {
                break;
            }
            if part[self.at[index] as usize & (PART - 1)] != self.words[index] {
                return false;
            }
        }
        true
    }
}

/// The name of the user stack of the running thread, whose walk would begin with the registers in the walk
/// of `slot`; [`NONE`] if it is not known.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn recall_stack(task: u64, program: u64, slot: u32) -> u64 {
    let Some(walk) = walk(slot) else { return NONE };
    let start = start_of(walk);
    let Some(known) = place(task, start) else { return NONE };
    if !known.is_of(task, start, program) {
        return NONE;
    }
    let Some(part) = stack_part() else { return NONE };
    let bytes = known.bytes.min(PART as u32 * 8);
    // SAFETY: the buffer is as long as that; the helper checks the address it reads.
    if unsafe { bpf_probe_read_user(part.as_mut_ptr().cast(), bytes, start[1] as *const _) } != 0 {
        return NONE;
    }
    if known.holds(part) && is_known(known.name) { known.name } else { NONE }
}

/// Remembers the user stack that was walked in `slot`, if all that its walk went by lies on the stack.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn remember_stack(task: u64, program: u64, slot: u32) -> u32 {
    let Some(walk) = walk(slot) else { return 1 };
    let traced = walk.traced;
    if traced == 0 || traced > TRACED_MAX as u32 || walk.head.end != End::Complete as u32 {
        return 1;
    }
    let start = start_of(walk);
    let Some(known) = place(task, start) else { return 1 };
    (known.task, known.count, known.bytes) = (0, 0, 0);
    for _ in 0..TRACED_MAX {
        if remember_word(task, slot) != 0 {
            break;
        }
    }
    if known.count == traced {
        (known.name, known.start, known.program, known.task) = (walk.head.id, start, program, task);
    }
    0
}

/// Remembers the next word that the walk went by. Returns 0 while there may be more. A global function, as
/// in `unwind.rs`, and for the same reason.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn remember_word(task: u64, slot: u32) -> u32 {
    let Some(walk) = walk(slot) else { return 1 };
    let start = start_of(walk);
    let Some(known) = place(task, start) else { return 1 };
    let index = known.count as usize;
    if index >= TRACED_MAX || known.count >= walk.traced {
        return 1;
    }
    let distance = walk.traced_at[index].wrapping_sub(start[1]);
    if distance & 7 != 0 || distance >= PART as u64 * 8 {
        return 1;
    }
    known.at[index] = distance as u32 / 8;
    known.words[index] = walk.traced_words[index];
    known.bytes = known.bytes.max(distance as u32 + 8);
    known.count += 1;
    0
}
