//! Stacks as the kernel walks them: its own, and where syscope does not walk them, those of programs.

use crate::health::count;
use crate::unwind::{Walk, name_stack, walk};
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::BPF_F_USER_STACK;
use aya_ebpf::helpers::generated::bpf_get_stack;
use syscope_shared::health::ProbeId;
use syscope_shared::stack::{KERNEL_FRAMES, LOST, NONE};
use syscope_shared::unwind::{End, HASH_SEED, Head, mix};

const EFAULT: i64 = 14;

/// The name of the kernel stack of the running thread. `slot`: the walk of the probe; `skipped`: frames at
/// its leaf that are left out.
#[inline(always)]
pub fn kernel_stack<C: EbpfContext>(ctx: &C, probe: ProbeId, slot: u32, skipped: u64) -> u64 {
    let Some(walk) = walk(slot) else { return LOST };
    let end = End::Complete as u32;
    walk.head = Head { id: HASH_SEED, pid: 0, exec_id: 0, end, depth: 0, python: 0, python_end: 0 };
    match collect(ctx, slot, walk, skipped) {
        Collected::Frames => name_stack(slot, probe as u32),
        Collected::None => NONE,
        Collected::Failed => {
            count(probe, |c| c.stack_errors += 1);
            LOST
        }
    }
}

/// The name of the user stack of the running thread, by frame pointers: of 32-bit programs, and where
/// walking is off.
#[inline(always)]
pub fn by_frame_pointers<C: EbpfContext>(
    ctx: &C,
    probe: ProbeId,
    slot: u32,
    walk: &mut Walk,
) -> u64 {
    walk.head.end = End::Unknown as u32;
    match collect(ctx, slot, walk, u64::from(BPF_F_USER_STACK)) {
        Collected::Frames => name_stack(slot, probe as u32),
        // A thread of the kernel that borrows the memory of a process has none.
        _ => NONE,
    }
}

enum Collected {
    Frames,
    None,
    Failed,
}

/// Has the kernel walk a stack.
#[inline(always)]
fn collect<C: EbpfContext>(ctx: &C, slot: u32, walk: &mut Walk, flags: u64) -> Collected {
    let room = (KERNEL_FRAMES * 8) as u32;
    // SAFETY: the buffer is as long as said.
    let bytes = unsafe { bpf_get_stack(ctx.as_ptr(), walk.words().cast(), room, flags) };
    if bytes == 0 || bytes == -EFAULT {
        return Collected::None;
    }
    if bytes < 0 {
        return Collected::Failed;
    }
    walk.head.depth = bytes as u32 / 8;
    name_words(slot);
    walk.not_ready = 0;
    Collected::Frames
}

/// Mixes the addresses of the stack in `slot` into its name. A global function, which the verifier looks at
/// by itself: inlined, it would follow what comes behind the loop once for each length.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn name_words(slot: u32) -> u32 {
    let Some(walk) = walk(slot) else { return 1 };
    let depth = walk.head.depth as usize;
    for index in 0..KERNEL_FRAMES {
        if index >= depth {
            break;
        }
        walk.head.id = mix(walk.head.id, walk.word(index));
    }
    0
}
