//! More than can be taken in: what is left out is counted and said, sums stay exact, and everything returns
//! when the load is gone.

mod live;

use live::Live;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::thread;
use std::time::Duration;
use syscope::filter::Filter;
use syscope::source::live::Options;
use syscope::source::{Batch, Health, ProbeHealth, ProcessEvent, WaitState};
use syscope_tests::watch::Watch;
use syscope_tests::workload::Workload;
use syscope_tests::{binary, require_bpf, wait};

/// A budget that every load here goes beyond, and an idle machine does not.
const BUDGET: f64 = 0.04;

/// The call that a workload makes.
const GETPPID: u32 = libc::SYS_getppid as u32;

/// What was delivered of a process.
#[derive(Clone, Debug, Default)]
struct Delivered {
    calls: u64,
    getppids: u64,
    opens: u64,
    /// Waits that ended and did not begin runnable.
    waits: u64,
    execs: u64,
    /// Threads that wait now.
    waiting: usize,
    /// How much was left out of off-CPU and opens, at most.
    sparing_most: [u64; 2],
    health: Health,
}

impl Delivered {
    fn add(&mut self, batch: Batch, pid: u32) {
        let of_it = |delta: u32| delta == pid;
        self.calls += batch.syscalls.iter().filter(|d| of_it(d.pid)).map(|d| d.calls).sum::<u64>();
        let getppids = batch.syscalls.iter().filter(|d| of_it(d.pid) && d.nr == GETPPID);
        self.getppids += getppids.map(|d| d.calls).sum::<u64>();
        self.opens += batch.opens.iter().filter(|open| of_it(open.pid)).count() as u64;
        let slept = batch.offcpu.iter().filter(|d| of_it(d.pid) && d.state != WaitState::Runnable);
        self.waits += slept.map(|d| d.waits).sum::<u64>();
        let is_exec = |event: &&ProcessEvent| matches!(event, ProcessEvent::Exec { .. });
        self.execs += batch.processes.iter().filter(is_exec).count() as u64;
        if let Some(waiting) = &batch.waiting {
            self.waiting = waiting.iter().filter(|wait| of_it(wait.pid)).count();
        }
        self.health = batch.health;
        let sparing = self.sparing();
        for (most, now) in self.sparing_most.iter_mut().zip(sparing) {
            *most = now.max(*most);
        }
    }

    fn probe(&self, name: &str) -> &ProbeHealth {
        self.health.probe(name).expect("every probe has its health")
    }

    fn sparing(&self) -> [u64; 2] {
        ["offcpu", "opens"].map(|name| self.health.probe(name).map_or(0, |probe| probe.sparing))
    }
}

fn watch(load: &Workload, budget: Option<f64>) -> Live<Delivered> {
    let pid = load.pid;
    let options = Options { budget, ..live::options(pid) };
    Live::start(options, move |delivered: &mut Delivered, batch| delivered.add(batch, pid))
}

/// How many a second the load did of what its truth counts, and that it did at least half of so many: less than
/// that would not have been the overload which the test is about.
fn rate(truth: &Value, counted: &str, wanted: u64) {
    let [count, ns] = [counted, "elapsed_ns"].map(|name| truth[name].as_f64().expect("a count"));
    let rate = count * 1e9 / ns;
    println!("{counted}: {rate:.0} a second, of {wanted} wanted");
    assert!(rate >= wanted as f64 / 2.0, "only {rate:.0} {counted} a second");
}

fn so_far(live: &Live<Delivered>) -> Delivered {
    live.sum.lock().expect("nobody panics with it").clone()
}

/// The load is gone: nothing is left out any more.
fn wait_until_it_returns(live: &Live<Delivered>) {
    let returned =
        wait::poll(Duration::from_secs(90), || (so_far(live).sparing() == [0, 0]).then_some(()));
    assert!(returned.is_some(), "{:#?}", so_far(live).health);
}

