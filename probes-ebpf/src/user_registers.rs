//! The registers of the running thread's user side.

use crate::kernel::{current_task, field};
use crate::machine;
use aya_ebpf::bindings::pt_regs;
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use syscope_shared::layout::ABSENT;
use syscope_shared::unwind::Registers;

/// Where the program was called.
pub enum Cpu {
    /// By a sample: what the interrupted code had in its registers.
    Sampled(*const pt_regs),
    /// In the kernel: what the thread had when it entered lies at the top of its kernel stack.
    InKernel,
}

/// Code segment of 64-bit programs on x86 (`__USER_CS`), and the stack segment (`__USER_DS`).
const USER_CS: u64 = 0x33;
const USER_DS: u64 = 0x2b;
/// Bytes of a kernel stack on x86-64, and what newer kernels leave at its top (`THREAD_SIZE`,
/// `TOP_OF_KERNEL_STACK_PADDING` with FRED). Kernels with KASAN have twice as much.
const TOPS: [u64; 4] = [16 * 1024, 16 * 1024 - 16, 32 * 1024, 32 * 1024 - 16];
/// Bytes of the registers there.
const SIZE: u64 = size_of::<pt_regs>() as u64;

/// Takes over all registers, those that are not carried from frame to frame to `$leaf`: what another walk
/// has left there must go. `$load` reads one by its name.
macro_rules! taken {
    ($load:ident, $leaf:ident) => {{
        let (ip, sp, fp) = ($load!(rip), $load!(rsp), $load!(rbp));
        *$leaf = [
            $load!(rax),
            $load!(rdx),
            $load!(rcx),
            $load!(rbx),
            $load!(rsi),
            $load!(rdi),
            fp,
            sp,
            $load!(r8),
            $load!(r9),
            $load!(r10),
            $load!(r11),
            $load!(r12),
            $load!(r13),
            $load!(r14),
            $load!(r15),
        ];
        Registers { ip, sp, fp, lr: 0, is_return: 0, chained: 0 }
    }};
}

impl Cpu {
    /// The registers; those that are not carried from frame to frame go to `leaf`, by their numbers in
    /// DWARF. `None` where the thread runs no 64-bit code. `entered` is room for a copy.
    #[inline(always)]
    pub fn registers(&self, leaf: &mut [u64; 16], entered: &mut pt_regs) -> Option<Registers> {
        if let Self::Sampled(sampled) = self {
            // SAFETY: the context of a sample holds registers; the verifier checks each load.
            let registers = unsafe { sampled_registers(*sampled, leaf) };
            if registers.is_some() {
                return registers;
            }
        }
        entered_with(leaf, entered)
    }
}

/// The registers of a sample; `None` when it hit the kernel.
///
/// # Safety
///
/// `at` is the context of a sample.
#[inline(always)]
unsafe fn sampled_registers(at: *const pt_regs, leaf: &mut [u64; 16]) -> Option<Registers> {
    // Volatile, for the verifier wants each load of a context by itself, and refuses one that the
    // compiler has made one with that of the other function.
    macro_rules! load {
        ($name:ident) => {
            // SAFETY: see above.
            unsafe { core::ptr::read_volatile(&raw const (*at).$name) }
        };
    }
    (load!(cs) == USER_CS).then(|| taken!(load, leaf))
}

/// The registers that the running thread entered the kernel with.
#[inline(always)]
fn entered_with(leaf: &mut [u64; 16], entered: &mut pt_regs) -> Option<Registers> {
    macro_rules! load {
        ($name:ident) => {
            entered.$name
        };
    }
    read_entered(entered).then(|| taken!(load, leaf))
}

/// Reads the registers that the running thread entered the kernel with. Where they lie is known by the
/// two segment registers, which user space cannot choose. (In a system call rax, rcx and r11 have lost
/// what they had, for the thread too.)
#[inline(always)]
fn read_entered(entered: &mut pt_regs) -> bool {
    if machine!(layout.task_stack) == ABSENT {
        return false;
    }
    let Some(stack) = field::<u64>(current_task(), machine!(layout.task_stack)) else {
        return false;
    };
    for top in TOPS {
        let at = (stack + top - SIZE) as *const _;
        // SAFETY: the room is as long as said; the helper checks the address and fails on one that
        // cannot be read.
        let read = unsafe { bpf_probe_read_kernel((&raw mut *entered).cast(), SIZE as u32, at) };
        if read == 0 && entered.cs == USER_CS && entered.ss == USER_DS {
            return true;
        }
    }
    false
}
