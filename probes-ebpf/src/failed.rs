//! System calls that fail, one event each. Called from the system call programs; see `syscalls.rs`.

use crate::health::count;
use crate::ring;
use aya_ebpf::helpers::generated::bpf_get_current_comm;
use aya_ebpf::macros::map;
use aya_ebpf::maps::RingBuf;
use syscope_shared::COMM_LEN;
use syscope_shared::failed::Event;
use syscope_shared::health::ProbeId;

/// Bytes of the ring; a power of two. User space makes it small where nobody asks for the events.
const RING_BYTES: u32 = 8 * 1024 * 1024;

#[map]
static FAILED: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// Sends one call that returned an error; `event` has no name yet.
#[inline(always)]
pub fn emit(mut event: Event) {
    count(ProbeId::Syscalls, |c| c.events += 1);
    // SAFETY: the buffer is as long as said.
    unsafe { bpf_get_current_comm((&raw mut event.comm).cast(), COMM_LEN as u32) };
    // SAFETY: the event is as long as said.
    let sent = unsafe {
        ring::send(&FAILED, RING_BYTES, (&raw mut event).cast(), size_of::<Event>(), false)
    };
    if !sent {
        count(ProbeId::Syscalls, |c| c.ring_full += 1);
    }
}
