//! Counters by which a probe says what it could not deliver.

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use syscope_shared::health::{Counters, PROBES, ProbeId};

#[map]
static HEALTH: PerCpuArray<Counters> = PerCpuArray::with_max_entries(PROBES, 0);

/// Changes the counters of a probe on this CPU.
#[inline(always)]
pub fn count(probe: ProbeId, change: impl FnOnce(&mut Counters)) {
    count_of(probe as u32, change);
}

/// The same, of a probe that a global function was told by its number.
#[inline(always)]
pub fn count_of(probe: u32, change: impl FnOnce(&mut Counters)) {
    if let Some(counters) = HEALTH.get_ptr_mut(probe) {
        // SAFETY: the pointer is to this CPU's value, and nothing else runs on this CPU meanwhile
        // but an interrupt, whose program counts for another probe.
        change(unsafe { &mut *counters });
    }
}
