//! System calls: counts, errors and latencies against what workloads really did.

use std::process::{Command, Stdio};
use syscope_tests::binary;
use syscope_tests::machine::skip;
use syscope_tests::require_bpf;
use syscope_tests::schema::Syscall;
use syscope_tests::watch::{Watch, observe};
use syscope_tests::workload::Workload;

#[test]
fn every_call_of_many_threads_is_counted_while_the_maps_are_read() {
    let _machine = require_bpf!();
    let observed = observe(&["getppid", "8", "100000"], 4, &[]);
    assert_eq!(observed.truth["calls"], 800_000);
    let call = observed.report.syscall(observed.pid, "getppid");
    assert_eq!(call.calls, 800_000);
    assert_eq!(call.errors, 0);
    assert!(call.total_ns > 0, "time was spent in them: {call:?}");
    assert_eq!(observed.report.health("syscalls").lost, 0);
}

/// More processes and numbers than rows: what finds none is counted in a map that all CPUs share, while others of
/// them are read and freed.
#[test]
fn calls_beyond_the_rows_are_counted_as_exactly() {
    let _machine = require_bpf!();
    const ROUNDS: u64 = 20;
    let (numbers, rounds) = (400, ROUNDS.to_string());
    let start = |_| Workload::start(&["madeup", "600", &numbers.to_string(), &rounds, "2"]);
    let mut loads: Vec<_> = (0..30).map(start).collect();
    let pids: Vec<_> = loads.iter().map(|load| load.pid.to_string()).collect();
    let watch = Watch::report(6, &["-p", &pids.join(",")]);
    loads.iter_mut().for_each(Workload::go);
    let calls: Vec<_> = loads.iter().map(|load| load.done()["calls"].as_u64()).collect();
    let report = watch.into_report();
    for (load, calls) in loads.iter().zip(calls) {
        let process = report.syscalls(load.pid).expect("it made calls");
        let made_up = process.by_syscall.iter().filter(|call| call.name.starts_with("syscall_"));
        let made_up: Vec<_> = made_up.collect();
        assert_eq!(made_up.len() as u64, numbers);
        assert_eq!(Some(made_up.iter().map(|call| call.calls).sum()), calls);
        for call in made_up {
            assert_eq!((call.calls, call.errors), (2 * ROUNDS, 2 * ROUNDS), "{call:?}");
            assert_eq!(call.errnos[0].count, 2 * ROUNDS, "{call:?}");
        }
    }
    let health = report.health("syscalls");
    assert_eq!(health.lost, 0, "{:#}", report.raw["health"]);
    let fill = report.raw["health"]["syscalls"]["fill"].as_f64().expect("a share");
    assert!(fill > 0.5, "the rows were nearly all taken: {:#}", report.raw["health"]);
}

#[test]
fn a_process_has_the_sums_of_its_calls() {
    let _machine = require_bpf!();
    let observed = observe(&["failing"], 2, &[]);
    let process = observed.report.syscalls(observed.pid).expect("it made calls");
    let sum = |part: fn(&Syscall) -> u64| process.by_syscall.iter().map(part).sum::<u64>();
    assert_eq!(process.calls, sum(|call| call.calls));
    assert_eq!(process.errors, sum(|call| call.errors));
    assert_eq!(process.comm, "workload");
}

#[test]
fn failing_calls_are_counted_by_error_number() {
    let _machine = require_bpf!();
    let observed = observe(&["failing"], 2, &[]);
    for (name, truth) in observed.truth.as_object().expect("calls by name") {
        let call = observed.report.syscall(observed.pid, name);
        assert_eq!(call.calls, truth["calls"], "{name}");
        let errors = truth["errors"].as_object().expect("errors by name");
        let all: u64 = errors.values().filter_map(serde_json::Value::as_u64).sum();
        assert_eq!(call.errors, all, "{name}");
        assert_eq!(call.errnos.len(), errors.len(), "{name}: {:?}", call.errnos);
        for errno in &call.errnos {
            assert_eq!(truth["errors"][&errno.name], errno.count, "{name}: {}", errno.name);
        }
    }
}

