//! The tables that stacks are walked with, and what is searched in them: the process, the segment of an
//! address, its rule. What they do not have, user space is asked for.
//!
//! What a search carries from turn to turn lies in the [`Walk`]: see [`crate::unwind`].

use crate::machine;
use crate::unwind::Walk;
use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::btf_maps::{Array as Piece, ArrayOfMaps};
use aya_ebpf::macros::{btf_map, map};
use aya_ebpf::maps::{Array, HashMap, RingBuf};
use core::ptr::{read_volatile, write_volatile};
use syscope_shared::unwind::{
    Asked, CHUNK_SEGMENTS, PAGE_BITS, PAGE_ROWS_LOG2, PIECE_WORDS, PIECES_MAX, Process,
    RULE_NO_DATA, RULES_MAX, Rule, SEGMENTS_LOG2, Segment, row, rule_of,
};

/// The tables of all files, in pieces that user space makes as it needs them (and whose number it sets): how
/// much a machine needs differs by a factor of ten.
#[btf_map]
static UNWIND: ArrayOfMaps<Piece<[u32; PIECE_WORDS], 1, MAPPABLE>, PIECES_MAX> = ArrayOfMaps::new();
const MAPPABLE: usize = BPF_F_MMAPABLE as usize;

/// The rules of all tables.
#[map]
static RULES: Array<Rule> = Array::with_max_entries(RULES_MAX, BPF_F_MMAPABLE);

/// The code of all processes (sized by user space).
#[map]
static SEGMENTS: Array<[Segment; CHUNK_SEGMENTS]> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// What is known of each process that was met in a stack.
#[map]
static PROCESSES: HashMap<u32, Process> = HashMap::with_max_entries(16 * 1024, 0);

/// Processes that user space is to look at.
#[map]
static ASKED: RingBuf = RingBuf::with_byte_size(64 * 1024, 0);

/// Finds what is known of the process, and asks for it where nothing is.
#[inline(always)]
pub fn look_process_up(walk: &mut Walk) {
    let pid = walk.head.pid;
    walk.not_ready = 0;
    walk.segment.len = 0;
    if let Some(process) = PROCESSES.get_ptr(pid) {
        // SAFETY: the map keeps the memory, and any bytes are a process.
        walk.process = unsafe { read_volatile(process) };
        if walk.process.exec_id == walk.head.exec_id {
            walk.not_ready = u32::from(walk.process.count == 0);
            return;
        }
    }
    walk.not_ready = 1;
    let exec_id = walk.head.exec_id;
    let (python, python_layout) = (0, 0);
    let asked = Process::ASKED_FOR;
    walk.process = Process { first: 0, count: 0, exec_id, asked, python, python_layout, pad: 0 };
    // The entry says that it has been asked for. Where there is no room, it is asked for again.
    if ask(pid, exec_id, 0) {
        let _ = PROCESSES.insert(pid, walk.process, 0);
    }
}

#[inline(always)]
fn ask(pid: u32, exec_id: u32, address: u64) -> bool {
    let asked = Asked { pid, exec_id, address };
    ASKED.output::<Asked>(&asked, 0).is_ok()
}

/// Tells user space of an address in none of the segments of a process.
#[inline(always)]
pub fn tell_unknown(walk: &Walk, address: u64) {
    let Some(process) = PROCESSES.get_ptr_mut(walk.head.pid) else { return };
    if ask(walk.head.pid, walk.head.exec_id, address) {
        // SAFETY: the map keeps the memory. User space may write the entry anew meanwhile: then it
        // has looked, and is asked once more than needed, or a little later.
        unsafe { write_volatile(&raw mut (*process).asked, Process::ASKED_FOR) };
    }
}

/// A child begins with the code of its parent.
#[inline(always)]
pub fn forked(parent: u32, child: u32) {
    if machine!(unwind_on) == 0 {
        return;
    }
    // SAFETY: copied at once; a torn copy is found out by its exec id, or is one of two true ones.
    if let Some(process) = unsafe { PROCESSES.get(parent) } {
        let copy = *process;
        let _ = PROCESSES.insert(child, copy, 0);
    }
}

