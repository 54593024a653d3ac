//! User stacks by unwind tables: see [`syscope_shared::unwind`].
//!
//! A stack is walked in a value of `WALK`, named by a hash of it, and sent through the ring `STACKS`
//! when its name is new. The loop over the frames calls a global function: the verifier looks at such
//! a one once, and not once a frame. What its searches carry from turn to turn lies in memory, not in
//! registers, so that all turns look alike to the verifier.

use crate::health::{count, count_of};
use crate::kernel::{current_task, field};
use crate::machine;
use crate::python::{self, Python};
use crate::remembered::{recall_stack, remember_stack};
use crate::ring;
use crate::stack::by_frame_pointers;
use crate::tables;
use crate::user_registers::Cpu;
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{BPF_NOEXIST, pt_regs};
use aya_ebpf::helpers::bpf_probe_read_user;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{HashMap, PerCpuArray, RingBuf};
use syscope_shared::health::ProbeId;
use syscope_shared::python::PAIRS_MAX;
use syscope_shared::stack::{LOST, NONE};
use syscope_shared::unwind::{
    End, FP, FRAMES_MAX, HASH_SEED, Head, NO_TABLE, NOT_READY, Process, Registers, SP, Segment,
    Step, by_frame_pointer, mix, name_of, step, told,
};

/// Names of stacks that user space has been told.
#[map]
static SEEN: HashMap<u64, u32> = HashMap::with_max_entries(32 * 1024, 0);

/// Stacks: each a [`Head`] and its words.
#[map]
static STACKS: RingBuf = RingBuf::with_byte_size(STACKS_BYTES, 0);
const STACKS_BYTES: u32 = 2 * 1024 * 1024;

/// The walks in progress: one a CPU and probe, for a sample can interrupt the off-CPU probe.
#[map]
static WALK: PerCpuArray<Walk> = PerCpuArray::with_max_entries(2, 0);

/// A stack in the making. What is sent comes first.
#[repr(C)]
pub struct Walk {
    pub head: Head,
    /// The addresses, and behind them pairs of Python frames.
    words: [u64; WORDS],
    pub registers: Registers,
    /// Those of the leaf.
    sampled: Registers,
    /// The other registers of the leaf, by their numbers in DWARF.
    pub leaf: [u64; 16],
    /// Room for those that a thread entered the kernel with.
    entered: pt_regs,
    pub process: Process,
    pub python: Python,
    /// The stack pointer of each native frame.
    pub stack_pointers: [u64; FRAMES_MAX + 1],
    /// The segment that the last address was in.
    pub segment: Segment,
    /// Bounds of a search.
    pub low: u32,
    pub high: u32,
    /// 1 when something that is being made was missing.
    pub not_ready: u32,
    /// Words of memory that the walk went by; more than [`TRACED_MAX`]: by others, too.
    pub traced: u32,
    /// Where they are.
    pub traced_at: [u64; TRACED_MAX],
    /// What they are.
    pub traced_words: [u64; TRACED_MAX],
}

/// Words that a walk went by that are noted at most.
pub const TRACED_MAX: usize = 40;

/// Room for addresses and pairs, as a power of two.
const WORDS: usize = 1024;

