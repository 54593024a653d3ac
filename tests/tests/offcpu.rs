//! Off-CPU time: blocked and waiting for a CPU are told apart, in the right amounts, on the right
//! stacks.

use std::collections::{BTreeSet, VecDeque};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use syscope_shared::health::ProbeId;
use syscope_tests::compile::with_frame_pointers;
use syscope_tests::report::mentions;
use syscope_tests::schema::OffcpuStack;
use syscope_tests::watch::{Watch, observe, observe_workload};
use syscope_tests::workload::Workload;
use syscope_tests::{binary, kernel, require_bpf};

const MS: u64 = 1_000_000;

#[test]
fn a_hundred_sleeps_of_20_ms_are_2_s_blocked() {
    let _machine = require_bpf!();
    let observed = observe(&["sleeper", "100", "20"], 4, &[]);
    let sleeps = observed.report.waits_in(observed.pid, &["nanosleep"]);
    let blocked = blocked_ns(&sleeps);
    // Where timers are late (a virtual machine on a busy host), the sleeps themselves are longer,
    // and the workload's own clock is the truth.
    let elapsed = observed.truth["elapsed_ns"].as_u64().expect("a time");
    let longest = elapsed.max(2_040 * MS);
    assert!((1_960 * MS..=longest).contains(&blocked), "{blocked} ns, not 2 s within 2 %");
    let off = blocked + observed.report.offcpu(observed.pid).runqueue_ns;
    assert!(off > elapsed - elapsed / 50, "{off} ns off the CPU of {elapsed}");
    assert_eq!(waits(&sleeps), 100);
    assert!(sleeps.iter().all(|stack| stack.state == "interruptible"), "{sleeps:#?}");
}

#[test]
fn a_process_has_the_sums_of_its_stacks() {
    let _machine = require_bpf!();
    let observed = observe(&["sleeper", "20", "20"], 2, &[]);
    let process = observed.report.offcpu(observed.pid);
    let stacks: Vec<_> = process.stacks.iter().collect();
    assert_eq!(process.blocked_ns, blocked_ns(&stacks));
    assert_eq!(process.waits, waits(&stacks));
    // One thread: what it was off the CPU is no more than the time that passed.
    let off = process.blocked_ns + process.runqueue_ns;
    let passed = observed.report.document.duration_ns;
    assert!(off <= passed + 5 * MS, "{off} ns off the CPU in {passed} ns");
}

/// It sleeps before syscope comes, and after it has gone: what is told is of the time between.
#[test]
fn what_was_before_the_watch_is_not_told() {
    let _machine = require_bpf!();
    let mut workload = Workload::start(&["sleeper", "2000", "10"]);
    workload.go();
    std::thread::sleep(Duration::from_millis(100));
    let pid = workload.pid;
    let report = Watch::report(1, &["-p", &pid.to_string()]).into_report();
    let process = report.offcpu(pid);
    let (off, passed) = (process.blocked_ns + process.runqueue_ns, report.document.duration_ns);
    assert!(off <= passed + MS, "{off} ns off the CPU in {passed} ns");
    assert!(off > passed - passed / 5, "{off} ns off the CPU in {passed} ns");
    let syscalls = report.document.syscalls.iter().find(|process| process.pid == pid);
    let calls = syscalls.iter().flat_map(|process| &process.by_syscall);
    let in_calls: u64 = calls.map(|call| call.total_ns).sum();
    assert!(in_calls <= passed + MS, "{in_calls} ns in system calls in {passed} ns");
}

/// A program that hangs: nobody was there to walk its user stack, and that is said.
#[test]
fn a_wait_from_before_the_watch_says_why_it_has_no_user_stack() {
    let _machine = require_bpf!();
    let mut workload = Workload::start(&["sleeper", "1", "60000"]);
    workload.go();
    std::thread::sleep(Duration::from_millis(100));
    let report = Watch::report(1, &["-p", &workload.pid.to_string()]).into_report();
    let sleeps = report.waits_in(workload.pid, &["nanosleep"]);
    let notes: Vec<_> =
        sleeps.iter().flat_map(|stack| &stack.user).map(|frame| &*frame.name).collect();
    assert_eq!(notes, ["[waiting since before syscope watched]"], "{sleeps:#?}");
}

#[test]
fn a_spinner_that_is_kept_from_running_waits_for_a_cpu_and_is_not_blocked() {
    let _machine = require_bpf!();
    let observed = observe(&["starved", "1500"], 3, &[]);
    let truth = |key: &str| observed.truth[key].as_u64().expect("a time");
    let (delay, wall) = (truth("delay_ns"), truth("wall_ns"));
    assert!(delay > 300 * MS, "the rival did not do its work: {}", observed.truth);
    let process = observed.report.offcpu(observed.pid);
    // The kernel's own count of the same, of the spinning alone.
    let tolerance = delay / 20 + 10 * MS;
    assert!(
        process.runqueue_ns.abs_diff(delay) < tolerance,
        "{} ns in the run queue, {delay} by the kernel's count",
        process.runqueue_ns
    );
    // It can have been blocked only while it did not spin.
    let rest = observed.report.document.duration_ns.saturating_sub(wall);
    assert!(
        process.blocked_ns < rest + 50 * MS,
        "{} ns blocked, of {rest} in which it did not spin",
        process.blocked_ns
    );
    let preempted = process.stacks.iter().filter(|stack| stack.state == "runnable");
    let preempted: Vec<_> = preempted.collect();
    assert!(waits(&preempted) > 10, "it was preempted often: {:#?}", process.stacks);
    assert_eq!(blocked_ns(&preempted), 0, "preempted is not blocked");
}