#[test]
fn over_budget_stacks_of_short_waits_go_first_and_no_wait_is_lost() {
    let _machine = require_bpf!();
    let mut load = Workload::start(&["pingpong", "600000", "2"]);
    let live = watch(&load, Some(BUDGET));
    load.go();
    let truth = load.done_within(Duration::from_secs(120));
    rate(&truth, "waits", 200_000);
    wait_until_it_returns(&live);
    let delivered = live.stop();
    let [stacks_from_ns, _] = delivered.sparing_most;
    assert!(stacks_from_ns >= 100_000, "{delivered:#?}");
    assert!(delivered.probe("offcpu").spared > 100_000, "{delivered:#?}");
    let waits = truth["waits"].as_u64().expect("a count");
    // A few of these lie before or after the work.
    assert!(delivered.waits.abs_diff(waits) <= 10, "{waits} waits: {delivered:#?}");
    assert_eq!(delivered.health.lost_events(), 0, "{delivered:#?}");
}

#[test]
fn over_budget_opens_are_sampled_and_each_is_counted() {
    let _machine = require_bpf!();
    const OPENS: u64 = 2_500_000;
    let mut load = Workload::start(&["openrow", "/nowhere/x", &OPENS.to_string(), "0", "2"]);
    let live = watch(&load, Some(BUDGET));
    load.go();
    let truth = load.done_within(Duration::from_secs(120));
    rate(&truth, "opens", 300_000);
    wait_until_it_returns(&live);
    let delivered = live.stop();
    let opens = delivered.probe("opens");
    assert!(delivered.sparing_most[1] > 1 && opens.spared > OPENS / 10, "{truth} {delivered:#?}");
    // Each of them, and of the start of the program nothing was seen.
    let accounted = delivered.opens + opens.lost() + opens.spared + delivered.health.overrun;
    assert_eq!(accounted, OPENS, "{truth} {delivered:#?}");
    assert_eq!(delivered.calls, delivered.calls.max(OPENS), "{delivered:#?}");
}

#[test]
fn two_hundred_thousand_opens_a_second_are_all_delivered() {
    let _machine = require_bpf!();
    const OPENS: u64 = 2_000_000;
    let mut load = Workload::start(&["openrow", "/nowhere/x", &OPENS.to_string(), "200000"]);
    let live = watch(&load, None);
    load.go();
    let truth = load.done_within(Duration::from_secs(120));
    let delivered = live.stop();
    rate(&truth, "opens", 200_000);
    assert_eq!(delivered.health.lost_events(), 0, "{truth} {delivered:#?}");
    assert_eq!(delivered.opens, OPENS, "{truth} {delivered:#?}");
}

#[test]
fn of_20_000_threads_each_is_there() {
    let _machine = require_bpf!();
    const THREADS: usize = 20_000;
    // A process has room for so many stacks only (`vm.max_map_count`).
    const PROCESSES: usize = 4;
    let threads = (THREADS / PROCESSES).to_string();
    let mut loads = [(); PROCESSES].map(|()| Workload::start(&["idle", &threads]));
    for load in &mut loads {
        load.go();
        let _ = load.done_within(Duration::from_secs(60));
    }
    let pids = loads.each_ref().map(|load| load.pid.to_string()).join(",");
    let report = Watch::report(2, &["-p", &pids]).into_report();
    for load in &loads {
        // The main thread waits for the end of standard input.
        assert_eq!(report.offcpu(load.pid).waiting, (THREADS / PROCESSES + 1) as u64);
    }
    assert_eq!(report.health("offcpu").lost, 0, "{:#}", report.raw["health"]);
}

