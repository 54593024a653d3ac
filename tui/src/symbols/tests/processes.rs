//! Processes that live, end, and are replaced.

use super::programs::{
    Running, code, code_of, in_libc_of, libc_function, sleep_path, sleeper, start_of_program,
    wait_until_asleep,
};
use super::{Asker, names};
use crate::source::{FrameKind, StackEnd};
use crate::symbols::Space;
use procfs::process::MMapPath;
use std::hint::black_box;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[inline(never)]
pub(super) fn never_inlined(value: u64) -> u64 {
    black_box(value) + 1
}

#[inline(always)]
fn innermost(value: u64) -> (u64, u32) {
    (never_inlined(value), line!())
}

#[inline(always)]
fn between(value: u64) -> (u64, u32) {
    black_box(innermost(value))
}

#[inline(never)]
fn outer(value: u64) -> (u64, u32) {
    let result = between(value);
    black_box(result)
}

#[test]
fn a_function_of_this_process_has_name_module_file_and_line() {
    let address = never_inlined as *const () as u64;
    let mut asker = Asker::new();
    let frames = asker.user(std::process::id(), address);
    let frame = frames.last().unwrap();
    assert!(frame.name.ends_with("processes::never_inlined"), "{frame:?}");
    assert_eq!((frame.offset, frame.kind, frame.inlined), (0, FrameKind::User, false));
    assert!(frame.resolved);
    let own_path = std::env::current_exe().unwrap();
    assert_eq!(frame.module.as_deref(), own_path.to_str());
    assert!(frame.file.as_deref().unwrap().ends_with("symbols/tests/processes.rs"), "{frame:?}");
    assert!(frame.line.is_some());
    assert_eq!(asker.worker.unresolved(), (0, 0));
}

