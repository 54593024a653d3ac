//! The part of the filter that the kernel applies: before anything else, at one map look-up.

use aya_ebpf::macros::map;
use aya_ebpf::maps::HashMap;
use syscope_shared::filter::{Config, FILTER_SLOTS};

/// PIDs to watch, when only the listed ones are watched.
#[map]
static FILTER: HashMap<u32, u8> = HashMap::with_max_entries(FILTER_SLOTS, 0);

/// Whether a process is watched.
#[inline(always)]
pub fn watched(config: &Config, pid: u32) -> bool {
    pid != config.own[0] && pid != config.own[1] && (config.only_listed == 0 || listed(pid))
}

/// Whether a process is in the list.
#[inline(always)]
pub fn listed(pid: u32) -> bool {
    FILTER.get_ptr(pid).is_some()
}

/// Puts a process into the list. A full list is user space's to notice: it sees every process
/// that starts and lists it again.
#[inline(always)]
pub fn list(pid: u32) {
    let _ = FILTER.insert(pid, 1, 0);
}
