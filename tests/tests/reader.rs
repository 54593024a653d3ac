//! The process that reads symbols: what a file does to it costs no names but its own, and nothing is left
//! of it.

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, chown, geteuid};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use syscope_tests::compile::{Compiler, without_frame_pointers};
use syscope_tests::kernel::own_pids;
use syscope_tests::process::{children, resident_at_most};
use syscope_tests::report::{Report, mentions};
use syscope_tests::watch::Watch;
use syscope_tests::workload::Workload;
use syscope_tests::{require_bpf, wait};

/// Bytes that syscope takes, its maps not counted; what it reads such a file with is not a part of that.
const ENOUGH: u64 = 400 << 20;
/// Bytes of the reader: what it may have, and the files that it has mapped.
const LIMIT: u64 = 1_200 << 20;
/// The user `nobody`.
const NOBODY: u32 = 65_534;

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The process that reads symbols for a syscope.
fn reader(syscope: u32) -> Option<u32> {
    children(syscope).into_iter().find(|pid| {
        fs::read_to_string(format!("/proc/{pid}/comm"))
            .is_ok_and(|name| name == "syscope-symbols\n")
    })
}

/// Whether a function of this name is in the CPU profile of a process.
fn has_function(report: &Report, pid: u32, name: &str) -> bool {
    report.profile(pid).any(|stack| mentions(&stack.user, &[name]))
}

fn burner() -> Workload {
    let mut load = Workload::start(&["mixed", "/etc/passwd"]);
    load.go();
    let _ = load.done();
    load
}

#[test]
fn a_file_that_takes_too_much_costs_no_names_but_its_own() {
    let _machine = require_bpf!();
    let folder = tempfile::tempdir().expect("room");
    let program = folder.path().join("costly");
    let built = without_frame_pointers("costly_ranges", Compiler::Cc, &[], &program);
    let Some(program) = built else { return };
    if geteuid().is_root() {
        chown(&program, Some(NOBODY.into()), None).expect("root may");
    }
    let costly = Running(Command::new(&program).stdin(Stdio::null()).spawn().expect("it runs"));
    let load = burner();
    let pids = format!("{},{}", costly.0.id(), load.pid);
    let mut watch = Watch::report(3, &["-p", &pids]);
    let (mut own, mut readers) = (0, 0);
    while watch.runs() {
        own = own.max(resident_at_most(watch.pid()).unwrap_or(0));
        readers = readers.max(reader(watch.pid()).and_then(resident_at_most).unwrap_or(0));
        sleep(Duration::from_millis(20));
    }
    let report = watch.into_report();
    println!("syscope had {} MiB, the reader {} MiB", own >> 20, readers >> 20);
    assert!((1..ENOUGH).contains(&own), "syscope had {own} bytes");
    assert!((1..LIMIT).contains(&readers), "the reader had {readers} bytes");
    assert!(has_function(&report, costly.0.id(), "works_with_costly_names"), "{:#}", report.raw);
    assert!(has_function(&report, load.pid, "spin"), "{:#}", report.raw);
}

#[test]
fn it_is_started_anew_and_is_never_watched() {
    let _machine = require_bpf!();
    let load = burner();
    let watch = Watch::report(4, &[]);
    let first = reader(watch.pid()).expect("it runs when syscope watches");
    sleep(Duration::from_millis(500));
    kill(Pid::from_raw(first as i32), Signal::SIGKILL).expect("it runs");
    // It starts with a stack that has no names yet: of a program that was not there.
    let late = burner();
    let second =
        wait::poll(Duration::from_secs(4), || reader(watch.pid()).filter(|it| *it != first));
    let second = second.expect("another one is started");
    let hidden = || Some(()).filter(|()| own_pids(watch.pid()) == [watch.pid(), second]);
    assert!(wait::poll(Duration::from_secs(2), hidden).is_some(), "the second is watched on");
    let report = watch.into_report();
    for load in [&load, &late] {
        assert!(has_function(&report, load.pid, "spin"), "{:#}", report.raw);
    }
    assert!(report.syscalls(first).is_none(), "the first was watched");
}

#[test]
fn it_ends_with_syscope_however_that_ends() {
    let _machine = require_bpf!();
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let watch = Watch::report(30, &[]);
        let pid = reader(watch.pid()).expect("it runs");
        watch.signal(signal);
        let _ = watch.end();
        let gone = wait::poll(Duration::from_secs(5), || {
            let state = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
            let ended = state.is_none_or(|state| state.contains(") Z "));
            ended.then_some(())
        });
        assert!(gone.is_some(), "it is left after {signal}");
    }
}
