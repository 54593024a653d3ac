//! Samples whose stack cannot be walked yet: a copy of the top of the stack goes to user space, which
//! walks it when the tables are there.

use aya_ebpf::helpers::generated::{
    bpf_probe_read_user, bpf_ringbuf_discard, bpf_ringbuf_reserve, bpf_ringbuf_submit,
};
use aya_ebpf::macros::map;
use aya_ebpf::maps::RingBuf;
use syscope_shared::unwind::{COPY_MAX, Copied};

/// Copies of stacks: each a [`Copied`] and the stack.
#[map]
static COPIES: RingBuf = RingBuf::with_byte_size(2 * 1024 * 1024, 0);

/// Bytes that are read at once: what is behind the end of a page may not be there.
const PAGE: u64 = 4096;

#[repr(C)]
struct Copy {
    head: Copied,
    stack: [u8; COPY_MAX],
    /// Room for the verifier, which does not see that the last page ends where the stack does.
    spare: [u8; PAGE as usize],
}

/// Sends a copy; false where there is no room. `fill` writes everything but the length.
#[inline(always)]
pub fn send(sp: u64, fill: impl FnOnce(&mut Copied)) -> bool {
    let ring = (&raw const COPIES).cast_mut().cast();
    // SAFETY: the ring is a map.
    let room = unsafe { bpf_ringbuf_reserve(ring, size_of::<Copy>() as u64, 0) };
    if room.is_null() {
        return false;
    }
    // SAFETY: the room is as long as asked for, and nobody else's until it is submitted.
    let copy = unsafe { &mut *room.cast::<Copy>() };
    fill(&mut copy.head);
    copy.head.len = 0;
    let mut done = 0;
    for _ in 0..COPY_MAX / PAGE as usize + 1 {
        let from = sp.wrapping_add(done);
        let part = PAGE - (from & (PAGE - 1));
        if done >= COPY_MAX as u64 || !read(&mut copy.stack, done, part, from) {
            break;
        }
        done += part;
        copy.head.len = done;
    }
    // SAFETY: the room is the one that was reserved.
    unsafe {
        if done == 0 {
            bpf_ringbuf_discard(room, 0);
        } else {
            bpf_ringbuf_submit(room, 0);
        }
    }
    done != 0
}

/// Reads a part of a page to where it belongs in the copy.
#[inline(always)]
fn read(stack: &mut [u8; COPY_MAX], at: u64, len: u64, from: u64) -> bool {
    let (at, len) = (at & (COPY_MAX as u64 - 1), len.min(PAGE));
    // SAFETY: `at` is within the copy, and behind its end is room for a page; the helper checks the
    // address it reads.
    unsafe {
        let to = stack.as_mut_ptr().add(at as usize).cast();
        bpf_probe_read_user(to, len as u32, from as *const _) == 0
    }
}