#[test]
fn sleepers_beyond_the_room_for_them_are_counted_and_none_stays_when_all_are_gone() {
    let _machine = require_bpf!();
    // More than there is room for where few threads run at the start.
    const THREADS: usize = 9_000;
    let other = Workload::start(&["idle", "1"]);
    // Its own child is taken for a command that it waits for.
    let (workload, script) = (binary::own("workload"), format!("\"$0\" idle {THREADS}; :"));
    let workload = workload.to_str().expect("plain");
    let mut load = Workload::start_program("/bin/sh".as_ref(), &["-c", &script, workload]);
    let pid = load.pid;
    let add = move |delivered: &mut Delivered, batch| delivered.add(batch, pid);
    let live = Live::start(live::options(other.pid), add);
    load.go();
    let _ = load.done_within(Duration::from_secs(60));
    live.filter(Filter::from_cli(&[pid], &[], true));
    let all = || {
        let sum = so_far(&live);
        let full = sum.health.probe("offcpu").map_or(0, |probe| probe.map_full);
        (sum.waiting as u64 + full >= THREADS as u64).then_some(sum)
    };
    let sum = wait::poll(Duration::from_secs(20), all);
    let sum = sum.unwrap_or_else(|| panic!("{:#?}", so_far(&live)));
    assert!(sum.waiting > THREADS / 2, "{sum:#?}");
    assert_eq!(sum.health.read_errors, 0, "{sum:#?}");
    load.end();
    let gone = || (so_far(&live).waiting == 0).then_some(());
    assert!(wait::poll(Duration::from_secs(20), gone).is_some(), "{:#?}", so_far(&live));
    live.stop();
}

#[test]
fn in_a_storm_of_forks_every_process_is_seen() {
    let _machine = require_bpf!();
    const CHILDREN: u64 = 5_000;
    let folder = tempfile::tempdir().expect("room");
    let program = folder.path().join("storm-child");
    binary::copy(&binary::own("workload"), &program);
    let [program, file] = [program.to_str(), program.to_str()].map(|path| path.expect("plain"));
    let children = CHILDREN.to_string();
    let mut load = Workload::start(&["churn", program, &children, "10000000", "1", file]);
    let live = watch(&load, Some(BUDGET));
    load.go();
    let truth = load.done_within(Duration::from_secs(120));
    wait_until_it_returns(&live);
    let delivered = live.stop();
    assert!(delivered.execs >= CHILDREN, "{truth} {delivered:#?}");
    assert_eq!(delivered.probe("lifecycle").lost(), 0, "{delivered:#?}");
}

#[test]
fn ticks_that_nobody_takes_are_skipped_and_counted_and_no_call_is_missing() {
    let _machine = require_bpf!();
    let mut load = Workload::start(&["getppid", "8", "100000"]);
    let live = watch(&load, None);
    // While this is held, no batch is taken in.
    let held = live.sum.lock().expect("nobody panics with it");
    load.go();
    let truth = load.done_within(Duration::from_secs(120));
    // More than the batches that may wait.
    thread::sleep(10 * live::options(0).interval);
    drop(held);
    let delivered = live.stop();
    assert!(delivered.health.skipped_ticks > 0, "{delivered:#?}");
    assert_eq!(Some(delivered.getppids), truth["calls"].as_u64(), "{delivered:#?}");
    assert_eq!(delivered.health.lost_events(), 0, "{delivered:#?}");
}

#[test]
fn ticks_that_come_too_late_are_skipped_and_the_report_counts_them() {
    let _machine = require_bpf!();
    let mut load = Workload::start(&["getppid", "8", "100000"]);
    let watch = Watch::report(5, &["-p", &load.pid.to_string()]);
    load.go();
    watch.signal(Signal::SIGSTOP);
    thread::sleep(Duration::from_secs(2));
    watch.signal(Signal::SIGCONT);
    load.done_within(Duration::from_secs(120));
    let report = watch.into_report();
    let skipped = report.raw["health"]["skipped_ticks"].as_u64().expect("a count");
    assert!(skipped >= 3, "{skipped}: {:#}", report.raw["health"]);
    assert_eq!(report.syscall(load.pid, "getppid").calls, 800_000);
}
