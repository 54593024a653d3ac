//! Python frames behind the native ones of a stack: see [`syscope_shared::python`].
//!
//! Each step is a global function, as in `unwind.rs`, and for the same reason.

use crate::kernel::{current_task, field};
use crate::machine;
use crate::unwind::{Walk, walk};
use aya_ebpf::helpers::bpf_probe_read_user;
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use core::ptr::read_volatile;
use syscope_shared::python::{
    End, LAYOUTS_MAX, Layout, NOWHERE, OWNED_BY_C, PAIRS_MAX, THREADS_MAX, instruction,
};
use syscope_shared::unwind::{FRAMES_MAX, mix};

/// Layouts of the versions that were met.
#[map]
static PYTHONS: Array<Layout> = Array::with_max_entries(LAYOUTS_MAX, 0);

/// Turns at most: of each native frame one, of each pair one, and of each run one more.
const TURNS: usize = FRAMES_MAX + 2 * PAIRS_MAX + 2;

/// The lowest bits of a pointer may say how it is held.
const TAG: u64 = 7;

/// Where the walk is.
#[repr(C)]
pub struct Python {
    layout: Layout,
    pad: u32,
    /// What the thread knows itself by.
    thread_id: u64,
    /// The next interpreter whose threads are looked through, and the next thread.
    interpreter: u64,
    thread: u64,
    /// The next frame; 0: there is none.
    frame: u64,
    /// The C frame of the run that is being read, where there are such.
    c_frame: u64,
    /// What the run that was just read has on the C stack; 0: it is being read.
    entry: u64,
    /// Index of the native frame that the last run was in.
    native: u32,
    /// Frames of the run that is being read.
    open: u32,
}

/// Adds the Python frames of the running thread to its walk. Each step writes to the walk: what refers to it
/// is taken anew.
#[inline(always)]
pub fn add(slot: u32) {
    let begun = walk(slot).is_some_and(|walk| {
        let begun = begin(walk);
        if begun {
            walk.head.python_end = End::Threads as u32;
        }
        begun
    });
    if !begun {
        return;
    }
    for _ in 0..THREADS_MAX {
        if python_thread(slot) != 0 {
            break;
        }
    }
    let runs = walk(slot).is_some_and(|walk| {
        let runs = walk.python.frame != 0;
        if runs {
            walk.head.python_end = End::DepthLimit as u32;
        }
        runs
    });
    if runs {
        for _ in 0..TURNS {
            if python_frame(slot) != 0 {
                break;
            }
        }
    }
    if let Some(walk) = walk(slot)
        && walk.head.python_end != 0
    {
        walk.head.id = mix(walk.head.id, u64::from(walk.head.python_end));
    }
}

#[inline(always)]
fn begin(walk: &mut Walk) -> bool {
    let (runtime, layout) = (walk.process.python, walk.process.python_layout);
    let Some(layout) = PYTHONS.get_ptr(layout) else { return false };
    let python = &mut walk.python;
    // SAFETY: the map keeps the memory; user space writes a layout before a process that names it.
    python.layout = unsafe { read_volatile(layout) };
    let interpreters = runtime.wrapping_add(u64::from(python.layout.interpreters));
    let Some(interpreter) = read(interpreters) else { return false };
    let Some(thread_id) = field::<u64>(current_task(), machine!(layout.task_tls)) else {
        return false;
    };
    python.thread_id = thread_id;
    python.interpreter = interpreter;
    python.thread = 0;
    python.frame = 0;
    python.c_frame = 0;
    python.entry = 0;
    python.native = 0;
    python.open = 0;
    true
}

/// Looks whether the next thread state is that of the running thread. Returns 0 while there are more.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn python_thread(slot: u32) -> u32 {
    let Some(walk) = walk(slot) else { return 1 };
    let layout = walk.python.layout;
    let python = &mut walk.python;
    let at = |base: u64, offset: u32| read(base.wrapping_add(u64::from(offset)));
    if python.thread == 0 {
        let interpreter = python.interpreter;
        if interpreter == 0 {
            walk.head.python_end = End::None as u32;
            return 1;
        }
        python.thread = at(interpreter, layout.threads).unwrap_or(0);
        python.interpreter = at(interpreter, layout.next_interpreter).unwrap_or(0);
        return 0;
    }
    let thread = python.thread;
    // A thread may have a state in each of several interpreters; it runs in one.
    if at(thread, layout.thread_id) == Some(python.thread_id) {
        let mut frame = at(thread, layout.frame).unwrap_or(0);
        if layout.c_frames != 0 {
            python.c_frame = frame;
            frame = at(frame, layout.c_frame_frame).unwrap_or(0);
        }
        python.frame = frame;
        if frame != 0 {
            return 1;
        }
    }
    python.thread = at(thread, layout.next_thread).unwrap_or(0);
    0
}

