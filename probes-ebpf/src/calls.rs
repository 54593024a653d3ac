//! Counts of system calls: rows of an array, of which each CPU has its own, found by process and call
//! in a bucket of eight keys. What finds its bucket full is counted in a hash map.
//!
//! Rows are taken at the entry of calls only: from kernel 7 on a program can be preempted, and another
//! program on its CPU could take the same row.

use crate::health::count;
use crate::marks::{Marks, mark};
use crate::{atomic, machine};
use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_NOEXIST};
use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap};
use core::ptr::{read_volatile, write_volatile};
use syscope_shared::health::ProbeId;
use syscope_shared::hist;
use syscope_shared::syscalls::{Bucket, FREE, Key, NO_ROW, Stats, WAYS};

/// The rows (sized by user space).
#[map]
static CALLS: Array<Bucket> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Buckets in which a row was taken (sized by user space).
#[map]
static CALLS_TAKEN: Marks = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// What finds its bucket full, of all CPUs: memory for each of them would be theirs from the start, and the
/// kernel takes its time to find it.
#[map]
static SYSCALLS: HashMap<Key, Stats> = HashMap::with_max_entries(16 * 1024, 0);

/// Counts a call that was entered: the row it is counted in.
#[inline(always)]
pub fn entered(key: Key) -> u32 {
    let word = key.word();
    let index = bucket_of(word);
    if let Some(bucket) = CALLS.get_ptr_mut(index)
        // SAFETY: the map keeps the memory.
        && let Some(way) = unsafe { find(bucket, word) }
    {
        // SAFETY: the bucket is this CPU's, on which this program does not nest.
        unsafe { (*bucket).rows[way].calls += 1 };
        return index * WAYS as u32 + way as u32;
    }
    entered_first(index, word)
}

/// The same of a key that has no row in its bucket: takes a free one. A global function, for it is rare.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn entered_first(index: u32, word: u64) -> u32 {
    if let Some(bucket) = CALLS.get_ptr_mut(index)
        // SAFETY: the map keeps the memory. User space frees rows, but takes none.
        && let Some(way) = unsafe { find(bucket, FREE) }
    {
        // SAFETY: the bucket is this CPU's; user space takes a row that it does not know for no one's.
        unsafe {
            (*bucket).rows[way].calls += 1;
            write_volatile(&raw mut (*bucket).keys[way], word);
        }
        mark(&CALLS_TAKEN, index);
        return index * WAYS as u32 + way as u32;
    }
    enter_in_map(Key::of_word(word));
    count(ProbeId::Syscalls, |c| c.written += 1);
    NO_ROW
}

/// Counts a call that returned. `row`: what [`entered`] said of it.
#[inline(always)]
pub fn returned(key: Key, row: u32, duration_ns: u64, is_error: bool) {
    let buckets = machine!(call_buckets);
    let index = row / WAYS as u32;
    // Not so for [`NO_ROW`], either.
    if index.wrapping_sub(cpu() * buckets) < buckets
        && let Some(bucket) = CALLS.get_ptr_mut(index)
    {
        // SAFETY: the map keeps the memory.
        let row = unsafe { &raw mut (*bucket).rows[row as usize & (WAYS - 1)] };
        return add(row, duration_ns, is_error);
    }
    returned_elsewhere(key.word(), row, duration_ns, u32::from(is_error));
}

#[inline(always)]
fn add(stats: *mut Stats, duration_ns: u64, is_error: bool) {
    // SAFETY: the counts are this CPU's; no other program on this CPU writes these fields of them.
    let stats = unsafe { &mut *stats };
    stats.total_ns += duration_ns;
    let bucket = hist::bucket(duration_ns);
    if bucket < hist::BUCKETS {
        stats.hist[bucket] += 1;
    }
    stats.errors += u64::from(is_error);
}

/// The same to counts of all CPUs.
#[inline(always)]
fn add_with_others(stats: *mut Stats, duration_ns: u64, is_error: bool) {
    // SAFETY: the map keeps the memory, and every program adds to it so.
    unsafe {
        atomic::add(&raw mut (*stats).total_ns, duration_ns);
        let bucket = hist::bucket(duration_ns);
        if bucket < hist::BUCKETS {
            atomic::add(&raw mut (*stats).hist[bucket], 1);
        }
        if is_error {
            atomic::add(&raw mut (*stats).errors, 1);
        }
    }
}

/// A call returned, and the row is none of this CPU: the thread has moved, or the call is counted in the map.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn returned_elsewhere(word: u64, row: u32, duration_ns: u64, is_error: u32) -> u32 {
    let (key, is_error) = (Key::of_word(word), is_error != 0);
    if row != NO_ROW
        && let Some(stats) = row_here(word)
    {
        add(stats, duration_ns, is_error);
        return 0;
    }
    add_in_map(key, row, duration_ns, is_error);
    count(ProbeId::Syscalls, |c| c.written += 1);
    0
}

#[inline(always)]
fn add_in_map(key: Key, row: u32, duration_ns: u64, is_error: bool) {
    if let Some(stats) = SYSCALLS.get_ptr_mut(key) {
        return add_with_others(stats, duration_ns, is_error);
    }
    if row == NO_ROW {
        // The map was full when it was entered: it counted as lost.
        return;
    }
    let mut fresh = Stats { calls: 0, errors: 0, total_ns: 0, hist: [0; hist::BUCKETS] };
    add(&raw mut fresh, duration_ns, is_error);
    if SYSCALLS.insert(key, fresh, u64::from(BPF_NOEXIST)).is_err() {
        match SYSCALLS.get_ptr_mut(key) {
            Some(stats) => add_with_others(stats, duration_ns, is_error),
            None => count(ProbeId::Syscalls, |c| c.map_full += 1),
        }
    }
}

/// The counts of a key on this CPU, in the array.
#[inline(always)]
fn row_here(word: u64) -> Option<*mut Stats> {
    let bucket = CALLS.get_ptr_mut(bucket_of(word))?;
    // SAFETY: the map keeps the memory.
    unsafe { find(bucket, word).map(|way| &raw mut (*bucket).rows[way]) }
}

/// The row of a key in its bucket.
///
/// # Safety
///
/// The bucket is one of the map's.
#[inline(always)]
unsafe fn find(bucket: *mut Bucket, word: u64) -> Option<usize> {
    // SAFETY: user space may write the words meanwhile, never half of one.
    (0..WAYS).find(|way| unsafe { read_volatile(&raw const (*bucket).keys[*way]) } == word)
}

#[inline(always)]
fn bucket_of(word: u64) -> u32 {
    let buckets = machine!(call_buckets);
    cpu() * buckets + Key::bucket(word, buckets)
}

#[inline(always)]
fn cpu() -> u32 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_smp_processor_id() }
}

#[inline(always)]
fn enter_in_map(key: Key) {
    if let Some(stats) = SYSCALLS.get_ptr_mut(key) {
        // SAFETY: the map keeps the memory.
        unsafe { atomic::add(&raw mut (*stats).calls, 1) };
        return;
    }
    let fresh = Stats { calls: 1, errors: 0, total_ns: 0, hist: [0; hist::BUCKETS] };
    if SYSCALLS.insert(key, fresh, u64::from(BPF_NOEXIST)).is_ok() {
        return;
    }
    // Another CPU was first, or the map is full.
    match SYSCALLS.get_ptr_mut(key) {
        // SAFETY: as above.
        Some(stats) => unsafe { atomic::add(&raw mut (*stats).calls, 1) },
        None => count(ProbeId::Syscalls, |c| c.map_full += 1),
    }
}
