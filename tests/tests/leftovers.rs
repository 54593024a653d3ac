//! After syscope ended, however that was, the kernel holds nothing of it.

use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};
use syscope::probes::PROBES;
use syscope_tests::kernel::{Objects, programs_named_like_ours};
use syscope_tests::terminal::Terminal;
use syscope_tests::watch::Watch;
use syscope_tests::{require_bpf, wait};

#[test]
fn nothing_is_left_after_a_normal_end() {
    let _machine = require_bpf!();
    let watch = Watch::report(1, &[]);
    let held = held_by(watch.pid());
    let _ = watch.into_report();
    assert_gone(&held);
}

#[test]
fn nothing_is_left_after_sigterm_sigint_or_sigkill() {
    let _machine = require_bpf!();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGKILL] {
        let watch = Watch::report(30, &[]);
        let held = held_by(watch.pid());
        watch.signal(signal);
        let _ = watch.end();
        assert_gone(&held);
    }
}

#[test]
fn nothing_is_left_of_the_screen_after_a_kill() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room");
    let mut terminal = Terminal::start(&[], dir.path(), 120, 40);
    let pid = terminal.pid();
    let attached = wait::poll(Duration::from_secs(5), || {
        Some(Objects::held_by(pid)).filter(|held| held.programs.len() >= programs().len())
    });
    let held = attached.unwrap_or_else(|| panic!("never attached:\n{}", terminal.text()));
    terminal.signal(Signal::SIGKILL);
    let _ = terminal.end();
    assert_gone(&held);
    assert_eq!(fs::read_dir(dir.path()).expect("it is there").count(), 0, "files are left");
}

#[test]
fn no_program_of_syscope_is_without_a_process() {
    let _machine = require_bpf!();
    let before = orphans();
    let watch = Watch::report(1, &[]);
    let running = programs_named_like_ours(&programs());
    let held = Objects::held_by(watch.pid()).programs;
    assert!(held.is_subset(&running), "loaded under other names: {held:?}, {running:?}");
    let _ = watch.into_report();
    let none = || Some(()).filter(|()| orphans().is_subset(&before));
    let left = wait::poll(Duration::from_secs(2), none);
    assert!(left.is_some(), "programs that nobody holds: {:?}, before {before:?}", orphans());
}

#[test]
fn nothing_is_pinned() {
    let _machine = require_bpf!();
    let watch = Watch::report(1, &[]);
    let pinned = |dir: &str| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).collect::<BTreeSet<_>>()
    };
    let mounts = fs::read_to_string("/proc/mounts").expect("proc is mounted");
    let bpf = mounts.lines().filter(|line| line.starts_with("bpf ") || line.contains(" bpf "));
    let ours = ["syscope", "SYSCALLS", "FILTER", "HEALTH", "OPENS"];
    for dir in bpf.filter_map(|line| line.split(' ').nth(1)) {
        let names = pinned(dir);
        let found = names.iter().any(|name| {
            name.to_str().is_some_and(|name| ours.iter().any(|ours| name.contains(ours)))
        });
        assert!(!found, "{dir}: {names:?}");
    }
    let _ = watch.into_report();
}

/// What a run holds, which must be something, or its absence later would say nothing.
fn held_by(pid: u32) -> Objects {
    let held = Objects::held_by(pid);
    assert!(held.programs.len() >= programs().len(), "programs are loaded: {held:?}");
    assert!(held.maps.len() > 5, "maps are there: {held:?}");
    assert!(!held.links.is_empty(), "links are there: {held:?}");
    assert_eq!(held.still_there(), held, "all of it is seen from outside");
    held
}

fn assert_gone(held: &Objects) {
    // The kernel frees them a moment after the last descriptor is closed.
    let gone =
        wait::poll(Duration::from_secs(2), || Some(()).filter(|()| held.still_there().is_empty()));
    assert!(gone.is_some(), "left in the kernel: {:?}", held.still_there());
}

/// Programs with one of syscope's names that no living process holds.
fn orphans() -> BTreeSet<u32> {
    let named = programs_named_like_ours(&programs());
    // One that is just being loaded or freed is not a left-over.
    thread::sleep(Duration::from_millis(50));
    let processes = fs::read_dir(Path::new("/proc")).expect("proc is mounted").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let held: BTreeSet<u32> = pids.flat_map(|pid| Objects::held_by(pid).programs).collect();
    let still = programs_named_like_ours(&programs());
    named.into_iter().filter(|id| still.contains(id) && !held.contains(id)).collect()
}

fn programs() -> Vec<&'static str> {
    let all: BTreeSet<_> = PROBES.iter().flat_map(|probe| probe.programs).copied().collect();
    all.into_iter().collect()
}