#[test]
fn a_ping_pong_through_pipes_blames_the_reads() {
    let _machine = require_bpf!();
    let observed = observe(&["pingpong", "5000", "1"], 3, &[]);
    let process = observed.report.offcpu(observed.pid);
    let mut reads = observed.report.waits_in(observed.pid, &["pipe_read"]);
    // One can be preempted in a read, too.
    reads.retain(|stack| stack.state != "runnable");
    // The kernel's own count; a few of these are the main thread's waits for the other.
    let truth = observed.truth["waits"].as_u64().expect("a count");
    assert!(truth >= 5000, "every round waits at least once: {truth}");
    assert!(waits(&reads).abs_diff(truth) <= 10, "{} waits in reads, not {truth}", waits(&reads));
    let other: Vec<_> = process
        .stacks
        .iter()
        .filter(|stack| stack.state != "runnable" && !mentions(&stack.kernel, &["pipe_read"]))
        .collect();
    assert!(waits(&other) <= 10, "the blame is elsewhere: {other:#?}");
    let user = reads.iter().filter(|stack| mentions(&stack.user, &["read"]));
    assert!(user.count() > 0, "a user stack shows who reads: {reads:#?}");
}

/// Stacks that are known are walked all the same, and compared: of threads that wait at the same place again
/// and again, of one that waits at thousands, and of processes that look alike.
#[test]
fn a_stack_that_is_remembered_is_the_one_that_a_walk_finds() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a program");
    let Some(many) = with_frame_pointers("manystacks", dir.path()) else { return };
    let Some(alike) = with_frame_pointers("forkedsleeps", dir.path()) else { return };
    let mut workloads = [
        Workload::start(&["pingpong", "20000", "1"]),
        Workload::start_program(&many, &["1", "3000"]),
        Workload::start_program(&alike, &["300", "5"]),
    ];
    let pids = workloads.each_ref().map(|workload| workload.pid.to_string()).join(",");
    let mut command = Command::new(binary::syscope());
    command.args(["report", "--json", "--budget", "off", "-d", "6", "--follow-forks", "-p", &pids]);
    command.env("SYSCOPE_CHECK_REMEMBERED_STACKS", "1");
    let watch = Watch::start_command(command);
    workloads.iter_mut().for_each(Workload::go);
    workloads.iter().for_each(|workload| drop(workload.done()));
    let counters = kernel::counters(watch.pid(), ProbeId::Offcpu);
    assert_eq!(counters.recalled_wrong, 0, "{counters:?}");
    // What they do the first time is walked, and what is deeper than can be remembered.
    assert!(counters.recalled > counters.events / 5, "{counters:?}");
    let report = watch.into_report();
    assert_eq!(report.health("offcpu").lost, 0);
}

#[test]
fn what_is_still_blocked_is_shown_with_its_time_so_far() {
    let _machine = require_bpf!();
    let observed = observe(&["blocked"], 2, &[]);
    let document = &observed.report.document;
    // Three threads: main, one blocked since before the watching, one since the start. None wakes
    // before the report ends but main, for a moment.
    let passed = document.duration_ns;
    let process = observed.report.offcpu(observed.pid);
    let reads = observed.report.waits_in(observed.pid, &["pipe_read"]);
    assert!(
        reads.iter().any(|stack| stack.blocked_ns > passed - 300 * MS),
        "the thread that blocked under our eyes: {:#?}",
        process.stacks
    );
    let all = process.blocked_ns;
    assert!(
        (3 * passed - 500 * MS..=3 * passed + 50 * MS).contains(&all),
        "three threads are blocked all of {passed} ns, together {all}"
    );
}

#[test]
fn one_that_blocks_just_before_the_end_is_shown() {
    let _machine = require_bpf!();
    let mut workload = Workload::start(&["blocked"]);
    let pid = workload.pid.to_string();
    let watch = Watch::report(2, &["-p", &pid]);
    std::thread::sleep(Duration::from_millis(1200));
    workload.go();
    let _ = workload.done();
    let report = watch.into_report();
    let reads = report.waits_in(workload.pid, &["pipe_read"]);
    // Main's wait for the start is the longer one; the thread that blocked then has the rest.
    let short: Vec<_> =
        reads.iter().filter(|stack| (100 * MS..1_000 * MS).contains(&stack.blocked_ns)).collect();
    assert!(!short.is_empty(), "{:#?}", report.offcpu(workload.pid).stacks);
}