#[test]
fn a_sleep_of_10_ms_lands_in_its_bucket() {
    let _machine = require_bpf!();
    let observed = observe(&["nanosleep", "40", "10"], 3, &[]);
    // Of powers of two: 10 ms is between 2^23 and 2^24 ns.
    let bucket = (1 << 23)..=(1 << 24);
    for name in ["nanosleep", "clock_nanosleep"] {
        let call = observed.report.syscall(observed.pid, name);
        let elapsed = observed.truth[name]["elapsed_ns"].as_u64().expect("a time");
        assert_eq!(call.calls, 40, "{name}");
        assert!((400_000_000..=elapsed).contains(&call.total_ns), "{call:?}, not {elapsed}");
        let [p50, p99] = [call.p50_ns, call.p99_ns].map(|p| p.expect("calls returned"));
        assert!(bucket.contains(&p50), "{call:?}");
        assert!(p99 >= p50, "{call:?}");
    }
}

#[test]
fn calls_that_never_return_are_calls() {
    let _machine = require_bpf!();
    let observed = observe(&["exits", "10"], 2, &[]);
    for (name, calls) in observed.truth.as_object().expect("calls by name") {
        assert_eq!(observed.report.syscall(observed.pid, name).calls, *calls, "{name}");
    }
    let exit_group = observed.report.syscall(observed.pid, "exit_group");
    assert_eq!(exit_group.total_ns, 0, "it has no latency: {exit_group:?}");
}

#[test]
fn the_end_of_a_thread_ends_no_call_of_another() {
    let _machine = require_bpf!();
    let (threads, ms) = (100, 600);
    let observed = observe(&["sleepers", &threads.to_string(), &ms.to_string()], 3, &[]);
    for (name, ms) in [("nanosleep", ms), ("clock_nanosleep", ms / 3)] {
        let call = observed.report.syscall(observed.pid, name);
        assert_eq!(call.calls, observed.truth[name], "{name}");
        assert!(call.total_ns >= threads * ms * 1_000_000, "all of them returned: {call:?}");
    }
}

#[test]
fn calls_of_32_bit_code_have_their_own_names() {
    let _machine = require_bpf!();
    let mut probe = Command::new(binary::own("workload"));
    let probe = probe.arg("compat-probe").stderr(Stdio::null()).status().expect("it starts");
    if !probe.success() {
        return skip("this kernel takes no 32-bit system calls");
    }
    let observed = observe(&["compat", "500", "300"], 2, &[]);
    let process = observed.report.syscalls(observed.pid).expect("it made calls");
    let wide = observed.report.syscall(observed.pid, "getpid");
    assert_eq!(wide.calls, 300, "64-bit calls only");
    let narrow: Vec<_> = process
        .by_syscall
        .iter()
        .filter(|call| call.name != "getpid" && call.name.contains("getpid"))
        .collect();
    assert_eq!(narrow.len(), 1, "{:#?}", process.by_syscall);
    assert_eq!(narrow[0].calls, 500);
    // The same number in the 64-bit table.
    assert!(!process.by_syscall.iter().any(|call| call.name.contains("writev")));
}

#[test]
fn numbers_that_no_call_has_do_not_fill_the_map() {
    let _machine = require_bpf!();
    let observed = observe(&["madeup", "1000", "20000", "1", "1"], 2, &[]);
    // From 1023 on, all numbers are one; the few below, which calls may have one day, are not.
    let low: Vec<_> = (1000..1023).map(|nr| format!("syscall_{nr}")).collect();
    for name in &low {
        assert_eq!(observed.report.syscall(observed.pid, name).calls, 1, "{name}");
    }
    let made_up = observed.report.syscall(observed.pid, "syscall_1023");
    assert_eq!(made_up.calls, 20_000 - low.len() as u64);
    assert_eq!(made_up.errors, made_up.calls);
    assert_eq!(made_up.errnos.len(), 1, "{:?}", made_up.errnos);
    assert_eq!(made_up.errnos[0].name, "ENOSYS");
    let process = observed.report.syscalls(observed.pid).expect("it made calls");
    let nameless = process.by_syscall.iter().filter(|call| call.name.starts_with("syscall_"));
    assert_eq!(nameless.map(|call| call.calls).sum::<u64>(), 20_000);
    assert_eq!(observed.report.health("syscalls").lost, 0);
}