/// Takes the next frame in, or looks for the place of the run that was read. Returns 0 while there is
/// more.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn python_frame(slot: u32) -> u32 {
    let Some(walk) = walk(slot) else { return 1 };
    if walk.head.python >= PAIRS_MAX as u32 {
        walk.head.python_end = End::DepthLimit as u32;
        return 1;
    }
    if walk.python.entry != 0 {
        find_place(walk);
        return 0;
    }
    if walk.python.frame == 0 {
        walk.head.python_end = End::Complete as u32;
        return 1;
    }
    if take_frame(walk).is_none() {
        walk.head.python_end = End::Unreadable as u32;
        return 1;
    }
    0
}

#[inline(always)]
fn take_frame(walk: &mut Walk) -> Option<()> {
    let layout = &walk.python.layout;
    let frame = walk.python.frame;
    let at = |offset: u32| frame.wrapping_add(u64::from(offset));
    let owner = read_byte(at(layout.owner))?;
    let previous = read(at(layout.previous))?;
    let has_entries = layout.entries != 0;
    if !has_entries && owner >= OWNED_BY_C {
        walk.python.entry = if walk.python.open != 0 { frame } else { 0 };
        walk.python.frame = previous;
        return Some(());
    }
    let code = read(at(layout.code))? & !TAG;
    let instruction_at = read(at(layout.instruction))?;
    let first_line = read_half(code.wrapping_add(u64::from(layout.first_line)))?;
    let above = walk.python.layout.c_frame_previous;
    push(walk, code, instruction(code, instruction_at, first_line));
    walk.python.open += 1;
    walk.python.frame = previous;
    if has_entries && owner != 0 {
        let c_frame = walk.python.c_frame;
        walk.python.entry = c_frame;
        walk.python.c_frame = read(c_frame.wrapping_add(u64::from(above)))?;
    }
    Some(())
}

/// Goes on to the next native frame, or notes that the run is in this one. A native frame reaches from
/// its stack pointer to that of its caller.
#[inline(always)]
fn find_place(walk: &mut Walk) {
    let (entry, native) = (walk.python.entry, walk.python.native);
    let next = native + 1;
    let is_last = next >= walk.head.depth;
    let begins = walk.stack_pointers[native as usize & FRAMES_MAX];
    let ends = if is_last {
        // Where it is not known how to go on, these are the last frame's own.
        walk.registers.sp
    } else {
        walk.stack_pointers[next as usize & FRAMES_MAX]
    };
    if entry >= ends && !is_last {
        walk.python.native = next;
        return;
    }
    let place = if entry >= begins && entry < ends { u64::from(native) } else { NOWHERE };
    push(walk, 0, place);
    walk.python.entry = 0;
    walk.python.open = 0;
}

#[inline(always)]
fn push(walk: &mut Walk, first: u64, second: u64) {
    let at = (walk.head.depth + 2 * walk.head.python) as usize;
    walk.put(at, first);
    walk.put(at + 1, second);
    walk.head.id = mix(mix(walk.head.id, first), second);
    walk.head.python += 1;
}

#[inline(always)]
fn read(address: u64) -> Option<u64> {
    // SAFETY: the helper checks the address and fails on one that cannot be read.
    unsafe { bpf_probe_read_user(address as *const u64) }.ok()
}

#[inline(always)]
fn read_half(address: u64) -> Option<u32> {
    // SAFETY: as above.
    unsafe { bpf_probe_read_user(address as *const u32) }.ok()
}

#[inline(always)]
fn read_byte(address: u64) -> Option<u8> {
    // SAFETY: as above.
    unsafe { bpf_probe_read_user(address as *const u8) }.ok()
}
