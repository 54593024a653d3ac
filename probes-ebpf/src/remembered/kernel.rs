//! Kernel stacks of threads that wait where they have waited before.
//!
//! The kernel's unwinder tells the return addresses, but not where on the stack it read them, and a copy of
//! one may lie there from an earlier call. So the places are found by looking more than once: each place
//! that holds the address is taken down, and of those only the ones are kept that hold it the next time,
//! too, when the kernel has the stack begin elsewhere (`CONFIG_RANDOMIZE_KSTACK_OFFSET` moves it at each
//! system call). The true place is always among them; when it is the only one, it is known.
//!
//! All places but that of the outermost address are counted from the leaf, which is where the program's
//! context lies; between that one and the next is what the kernel moves, so it is counted from the top.
//! Where the innermost address is the same, at the same place, it says which function's frame is above it,
//! and with the size of that frame where the next one must be, and so on to the outermost. (No function of
//! the kernel but the one that moves the stack has a frame whose size is not known when it is compiled:
//! `-Wvla`.)

use super::{PART, stack_part};
use crate::health::count;
use crate::machine;
use crate::unwind::{is_known, walk};
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use core::ptr::read_volatile;
use syscope_shared::health::ProbeId;
use syscope_shared::stack::NONE;

/// Return addresses of a stack, at most.
const FRAMES: usize = 24;
/// Places of one of them that are told apart.
const PLACES: usize = 8;
/// Bytes that kernel stacks are aligned to, at least (`THREAD_SIZE`).
const ALIGNMENT: u64 = 16 * 1024;
/// Code of the kernel lies in one part of so many bits of addresses.
const CODE_BITS: u32 = 31;
/// How often places are looked for.
const LOOKS: u32 = 16;
/// Of so many stacks that are recalled one is walked, to see that it still is the one; a power of two. That it
/// is not is counted.
const CHECKED: u32 = 64;

/// A stack that was walked.
#[repr(C)]
struct Remembered {
    /// Whose it is: the address of the `task_struct`; 0: none.
    task: u64,
    /// The system call it is in.
    call: u64,
    name: u64,
    /// How many addresses there are.
    frames: u32,
    /// The same when it is known where they are; 0: it is not.
    count: u32,
    /// How often they were looked for.
    looks: u32,
    /// Bytes of stack when the places were taken down.
    depth: u32,
    /// How often it was recalled.
    recalled: u32,
    /// 1: it would have been recalled, but is walked, to check.
    checked: u32,
    /// Addresses, leaf first.
    addresses: [u64; FRAMES],
    /// How many places each may have.
    places: [u32; FRAMES],
    /// The places: in words from the leaf, of the last from the top.
    at: [[u8; PLACES]; FRAMES],
}

/// Sized by user space.
#[map]
static REMEMBERED_KERNEL: PerCpuArray<Remembered> = PerCpuArray::with_max_entries(1, 0);

/// Where the context of the program is: see [`address_of`].
#[map]
static CONTEXT: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// The address of a program's context as a number, which the verifier lets nobody have directly. That of a
/// raw tracepoint lies on the kernel stack of the thread, at the same distance from the frame of the function
/// with the tracepoint each time.
#[inline(always)]
pub fn address_of<T>(context: *const T) -> u64 {
    let Some(place) = CONTEXT.get_ptr_mut(0) else { return 0 };
    // SAFETY: a value of a map, as the one kind of word and as the other.
    unsafe {
        place.cast::<*const T>().write_volatile(context);
        place.read_volatile()
    }
}

#[inline(always)]
fn place(task: u64, call: u64) -> Option<&'static mut Remembered> {
    let mixed = (task >> 6) ^ (call << 20);
    let index = (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
    let remembered = REMEMBERED_KERNEL.get_ptr_mut(index & (machine!(remembered) - 1))?;
    // SAFETY: the value is this CPU's, and the switches of a CPU do not nest.
    Some(unsafe { &mut *remembered })
}

/// Bytes from the context to the top of the stack, if they are no more than are looked at.
#[inline(always)]
fn depth_of(context: u64) -> Option<u32> {
    let depth = ALIGNMENT - (context & (ALIGNMENT - 1));
    (depth <= PART as u64 * 8).then_some(depth as u32)
}

/// Reads the kernel stack from the context on.
#[inline(always)]
fn read(part: &mut [u64; PART], context: u64, depth: u32) -> bool {
    let bytes = depth.min(PART as u32 * 8);
    // SAFETY: the buffer is as long as that; the helper checks the address it reads.
    unsafe { bpf_probe_read_kernel(part.as_mut_ptr().cast(), bytes, context as *const _) == 0 }
}

/// The word at a place: counted from the leaf, that of the last address from the top.
#[inline(always)]
fn word(part: &[u64; PART], at: u8, is_last: bool, depth: u32) -> u64 {
    part[place_of(at.into(), is_last, depth) as usize & (PART - 1)]
}

/// From the leaf to the top, or back.
#[inline(always)]
fn place_of(at: u32, is_last: bool, depth: u32) -> u32 {
    if is_last { (depth / 8).wrapping_sub(at + 1) } else { at }
}

