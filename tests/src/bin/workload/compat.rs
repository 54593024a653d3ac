//! 32-bit system calls of a 64-bit process.
#![allow(unsafe_code)]

use crate::{protocol, raw};
use serde_json::json;

/// `getpid`, `narrow` times as a 32-bit call and `wide` times as a 64-bit call.
pub fn run(narrow: u64, wide: u64) {
    // Asked for now: it is a system call of the kind that is counted.
    let pid = std::process::id();
    protocol::ready();
    for _ in 0..narrow {
        assert_eq!(getpid_32(), pid);
    }
    for _ in 0..wide {
        raw::getpid();
    }
    protocol::done(&json!({ "narrow": narrow, "wide": wide }));
    protocol::stay();
}

/// Ends normally where 32-bit calls are to be had, and by a signal or an error where not.
pub fn probe() {
    assert_eq!(getpid_32(), std::process::id());
}

/// Call 20 of the 32-bit table, which is `writev` in the 64-bit one.
#[cfg(target_arch = "x86_64")]
fn getpid_32() -> u32 {
    let mut returned = 20u64;
    // SAFETY: `getpid` takes no arguments and touches no memory; the registers that a 32-bit call
    // may destroy are declared.
    unsafe {
        std::arch::asm!(
            "int 0x80",
            inout("rax") returned,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
        );
    }
    returned as u32
}

#[cfg(not(target_arch = "x86_64"))]
fn getpid_32() -> u32 {
    panic!("only x86-64 makes 32-bit calls from 64-bit code");
}