/// A user stack, by its name (see [`syscope_shared::stack`]).
pub enum UserStack {
    /// It was walked as far as can be, or there is none.
    Name(u64),
    /// Something that is being made was missing: [`name_stack`] makes do without it.
    NotReady(&'static mut Walk),
}

/// The user side of the running thread.
pub enum UserSide {
    /// A thread of the kernel has none.
    None,
    /// It is not known what its registers are.
    Unknown,
    /// What the leaf has in its registers.
    Registers(Registers),
}

/// The user side of the running thread; the registers that are not carried from frame to frame go to the walk
/// of `slot`.
#[inline(always)]
pub fn user_side(slot: u32, cpu: &Cpu) -> UserSide {
    if !has_memory() {
        return UserSide::None;
    }
    if machine!(unwind_on) == 0 {
        return UserSide::Unknown;
    }
    let Some(walk) = walk(slot) else { return UserSide::Unknown };
    match cpu.registers(&mut walk.leaf, &mut walk.entered) {
        Some(registers) => UserSide::Registers(registers),
        None => UserSide::Unknown,
    }
}

/// Walks the user stack of the running thread of this process and program. `task`: the thread, if its
/// stack is to be remembered; 0: it is not.
#[inline(always)]
pub fn user_stack<C: EbpfContext>(
    ctx: &C,
    probe: ProbeId,
    slot: u32,
    (pid, exec_id, task): (u32, u32, u64),
    side: UserSide,
) -> UserStack {
    if matches!(side, UserSide::None) {
        return UserStack::Name(NONE);
    }
    let Some(walk) = walk(slot) else { return UserStack::Name(LOST) };
    let (python, python_end) = (0, 0);
    walk.head = Head { id: HASH_SEED, pid, exec_id, end: 0, depth: 0, python, python_end };
    let UserSide::Registers(registers) = side else {
        return UserStack::Name(by_frame_pointers(ctx, probe, slot, walk));
    };
    walk.registers = registers;
    walk.sampled = registers;
    let program = u64::from(pid) << 32 | u64::from(exec_id);
    let mut recalled = NONE;
    if task != 0 {
        recalled = recall_stack(task, program, slot);
        if recalled != NONE {
            count(probe, |c| c.recalled += 1);
            if machine!(check_remembered) == 0 {
                return UserStack::Name(recalled);
            }
        }
    }
    if walk_stack(slot) != 0 {
        return UserStack::NotReady(walk);
    }
    let name = name_stack(slot, probe as u32);
    if recalled != NONE && recalled != name {
        count(probe, |c| c.recalled_wrong += 1);
    }
    // What Python runs is not on the stack alone.
    if task != 0 && walk.process.python == 0 && name != LOST {
        remember_stack(task, program, slot);
    }
    UserStack::Name(name)
}

/// The walk in progress.
#[inline(always)]
pub fn walk(slot: u32) -> Option<&'static mut Walk> {
    // SAFETY: the value is this CPU's and this probe's, whose programs do not nest.
    WALK.get_ptr_mut(slot).map(|walk| unsafe { &mut *walk })
}

impl Walk {
    /// Room for [`syscope_shared::stack::KERNEL_FRAMES`] addresses.
    #[inline(always)]
    pub fn words(&mut self) -> *mut u64 {
        self.words.as_mut_ptr()
    }

    /// A word.
    #[inline(always)]
    pub fn word(&self, at: usize) -> u64 {
        self.words[at & (WORDS - 1)]
    }

    /// Writes a word.
    #[inline(always)]
    pub fn put(&mut self, at: usize, word: u64) {
        self.words[at & (WORDS - 1)] = word;
    }

    /// The system call that the thread is in, where its registers were read in the kernel.
    #[inline(always)]
    pub fn call(&self) -> u64 {
        self.entered.orig_rax
    }

    /// The registers of the leaf.
    #[inline(always)]
    pub fn sampled(&self) -> Registers {
        self.sampled
    }
}

/// Walks the user stack of the process in the head of `slot`, from the registers there on. Returns 0 when
/// nothing was missing that is being made.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn walk_stack(slot: u32) -> u32 {
    let Some(walk) = walk(slot) else { return 1 };
    walk.traced = 0;
    tables::look_process_up(walk);
    for _ in 0..FRAMES_MAX + 1 {
        if unwind_step(slot) != 0 {
            break;
        }
    }
    if walk.not_ready != 0 {
        return 1;
    }
    if walk.process.python != 0 {
        python::add(slot);
    }
    0
}

/// Takes the address of a frame in, and goes on to its caller. Returns 0 while there is one.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn unwind_step(slot: u32) -> u32 {
    let Some(walk) = walk(slot) else { return 1 };
    let depth = walk.head.depth;
    if depth >= FRAMES_MAX as u32 {
        walk.head.end = End::DepthLimit as u32;
        return 1;
    }
    let mut registers = walk.registers;
    let known = tables::find_segment(walk, registers.ip.wrapping_sub(registers.is_return));
    if !known && walk.process.asked == Process::LOOKED && depth > 0 {
        // Not an address of code: what led to it led astray.
        walk.head.end = End::NoUnwindData as u32;
        return 1;
    }
    let went = if known { by_rule(walk, &mut registers) } else { without(walk, &mut registers) };
    let address = told(&walk.registers, &registers, depth == 0);
    walk.put(depth as usize & FRAMES_MAX, address);
    walk.stack_pointers[depth as usize & FRAMES_MAX] = walk.registers.sp;
    walk.head.id = mix(walk.head.id, address);
    walk.head.depth = depth + 1;
    walk.registers = registers;
    if matches!(went, Step::NoData | Step::Unreadable) && walk.process.asked == Process::TELL {
        // The code may have been replaced by another since it was looked at.
        walk.process.asked = Process::ASKED_FOR;
        tables::tell_unknown(walk, registers.ip);
    }
    match went {
        Step::Caller => return 0,
        Step::Root => walk.head.end = End::Complete as u32,
        Step::NoData => walk.head.end = End::NoUnwindData as u32,
        Step::Unreadable => walk.head.end = End::Unreadable as u32,
    }
    1
}

