//! The registers of the running thread's user side.

use crate::kernel::{current_task, field};
use crate::machine;
use aya_ebpf::bindings::pt_regs;
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

impl Cpu {
    /// The registers; those that are not carried from frame to frame go to `leaf`, by their numbers in
    /// DWARF. `None` where the thread runs no 64-bit code.
    #[inline(always)]
    pub fn registers(&self, leaf: &mut [u64; 16]) -> Option<Registers> {
        if let Self::Sampled(sampled) = self {
            // SAFETY: the context of a sample holds registers; the verifier checks each load.
            let registers = unsafe { sampled_registers(*sampled, leaf) };
            if registers.is_some() {
                return registers;
            }
        }
        entered_with(leaf)
    }
}

/// The registers of a sample; `None` when it hit the kernel.
///
/// # Safety
///
/// `at` is the context of a sample.
#[inline(always)]
unsafe fn sampled_registers(at: *const pt_regs, leaf: &mut [u64; 16]) -> Option<Registers> {
    macro_rules! load {
        ($name:ident) => {
            // SAFETY: see above.
            unsafe { core::ptr::read_volatile(&raw const (*at).$name) }
        };
    }
    if load!(cs) != USER_CS {
        return None;
    }
    leaf[0] = load!(rax);
    leaf[1] = load!(rdx);
    leaf[2] = load!(rcx);
    leaf[3] = load!(rbx);
    leaf[4] = load!(rsi);
    leaf[5] = load!(rdi);
    leaf[8] = load!(r8);
    leaf[9] = load!(r9);
    leaf[10] = load!(r10);
    leaf[11] = load!(r11);
    leaf[12] = load!(r12);
    leaf[13] = load!(r13);
    leaf[14] = load!(r14);
    leaf[15] = load!(r15);
    let (ip, sp, fp) = (load!(rip), load!(rsp), load!(rbp));
    Some(Registers { ip, sp, fp, lr: 0, is_return: 0, chained: 0 })
}

/// The registers that the running thread entered the kernel with.
#[inline(always)]
fn entered_with(leaf: &mut [u64; 16]) -> Option<Registers> {
    if machine!(layout.task_stack) == ABSENT {
        return None;
    }
    let stack = field::<u64>(current_task(), machine!(layout.task_stack))?;
    let at = top(stack)?;
    let load = |offset: usize| field::<u64>(at, offset as u32);
    leaf[3] = load(core::mem::offset_of!(pt_regs, rbx))?;
    leaf[10] = load(core::mem::offset_of!(pt_regs, r10))?;
    leaf[12] = load(core::mem::offset_of!(pt_regs, r12))?;
    leaf[13] = load(core::mem::offset_of!(pt_regs, r13))?;
    Some(Registers {
        ip: load(core::mem::offset_of!(pt_regs, rip))?,
        sp: load(core::mem::offset_of!(pt_regs, rsp))?,
        fp: load(core::mem::offset_of!(pt_regs, rbp))?,
        lr: 0,
        is_return: 0,
        chained: 0,
    })
}

/// Where the registers lie: known by the two segment registers, which user space cannot choose.
#[inline(always)]
fn top(stack: u64) -> Option<u64> {
    for top in TOPS {
        let at = stack + top - size_of::<pt_regs>() as u64;
        let cs = field::<u64>(at, core::mem::offset_of!(pt_regs, cs) as u32);
        let ss = field::<u64>(at, core::mem::offset_of!(pt_regs, ss) as u32);
        if cs == Some(USER_CS) && ss == Some(USER_DS) {
            return Some(at);
        }
    }
    None
}