/// The name of the kernel stack of the thread that leaves in this system call, if it is known; [`NONE`] if
/// not. `context`: see [`address_of`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn recall_kernel_stack(task: u64, call: u64, context: u64) -> u64 {
    let Some(known) = place(task, call) else { return NONE };
    if known.count == 0 || known.task != task || known.call != call {
        return NONE;
    }
    let (Some(part), Some(depth)) = (stack_part(), depth_of(context)) else { return NONE };
    if !read(part, context, depth) {
        return NONE;
    }
    for index in 0..FRAMES {
        if index as u32 >= known.count {
            break;
        }
        let is_last = index as u32 + 1 == known.count;
        if word(part, known.at[index][0], is_last, depth) != known.addresses[index] {
            return NONE;
        }
    }
    if !is_known(known.name) {
        return NONE;
    }
    known.recalled = known.recalled.wrapping_add(1);
    known.checked = u32::from(known.recalled & (CHECKED - 1) == 0);
    if known.checked == 1 { NONE } else { known.name }
}

/// Remembers the kernel stack that was walked in `slot`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn remember_kernel_stack(task: u64, call: u64, context: u64, slot: u32) -> u32 {
    let (Some(walk), Some(known)) = (walk(slot), place(task, call)) else { return 1 };
    let here = known.task == task && known.call == call;
    let same = here && known.name == walk.head.id;
    if here && !same && known.checked == 1 {
        count(ProbeId::Offcpu, |c| c.recalled_wrong += 1);
    }
    known.checked = 0;
    if same && known.looks >= LOOKS {
        return 1;
    }
    let (Some(part), Some(depth)) = (stack_part(), depth_of(context)) else { return 1 };
    if walk.head.depth as usize > FRAMES || !read(part, context, depth) {
        return 1;
    }
    if same {
        known.looks += 1;
        keep_those_that_hold(known, (task, call), depth);
        return 0;
    }
    known.task = 0;
    known.count = 0;
    known.looks = 0;
    let mut taken = 0;
    let code = walk.word(0) >> CODE_BITS;
    for index in 0..FRAMES {
        if index as u32 >= walk.head.depth {
            break;
        }
        known.addresses[index] = walk.word(index);
        known.places[index] = 0;
        taken = index as u32 + 1;
    }
    (known.frames, known.call, known.name, known.depth) = (taken, call, walk.head.id, depth);
    for at in 0..PART as u32 {
        // From memory, of which the compiler does not know how small it is: it would take this bound for the
        // only one, which kernel 5.10 cannot follow.
        // SAFETY: a field of a value of a map.
        if at * 8 >= unsafe { read_volatile(&raw const known.depth) } {
            break;
        }
        if part[at as usize] >> CODE_BITS == code {
            take_down(task, call, at, depth);
        }
    }
    known.task = task;
    0
}

/// Takes down whose place a word of the stack may be.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn take_down(task: u64, call: u64, at: u32, depth: u32) -> u32 {
    let (Some(known), Some(part)) = (place(task, call), stack_part()) else { return 1 };
    let word = part[at as usize & (PART - 1)];
    for index in 0..FRAMES {
        if index as u32 >= known.frames {
            break;
        }
        if known.addresses[index] != word {
            continue;
        }
        let is_last = index as u32 + 1 == known.frames;
        let places = known.places[index] as usize;
        if places < PLACES {
            known.at[index][places] = place_of(at, is_last, depth) as u8;
        }
        known.places[index] = places as u32 + 1;
    }
    0
}

/// Keeps of the places of each address only those that hold it now, too. When there is one of each, they are
/// known.
#[inline(always)]
fn keep_those_that_hold(known: &mut Remembered, (task, call): (u64, u64), depth: u32) {
    let mut unsure = 0;
    for index in 0..FRAMES as u32 {
        if index >= known.frames {
            break;
        }
        match keep_places(task, call, index, depth) {
            // It is not as it was thought to be: anew.
            0 => known.task = 0,
            1 => {}
            _ => unsure = 1,
        }
    }
    let known_all = unsure == 0 && known.task != 0;
    known.count = if known_all { known.frames } else { 0 };
}

/// The same for one address: how many places are left. A function of its own, which the verifier looks at
/// once.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn keep_places(task: u64, call: u64, index: u32, depth: u32) -> u32 {
    let (Some(known), Some(part)) = (place(task, call), stack_part()) else { return 0 };
    let index = index as usize;
    if index >= FRAMES {
        return 0;
    }
    let places = known.places[index];
    if places > PLACES as u32 {
        return places;
    }
    let is_last = index as u32 + 1 == known.frames;
    let address = known.addresses[index];
    known.places[index] = 0;
    for at in 0..PLACES {
        if at as u32 >= places {
            break;
        }
        let place = known.at[index][at];
        if word(part, place, is_last, depth) == address {
            let kept = known.places[index] as usize;
            known.at[index][kept & (PLACES - 1)] = place;
            known.places[index] = kept as u32 + 1;
        }
    }
    known.places[index]
}