#[test]
fn inlined_functions_come_before_the_one_they_are_in() {
    let (_, line) = outer(1);
    let start = outer as *const () as u64;
    let mut asker = Asker::new();
    let pid = std::process::id();
    // Some instruction of `outer` is of `innermost`: the call.
    let found = (start..start + 128)
        .map(|address| asker.user(pid, address))
        .find(|frames| frames[0].name.ends_with("innermost"));
    let frames = found.expect("no address of the innermost function in `outer`");
    assert_eq!(frames.len(), 3, "{:?}", names(&frames));
    assert!(frames[1].name.ends_with("between"), "{:?}", names(&frames));
    assert!(frames[2].name.ends_with("processes::outer"), "{:?}", names(&frames));
    assert_eq!(frames.iter().map(|f| f.inlined).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(frames[0].line, Some(line));
    assert!(frames[0].file.as_deref().unwrap().ends_with("symbols/tests/processes.rs"));
    // In the functions around it: the line of the call that was inlined.
    assert_eq!(frames[1].line, Some(line + 5));
    assert_eq!(frames[2].line, Some(line + 10));
}

#[test]
fn a_return_address_belongs_to_the_function_of_the_call() {
    let address = never_inlined as *const () as u64;
    let pid = std::process::id();
    let mut asker = Asker::new();
    let frames = asker.ask(Space::User { pid }, &[address, address + 1, address]);
    assert!(frames[0].name.ends_with("never_inlined"));
    // One byte in: still this function, at its real offset.
    let second = frames.iter().rev().find(|frame| frame.name.ends_with("never_inlined")).unwrap();
    assert_eq!(second.offset, 1);
    // At its very start: the function before it, whose last call never returns.
    assert!(!frames.last().unwrap().name.ends_with("never_inlined"), "{:?}", names(&frames));
}

#[test]
fn a_libc_function_of_a_child_has_its_name() {
    let child = sleeper(sleep_path());
    let (offset, path) = libc_function();
    let mut asker = Asker::new();
    let frames = asker.user(child.pid(), in_libc_of(child.pid(), offset) + 4);
    let frame = frames.last().unwrap();
    assert!(frame.name.contains("nanosleep"), "{frame:?}");
    assert_eq!((frame.module.as_deref(), frame.offset), (Some(&*path), 4));
}

#[test]
fn a_stripped_program_shows_module_and_offset() {
    let child = sleeper(sleep_path());
    let (start, offset) = start_of_program(child.pid(), "/sleep");
    let mut asker = Asker::new();
    // As many places as it takes to find one without a symbol (the first are mostly `_init`).
    let frames: Vec<_> =
        (0..64).map(|i| (i * 64, asker.user(child.pid(), start + i * 64))).collect();
    let unnamed = frames.iter().find(|(_, frames)| !frames[0].resolved);
    let Some((at, frames)) = unnamed else {
        eprintln!("skipped: {} has symbols", sleep_path().display());
        return;
    };
    // Where its function begins, as far as unwind data tells.
    let begins = frames[0].name.strip_prefix("sleep+0x").unwrap();
    assert!(u64::from_str_radix(begins, 16).unwrap() <= offset + at);
    assert_eq!(frames[0].offset, offset + at);
    assert!(frames[0].module.as_deref().unwrap().ends_with("/sleep"));
    assert!(asker.worker.unresolved().1 > 0);
}

#[test]
fn an_address_in_no_mapping_says_so() {
    let mut asker = Asker::new();
    let frames = asker.user(std::process::id(), 0x10);
    assert_eq!(names(&frames), ["[unmapped]+0x10"]);
    assert!(!frames[0].resolved);
    assert_eq!(asker.worker.unresolved(), (0, 1));
}

#[test]
fn an_address_in_data_names_the_data() {
    let local = 0u8;
    let mut asker = Asker::new();
    let frames = asker.user(std::process::id(), &raw const local as u64);
    assert!(frames[0].name.starts_with("[anon]+0x") || frames[0].name.starts_with("[stack]+0x"));
}

#[test]
fn the_vdso_has_names() {
    let child = sleeper(sleep_path());
    let vdso = code(child.pid()).into_iter().find(|map| map.pathname == MMapPath::Vdso).unwrap();
    let mut asker = Asker::new();
    let all: Vec<u64> = (vdso.address.0..vdso.address.1).step_by(16).collect();
    let space = Space::User { pid: child.pid() };
    let frames: Vec<_> = all.iter().flat_map(|at| asker.ask(space, &[*at])).collect();
    assert!(frames.iter().all(|frame| frame.module.as_deref() == Some("[vdso]")));
    assert!(frames.iter().any(|frame| frame.name.contains("clock_gettime") && frame.resolved));
    let unnamed = frames.iter().find(|frame| !frame.resolved).expect("headers have no symbol");
    assert!(unnamed.name.starts_with("[vdso]+0x"), "{unnamed:?}");
}

#[test]
fn stacks_of_a_child_that_ended_are_still_resolved() {
    let mut child = sleeper(sleep_path());
    let (pid, (offset, _)) = (child.pid(), libc_function());
    let address = in_libc_of(pid, offset);
    let elsewhere = in_libc_of(pid, 0) + code_of(pid, "libc.so").offset + 0x40;
    let mut asker = Asker::new();
    asker.user(pid, elsewhere);
    child.kill();
    // Before we are told, just after, and later.
    for _ in 0..2 {
        assert!(asker.user(pid, address).last().unwrap().name.contains("nanosleep"));
        asker.worker.ended(pid);
    }
    // Told of a second end: of another process, which was never seen.
    let frames = asker.user(pid, address);
    assert_eq!(names(&frames), [format!("[exited]+{address:#x}")]);
}

#[test]
fn a_child_that_ended_before_it_was_seen_says_so() {
    let mut child = sleeper(sleep_path());
    child.kill();
    let mut asker = Asker::new();
    let frames = asker.user(child.pid(), 0x1234);
    assert_eq!(names(&frames), ["[exited]+0x1234"]);
    assert!(!frames[0].resolved);
}

/// A shell that waits, and becomes `sleep` when its input ends.
fn becomes_sleep() -> Running {
    let script = format!("echo; read line; exec {} 600", sleep_path().display());
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut shell = Running(command.spawn().unwrap());
    let mut ready = [0];
    shell.0.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    shell
}

#[test]
fn after_an_exec_the_old_program_is_forgotten() {
    let mut child = becomes_sleep();
    let pid = child.pid();
    let of_shell = code(pid)[0].address.0;
    let mut asker = Asker::new();
    let before = asker.user(pid, of_shell);
    assert!(before[0].module.as_deref().unwrap().ends_with("sh"), "{before:?}");
    drop(child.0.stdin.take());
    wait_until_asleep(pid);
    asker.worker.replaced(pid, Duration::ZERO);
    let after = asker.user(pid, of_shell);
    assert_ne!(after[0].module, before[0].module);
}

/// As after `dlopen`: code where there was none when the process was first looked at.
#[test]
fn new_mappings_are_found_without_being_told() {
    let mut child = becomes_sleep();
    let pid = child.pid();
    let mut asker = Asker::new();
    asker.user(pid, code(pid)[0].address.0);
    drop(child.0.stdin.take());
    wait_until_asleep(pid);
    let start = code_of(pid, "/sleep").address.0;
    let asked = Instant::now();
    let mut found = None;
    super::wait_until("the new mapping is found", || {
        found = asker.user(pid, start + 0x40)[0].module.as_deref().map(str::to_owned);
        found.is_some()
    });
    // Sooner than everything is looked at anew.
    assert!(asked.elapsed() < Duration::from_secs(8));
    assert!(found.unwrap().ends_with("/sleep"));
}

#[test]
fn a_stack_ends_where_its_walk_went_astray() {
    let mut asker = Asker { end: StackEnd::FramePointers, ..Asker::new() };
    let own = std::process::id();
    let here = a_stack_ends_where_its_walk_went_astray as fn() as usize as u64;
    let data = Box::new(0u64);
    let data: *const u64 = &raw const *data;
    for astray in [0x1dcd_6500, data as u64] {
        let frames = asker.ask(Space::User { pid: own }, &[here, here + 1, astray, here + 1]);
        let last = frames.last().expect("there are frames");
        assert_eq!(last.name, "[stack ends: no frame pointers]", "{:?}", names(&frames));
        assert!(last.kind == FrameKind::End && frames[0].resolved);
        assert!(frames.iter().all(|frame| !frame.name.contains("unmapped")));
    }
}

#[test]
fn numbers_that_are_no_addresses_end_a_stack_also_when_its_process_is_gone() {
    let mut asker = Asker::new();
    let nobody = Space::User { pid: u32::MAX / 2 };
    for astray in [0x0073_6461_6f6c_6572, 0x2f70_6d74_2f00_632d, 0x10] {
        let frames = asker.ask(nobody, &[0x40_1000, 0x40_2000, astray, 0x40_3000]);
        assert_eq!(
            names(&frames),
            ["[exited]+0x401000", "[exited]+0x402000", "[stack ends: no frame pointers]"]
        );
    }
}
