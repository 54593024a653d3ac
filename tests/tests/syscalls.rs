//! System calls: counts, errors and latencies against what workloads really did.

use std::process::{Command, Stdio};
use syscope_tests::binary;
use syscope_tests::machine::skip;
use syscope_tests::require_bpf;
use syscope_tests::schema::Syscall;
use syscope_tests::watch::observe;

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
    let observed = observe(&["madeup", "1000", "20000"], 2, &[]);
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
