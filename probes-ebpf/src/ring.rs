//! Sending to a ring buffer that user space reads once a tick.

use aya_ebpf::bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::helpers::generated::{bpf_ringbuf_output, bpf_ringbuf_query};
use aya_ebpf::maps::RingBuf;
use core::ffi::c_void;

const BPF_RB_AVAIL_DATA: u64 = 0;

/// Sends `size` bytes to a ring of `ring_bytes`; whether there was room. User space is woken between
/// its ticks for what is urgent, and when a quarter of the ring waits for it: a wakeup an event would
/// cost more than the event.
///
/// # Safety
///
/// `data` has at least `size` bytes.
#[inline(always)]
pub unsafe fn send(
    ring: &RingBuf,
    ring_bytes: u32,
    data: *mut c_void,
    size: usize,
    urgent: bool,
) -> bool {
    let ring = core::ptr::from_ref(ring).cast_mut().cast();
    // SAFETY: the ring is a map; the caller vouches for the data.
    unsafe {
        let waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
        let wake = urgent || waiting > u64::from(ring_bytes / 4);
        let wakeup = if wake { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
        bpf_ringbuf_output(ring, data, size as u64, u64::from(wakeup)) == 0
    }
}