#[test]
fn who_ends_while_syscope_starts_does_not_wait_for_ever() {
    let _machine = require_bpf!();
    // Its threads make the look at all of them long.
    let _crowd = Workload::start(&["idle", "8000"]);
    let started = AtomicBool::new(false);
    let mut sleepers = Sleepers((0..200).map(|_| Sleepers::one()).collect());
    let mut watch = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !started.load(Ordering::Relaxed) && sleepers.end_one() {
                sleepers.0.push_back(Sleepers::one());
            }
        });
        let watch = Watch::report(1, &[]);
        started.store(true, Ordering::Relaxed);
        watch
    });
    let mut alive = [processes(), processes()];
    while watch.runs() {
        std::thread::sleep(Duration::from_millis(100));
        alive.swap(0, 1);
        alive[1] = processes();
    }
    let report = watch.into_report();
    let passed = report.document.duration_ns;
    let all = report.document.processes.iter();
    let short_lived: BTreeSet<u32> = all
        .filter(|process| process.cmdline == Sleepers::COMMAND)
        .map(|process| process.pid)
        .collect();
    // One that has ended in the last instant may have been seen alive.
    let dead = |pid: u32| !alive.iter().any(|alive| alive.contains(&pid));
    let rows = report.document.offcpu.iter();
    let of_the_dead: Vec<_> =
        rows.filter(|row| dead(row.pid) && short_lived.contains(&row.pid)).collect();
    assert!(of_the_dead.len() >= 5, "they were gone before: {}", of_the_dead.len());
    let waiting: Vec<_> = of_the_dead.iter().filter(|process| process.waiting > 0).collect();
    assert!(waiting.is_empty(), "dead, and still waiting: {waiting:#?}");
    // They were dead for the second that was asked for; only the start lies before that.
    let limit = passed.saturating_sub(900 * MS);
    let long: Vec<_> = of_the_dead.iter().filter(|dead| dead.blocked_ns > limit).collect();
    assert!(long.is_empty(), "dead, and blocked through all of {passed} ns: {long:#?}");
}

#[test]
fn thousands_of_different_stacks_are_told_apart_and_lose_no_wait() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a program");
    let Some(program) = with_frame_pointers("manystacks", dir.path()) else { return };
    let workload = Workload::start_program(&program, &["1", "6000"]);
    let observed = observe_workload(workload, 2, &[]);
    let truth = |key: &str| observed.truth[key].as_u64().expect("a count");
    assert!(truth("rounds") > 5_000, "too slow for 5,000 stacks a second: {}", observed.truth);
    let process = observed.report.offcpu(observed.pid);
    let asleep: Vec<_> = process.stacks.iter().filter(|stack| stack.state != "runnable").collect();
    // The kernel's own count; a few of these lie before or after the work.
    let (found, kernels) = (waits(&asleep), truth("waits"));
    assert!(found.abs_diff(kernels) <= 10, "{found} waits, not {kernels}");
    let (health, stacks) =
        (observed.report.health("offcpu"), observed.report.stack_health("offcpu"));
    // Some kernels now and then leave out both events that end a wait of a CPU that was idle. Such
    // a wait is counted above, and as one whose end is not known exactly.
    let raw = &observed.report.raw["health"];
    let unseen = raw["offcpu"]["unseen_waits"].as_u64().expect("a count");
    assert_eq!(health.lost, 0, "{raw:#}");
    assert!(unseen * 1000 < health.events, "{raw:#}");
    assert!(
        stacks.stack_errors * 200 < health.events,
        "{} stacks lost in {} events",
        stacks.stack_errors,
        health.events
    );
    let user = |stack: &OffcpuStack| -> Vec<_> {
        stack.user.iter().map(|frame| (frame.name.clone(), frame.offset)).collect()
    };
    let mut ways: BTreeSet<_> = process.stacks.iter().map(user).collect();
    ways.retain(|way| way.iter().any(|(name, _)| name == "step"));
    assert!(ways.len() > 5_000, "{} ways in {} stacks", ways.len(), process.stacks.len());
}

/// Processes that sleep until they are ended.
struct Sleepers(VecDeque<Child>);

impl Sleepers {
    const COMMAND: &str = "sleep 63";

    fn one() -> Child {
        Command::new("sleep").arg("63").spawn().expect("it is there")
    }

    /// Ends the oldest; whether there was one left.
    fn end_one(&mut self) -> bool {
        let Some(mut child) = self.0.pop_front() else { return false };
        child.kill().and_then(|()| child.wait()).expect("it is a child");
        true
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        while self.end_one() {}
    }
}

/// PIDs of all that live.
fn processes() -> BTreeSet<u32> {
    let entries = std::fs::read_dir("/proc").expect("proc is mounted").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn blocked_ns(stacks: &[&OffcpuStack]) -> u64 {
    stacks.iter().map(|stack| stack.blocked_ns).sum()
}

fn waits(stacks: &[&OffcpuStack]) -> u64 {
    stacks.iter().map(|stack| stack.waits).sum()
}
