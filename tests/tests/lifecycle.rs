//! Processes that come and go: picked up in time, named right, and forgotten by the kernel.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use syscope_tests::kernel::keys;
use syscope_tests::watch::{Watch, observe};
use syscope_tests::workload::Workload;
use syscope_tests::{binary, require_bpf, wait};

#[test]
fn children_are_followed_from_their_first_call_on() {
    let _machine = require_bpf!();
    let observed = observe(&["forker", "30", "100"], 3, &["--follow-forks"]);
    let children = pids(&observed.truth);
    assert_eq!(children.len(), 30);
    for child in children {
        assert_eq!(observed.report.syscall(child, "getppid").calls, 100, "{child}");
        let process = observed.report.document.processes.iter().find(|p| p.pid == child);
        let process = process.unwrap_or_else(|| panic!("{child} is not among the processes"));
        assert_eq!(process.comm, "workload");
        assert!(process.cmdline.ends_with("workload burst 100"), "{process:?}");
    }
}

#[test]
fn children_are_not_followed_unasked() {
    let _machine = require_bpf!();
    let observed = observe(&["forker", "10", "100"], 2, &[]);
    let seen: BTreeSet<u32> = observed.report.document.syscalls.iter().map(|p| p.pid).collect();
    assert_eq!(seen, BTreeSet::from([observed.pid]));
}

#[test]
fn a_name_is_picked_up_at_exec_and_loses_no_call() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a program");
    let named = copy_named(dir.path(), "scope-burst");
    let watch = Watch::report(2, &["-c", "scope-burst"]);
    for _ in 0..20 {
        let status = Command::new(&named).args(["burst", "1000"]).status();
        assert!(status.expect("the copy starts").success());
    }
    let report = watch.into_report();
    let calls = report.document.syscalls.iter().map(|process| {
        assert_eq!(process.comm, "scope-burst", "nobody else is shown");
        report.syscall(process.pid, "getppid").calls
    });
    assert_eq!(calls.collect::<Vec<_>>(), [1000; 20]);
}

#[test]
fn a_name_that_runs_already_is_watched() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a program");
    let named = copy_named(dir.path(), "scope-early");
    let mut workload = Workload::start_program(&named, &["getppid", "2", "1000"]);
    let watch = Watch::report(1, &["-c", "scope-ear*"]);
    workload.go();
    let _ = workload.done();
    let report = watch.into_report();
    assert_eq!(report.syscall(workload.pid, "getppid").calls, 2000);
    assert_eq!(report.document.syscalls.len(), 1, "nobody else is shown");
}

#[test]
fn a_process_too_short_for_proc_still_has_name_and_command_line() {
    let _machine = require_bpf!();
    let watch = Watch::report(1, &[]);
    let mut child = Command::new("/bin/true").args(["one", "two words"]).spawn().expect("it is");
    child.wait().expect("it ends");
    let report = watch.into_report();
    let process = report.document.processes.iter().find(|process| process.pid == child.id());
    let process = process.expect("its exec was seen");
    assert_eq!(process.comm, "true");
    assert_eq!(process.cmdline, "/bin/true one two words");
    assert!(report.syscalls(child.id()).is_some_and(|calls| calls.calls > 5));
}

#[test]
fn maps_forget_the_dead() {
    let _machine = require_bpf!();
    let mut workload = Workload::start(&["forker", "30", "10"]);
    let pid = workload.pid.to_string();
    let watch = Watch::report(4, &["-p", &pid, "--follow-forks"]);
    workload.go();
    let children = pids(&workload.done());
    let maps = ["SYSCALLS", "ERRNOS", "OFFCPU", "PROFILE", "CALLERS", "WAITING"];
    let left = || {
        let of_the_dead = |map: &str| {
            let all = keys(watch.pid(), map).into_iter();
            all.filter(|key| children.contains(&key[0])).count()
        };
        maps.iter().map(|map| (*map, of_the_dead(map))).filter(|(_, keys)| *keys > 0).collect()
    };
    let clean = wait::poll(Duration::from_secs(2), || Some(()).filter(|()| Vec::is_empty(&left())));
    assert!(clean.is_some(), "keys of dead processes: {:?}", left());
    let living = keys(watch.pid(), "SYSCALLS");
    assert!(living.iter().any(|key| key[0] == workload.pid), "the living has keys: {living:?}");
    // What they did was read before it was freed.
    let report = watch.into_report();
    let calls = children.iter().map(|child| report.syscall(*child, "getppid").calls);
    assert_eq!(calls.sum::<u64>(), 300);
}

#[test]
fn execs_of_threads_that_are_not_the_first_leave_nothing_behind() {
    let _machine = require_bpf!();
    let mut workload = Workload::start(&["reexec", "200"]);
    let watch = Watch::report(4, &["-p", &workload.pid.to_string()]);
    workload.go();
    let truth = workload.done();
    let left = || {
        let alive = threads(workload.pid);
        let maps = ["WAITING", "CALLERS"].into_iter();
        maps.map(|map| (map, keys(watch.pid(), map)))
            .map(|(map, keys)| (map, keys.iter().filter(|key| !alive.contains(&key[0])).count()))
            .filter(|(_, strangers)| *strangers > 0)
            .collect::<Vec<_>>()
    };
    let clean = wait::poll(Duration::from_secs(1), || Some(()).filter(|()| left().is_empty()));
    assert!(clean.is_some(), "keys of threads that are gone: {:?}", left());
    let waiting = keys(watch.pid(), "WAITING");
    assert!(waiting.contains(&vec![workload.pid]), "the one that lives has its key: {waiting:?}");
    let report = watch.into_report();
    assert_eq!(report.syscall(workload.pid, "execve").calls, truth["execve"]);
    assert_eq!(report.syscall(workload.pid, "execve").errors, 0);
}

#[test]
fn who_is_born_while_syscope_starts_has_a_name() {
    let _machine = require_bpf!();
    let mut storm = Workload::start(&["storm", "2", "0.004"]);
    storm.go();
    let _ = storm.done();
    for attempt in 1..=3 {
        let report = Watch::start(&["report", "--json", "-d", "300ms"]).into_report();
        let document = &report.document;
        let nameless: Vec<_> = document.syscalls.iter().filter(|row| row.comm == "?").collect();
        assert!(nameless.is_empty(), "run {attempt}: {nameless:#?}");
        let sleeps = document.syscalls.iter().filter(|row| row.comm == "sleep").count();
        assert!(sleeps > 20, "there was no storm: {sleeps} processes");
    }
}

#[test]
fn syscope_does_not_watch_itself_unless_asked() {
    let _machine = require_bpf!();
    for (args, watched) in [(&[][..], false), (&["--include-self"][..], true)] {
        let watch = Watch::report(1, args);
        let pid = watch.pid();
        let report = watch.into_report();
        assert_eq!(report.syscalls(pid).is_some(), watched, "{args:?}");
    }
}

fn pids(truth: &serde_json::Value) -> Vec<u32> {
    let children = truth["children"].as_array().expect("a list").iter();
    children.map(|pid| pid.as_u64().expect("a PID") as u32).collect()
}

fn threads(pid: u32) -> BTreeSet<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it lives").flatten();
    tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect()
}

fn copy_named(dir: &Path, name: &str) -> PathBuf {
    let copy = dir.join(name);
    binary::copy(&binary::own("workload"), &copy);
    copy
}
