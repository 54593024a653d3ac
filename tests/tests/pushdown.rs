//! The filter in the kernel: who is filtered out leaves no trace in its maps.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;
use syscope_tests::kernel::keys;
use syscope_tests::watch::Watch;
use syscope_tests::workload::Workload;
use syscope_tests::{require_bpf, wait};

const MAPS: [&str; 6] = ["SYSCALLS", "ERRNOS", "OFFCPU", "PROFILE", "CALLERS", "WAITING"];

#[test]
fn maps_hold_nothing_of_processes_that_are_filtered_out() {
    let _machine = require_bpf!();
    let [watched, other] = two_loads();
    let watch = Watch::report(2, &["-p", &watched.pid.to_string()]);
    std::thread::sleep(Duration::from_millis(1000));
    let mine = threads(watched.pid);
    for map in MAPS {
        let keys = keys_soon(watch.pid(), map);
        let strangers: Vec<_> = keys.iter().filter(|key| !mine.contains(&key[0])).collect();
        assert!(strangers.is_empty(), "{map} has keys of others: {strangers:?}");
        // `ERRNOS` is empty for a workload without errors.
        assert!(!keys.is_empty() || map == "ERRNOS", "{map} has nothing of the watched one");
    }
    let report = watch.into_report();
    assert!(report.syscall(watched.pid, "getppid").calls > 1000);
    let text = report.raw.to_string();
    for pid in pids(&report.raw) {
        assert_eq!(pid, watched.pid, "the other is {}: {text}", other.pid);
    }
}

#[test]
fn without_a_filter_the_maps_hold_both() {
    let _machine = require_bpf!();
    let [one, other] = two_loads();
    let watch = Watch::report(2, &[]);
    std::thread::sleep(Duration::from_millis(1000));
    let found: BTreeSet<u32> = keys(watch.pid(), "SYSCALLS").iter().map(|key| key[0]).collect();
    assert!(found.contains(&one.pid) && found.contains(&other.pid), "{found:?}");
    let report = watch.into_report();
    for pid in [one.pid, other.pid] {
        assert!(report.syscall(pid, "getppid").calls > 1000);
        assert!(report.opens(pid).count() > 10);
        assert!(!report.waits_in(pid, &["nanosleep"]).is_empty());
        assert!(report.samples(pid) > 5);
    }
}

#[test]
fn events_of_others_are_not_even_counted() {
    let _machine = require_bpf!();
    let [watched, _other] = two_loads();
    let mut quiet = Workload::start(&["getppid", "1", "1000"]);
    let watch = Watch::report(2, &["-p", &quiet.pid.to_string()]);
    quiet.go();
    let _ = quiet.done();
    let report = watch.into_report();
    assert!(report.syscalls(watched.pid).is_none());
    let events = report.health("syscalls").events;
    // An entry and an exit each, and a few calls around them; the others make 100,000 a second.
    assert!((1000..2500).contains(&events), "{events} events for 1,000 calls");
}

/// The keys of a map. A map that was just read may be empty for a moment.
fn keys_soon(holder: u32, map: &str) -> Vec<Vec<u32>> {
    let some = || Some(keys(holder, map)).filter(|keys| !keys.is_empty());
    wait::poll(Duration::from_millis(500), some).unwrap_or_default()
}

/// Two processes that do the same, each with a file of its own.
fn two_loads() -> [Workload; 2] {
    ["/etc/passwd", "/etc/group"].map(|path| {
        let mut load = Workload::start(&["mixed", path]);
        load.go();
        let _ = load.done();
        load
    })
}

fn threads(pid: u32) -> BTreeSet<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it lives").flatten();
    tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect()
}

/// Every value of a key `pid`, anywhere in the report.
fn pids(value: &serde_json::Value) -> Vec<u32> {
    match value {
        serde_json::Value::Object(object) => {
            let own = object.get("pid").and_then(serde_json::Value::as_u64).map(|pid| pid as u32);
            own.into_iter().chain(object.values().flat_map(pids)).collect()
        }
        serde_json::Value::Array(list) => list.iter().flat_map(pids).collect(),
        _ => Vec::new(),
    }
}