/// Finds the segment of an address, and keeps it in the walk.
#[inline(always)]
pub fn find_segment(walk: &mut Walk, address: u64) -> bool {
    if address.wrapping_sub(walk.segment.start) < walk.segment.len {
        return true;
    }
    let first = walk.process.first;
    set(&raw mut walk.low, first);
    set(&raw mut walk.high, first.wrapping_add(walk.process.count));
    // The last segment that begins at the address or before it.
    for _ in 0..SEGMENTS_LOG2 + 1 {
        let (low, high) = (get(&raw const walk.low), get(&raw const walk.high));
        if low >= high {
            break;
        }
        let middle = low + (high - low) / 2;
        let Some(segment) = segment(middle) else { return false };
        // SAFETY: the map keeps the memory, and any bytes are a segment.
        let start = unsafe { read_volatile(&raw const (*segment).start) };
        if start <= address {
            set(&raw mut walk.low, middle + 1);
        } else {
            set(&raw mut walk.high, middle);
        }
    }
    let behind = get(&raw const walk.low);
    if behind == first {
        return false;
    }
    let Some(segment) = segment(behind - 1) else { return false };
    // SAFETY: as above.
    walk.segment = unsafe { read_volatile(segment) };
    address.wrapping_sub(walk.segment.start) < walk.segment.len
}

#[inline(always)]
fn segment(index: u32) -> Option<*const Segment> {
    let chunk = SEGMENTS.get_ptr(index / CHUNK_SEGMENTS as u32)?;
    let within = index as usize & (CHUNK_SEGMENTS - 1);
    // SAFETY: `within` is below the length of the array.
    Some(unsafe { chunk.cast::<Segment>().add(within) })
}

/// Finds the rule for an address of the table of the walk's segment.
#[inline(always)]
pub fn find_rule(walk: &mut Walk, address: u64) -> Option<&'static Rule> {
    let rule = RULES.get_ptr(find_number(walk, address))?;
    // SAFETY: the map keeps the memory; user space writes a rule before a table that names it.
    Some(unsafe { &*rule })
}

/// Finds the number of that rule.
#[inline(always)]
fn find_number(walk: &mut Walk, address: u64) -> u32 {
    let page = address >> PAGE_BITS;
    let (base, pages) = (walk.segment.base, walk.segment.pages);
    if page >= u64::from(pages) {
        return RULE_NO_DATA;
    }
    let index = base.wrapping_add(page as u32);
    let rows = base.wrapping_add(pages).wrapping_add(1);
    let (Some(low), Some(high)) = (word(index), word(index.wrapping_add(1))) else {
        return RULE_NO_DATA;
    };
    set(&raw mut walk.low, rows.wrapping_add(low));
    set(&raw mut walk.high, rows.wrapping_add(high));
    let wanted = row(address, 0);
    // The first row is for the page's first address, so that there always is one before the end.
    for _ in 0..PAGE_ROWS_LOG2 {
        let (low, high) = (get(&raw const walk.low), get(&raw const walk.high));
        if low >= high {
            break;
        }
        let middle = low + (high - low) / 2;
        let Some(found) = word(middle) else { return RULE_NO_DATA };
        if row(u64::from(found), 0) <= wanted {
            set(&raw mut walk.low, middle + 1);
        } else {
            set(&raw mut walk.high, middle);
        }
    }
    word(get(&raw const walk.low).wrapping_sub(1)).map_or(RULE_NO_DATA, rule_of)
}

/// A word of the tables.
#[inline(always)]
fn word(index: u32) -> Option<u32> {
    let piece = UNWIND.get_value_ptr_mut(index / PIECE_WORDS as u32, &0)?;
    let within = index as usize & (PIECE_WORDS - 1);
    // SAFETY: `within` is below the length of the array; user space writes whole words.
    Some(unsafe { read_volatile(piece.cast::<u32>().add(within)) })
}

#[inline(always)]
fn get(place: *const u32) -> u32 {
    // SAFETY: the callers hand over fields of a walk.
    unsafe { read_volatile(place) }
}

#[inline(always)]
fn set(place: *mut u32, value: u32) {
    // SAFETY: the callers hand over fields of a walk.
    unsafe { write_volatile(place, value) };
}