/// A step where no segment is known.
#[inline(always)]
fn without(walk: &mut Walk, registers: &mut Registers) -> Step {
    if walk.process.asked != Process::LOOKED {
        walk.not_ready = 1;
        if walk.process.asked == Process::TELL {
            walk.process.asked = Process::ASKED_FOR;
            tables::tell_unknown(walk, registers.ip);
        }
    }
    by_frame_pointer(registers, traced(walk))
}

/// Reads a word of the process's memory, and notes that the walk goes by it.
#[inline(always)]
fn traced(walk: &mut Walk) -> impl Fn(u64) -> Option<u64> + use<> {
    let walk = core::ptr::from_mut(walk);
    move |address| {
        let word = read(address);
        if let Some(word) = word {
            // SAFETY: the walk is a value of a map, and nobody else writes these fields meanwhile.
            unsafe { note(walk, address, word) };
        }
        word
    }
}

/// Notes a word that a walk goes by.
///
/// # Safety
///
/// The walk is one that nobody else writes to.
#[inline(always)]
unsafe fn note(walk: *mut Walk, address: u64, word: u64) {
    // SAFETY: see above.
    let walk = unsafe { &mut *walk };
    let index = walk.traced as usize;
    if index < TRACED_MAX {
        walk.traced_at[index] = address;
        walk.traced_words[index] = word;
    }
    walk.traced = index as u32 + 1;
}

/// A step in a known segment.
#[inline(always)]
fn by_rule(walk: &mut Walk, registers: &mut Registers) -> Step {
    let address = registers.ip.wrapping_sub(registers.is_return);
    match walk.segment.base {
        NO_TABLE => return by_frame_pointer(registers, traced(walk)),
        NOT_READY => {
            walk.not_ready = 1;
            return by_frame_pointer(registers, traced(walk));
        }
        _ => {}
    }
    let within = address - walk.segment.start + u64::from(walk.segment.shift);
    let Some(rule) = tables::find_rule(walk, within) else { return Step::NoData };
    if rule.cfa_register != SP && rule.cfa_register != FP {
        // A register is no word of memory: what it was is not noted.
        walk.traced = TRACED_MAX as u32 + 1;
    }
    let read = traced(walk);
    let leaf = |number: u32| (number < 16).then(|| walk.leaf[number as usize & 15]);
    step(rule, registers, leaf, read)
}

#[inline(always)]
fn read(address: u64) -> Option<u64> {
    // SAFETY: the helper checks the address and fails on one that cannot be read.
    unsafe { bpf_probe_read_user(address as *const u64) }.ok()
}

/// The name of the stack in `slot`, as far as it was walked. It is sent when the name is new. `probe`: a
/// [`ProbeId`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn name_stack(slot: u32, probe: u32) -> u64 {
    let Some(walk) = walk(slot) else { return LOST };
    if walk.not_ready != 0 {
        walk.head.end = End::NotReady as u32;
    }
    let id = name_of(walk.head.id, (walk.head.pid, walk.head.exec_id), walk.head.end);
    walk.head.id = id;
    if is_known(id) {
        return id;
    }
    let depth = walk.head.depth as usize & (FRAMES_MAX * 2 + 1);
    let pairs = walk.head.python as usize & (PAIRS_MAX * 2 + 1);
    let size = size_of::<Head>() + (depth.min(FRAMES_MAX) + 2 * pairs.min(PAIRS_MAX)) * 8;
    // SAFETY: head and words lie side by side, and are as long as that.
    let sent =
        unsafe { ring::send(&STACKS, STACKS_BYTES, core::ptr::from_mut(walk).cast(), size, false) };
    if !sent {
        count_of(probe, |c| c.stack_errors += 1);
        return LOST;
    }
    // Without room for the name the stack is sent again the next time.
    let _ = SEEN.insert(id, 0, u64::from(BPF_NOEXIST));
    id
}

/// Whether user space knows the stack with this name.
#[inline(always)]
pub fn is_known(name: u64) -> bool {
    SEEN.get_ptr(name).is_some()
}

/// Whether the running thread has an address space of a process.
#[inline(always)]
fn has_memory() -> bool {
    field::<u64>(current_task(), machine!(layout.task_mm)).is_some_and(|mm| mm != 0)
}
