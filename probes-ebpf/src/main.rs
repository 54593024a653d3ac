//! syscope's BPF programs: one file a probe; here only what all of them share.
#![no_std]
#![no_main]
#![allow(internal_features, reason = "there is no stable way to add atomically on BPF")]
#![feature(core_intrinsics)]

mod atomic;
mod calls;
mod copies;
mod failed;
mod filter;
mod health;
mod kernel;
mod lifecycle;
mod marks;
mod offcpu;
mod opens;
mod profile;
mod python;
mod remembered;
mod ring;
mod slots;
mod stack;
mod syscalls;
mod tables;
mod threads;
mod unwind;
mod user_registers;

use syscope_shared::layout::Machine;

/// What the machine is like; fixed before the programs are loaded.
#[unsafe(no_mangle)]
static MACHINE: Machine = Machine::UNKNOWN;

/// One field of [`MACHINE`]. Read volatile: the value at build time is not the value at run time.
/// The verifier knows the map is frozen, so code behind a field that says "off" costs nothing.
#[macro_export]
macro_rules! machine {
    ($($field:tt)+) => {
        // SAFETY: the field is plain data of a static that nothing writes while programs run.
        unsafe { core::ptr::read_volatile(&raw const $crate::MACHINE.$($field)+) }
    };
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
