//! What watching takes, in figures that do not depend on how fast the machine is: each stays below a
//! ceiling that is written down here. Where one is passed for a good reason, or is far above what is
//! needed now, run `cargo test --test ceilings -- --nocapture`, which prints today's figures, and write
//! down one and a half times of them.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;
use syscope::probes::PROBES;
use syscope_tests::kernel::verified_instructions;
use syscope_tests::machine::not_tried;
use syscope_tests::process::children;
use syscope_tests::require_bpf;
use syscope_tests::watch::Watch;
use syscope_tests::workload::Workload;

/// Instructions that the verifier goes through for each program, every path counted: what loading it
/// takes. As of Linux 6.18; other kernels count a little differently. The kernel refuses a million.
const VERIFIED: [(&str, u32); 9] = [
    ("sys_enter", 12_000),
    ("sys_exit", 40_000),
    ("sched_switch", 83_000),
    ("sched_wakeup", 2_500),
    ("sched_wakeup_new", 3_000),
    ("cpu_sample", 32_000),
    ("process_fork", 850),
    ("process_exec", 1_400),
    ("process_exit", 550),
];
/// System calls that a recording with all probes makes in each tick, in all of its processes, while what
/// it watches does nothing: what reading the maps takes.
const CALLS_A_TICK: f64 = 40.0;
/// Those it makes for each time beside that it wakes up, because a process of the machine began or ended,
/// or a stack is new. How often that is depends on what else runs.
const CALLS_A_WAKE_UP: f64 = 12.0;
/// The tick, the same for the command line, and for how many s calls are counted.
const TICK: Duration = Duration::from_millis(250);
const INTERVAL: &str = "250ms";
const SECONDS: u32 = 4;

#[test]
fn the_verifier_has_no_more_to_do_than_it_had() {
    let _machine = require_bpf!();
    let watch = Watch::report(30, &[]);
    let Some(verified) = verified_instructions(watch.pid()) else {
        return not_tried("this kernel does not say what its verifier went through");
    };
    drop(watch);
    let all: BTreeSet<_> = PROBES.iter().flat_map(|probe| probe.programs).copied().collect();
    let ceilings = BTreeMap::from(VERIFIED);
    assert_eq!(all, ceilings.keys().copied().collect(), "programs, and those with a ceiling");
    println!("instructions verified: {verified:#?}");
    for (name, ceiling) in VERIFIED {
        // The kernel keeps 15 bytes of a name.
        let count = verified[&name[..name.len().min(15)]];
        assert!((1..=ceiling).contains(&count), "{name}: {count} instructions, over {ceiling}");
    }
}

#[test]
fn a_tick_makes_no_more_system_calls_than_it_did() {
    let _machine = require_bpf!();
    let folder = tempfile::tempdir().expect("room");
    let file = folder.path().join("recording");
    let file = file.to_str().expect("plain text");
    let quiet = Workload::start(&["getppid", "1", "1"]);
    let pid = quiet.pid.to_string();
    let command = ["record", "-d", "30s", "--interval", INTERVAL, "-p", &pid, "-o", file];
    let recording = Watch::start(&command);
    // It first looks at what runs, and has the names of the stacks that it finds.
    thread::sleep(Duration::from_secs(2));
    let pids: Vec<_> = [recording.pid()].into_iter().chain(children(recording.pid())).collect();
    let text = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    // Another syscope counts the calls of the first: no tool is needed, and nothing is slowed down.
    let watch = Watch::report(SECONDS, &["--probes", "syscalls", "-p", &text]);
    let report = watch.into_report();
    let ticks = f64::from(SECONDS) / TICK.as_secs_f64();
    let made: Vec<_> = pids.iter().filter_map(|pid| report.syscalls(*pid)).collect();
    for process in &made {
        for call in &process.by_syscall {
            println!("{:.1} a tick: {} {}", call.calls as f64 / ticks, process.comm, call.name);
        }
    }
    let calls = made.iter().map(|process| process.calls).sum::<u64>() as f64;
    let of_reader = made.iter().filter(|process| process.pid == recording.pid());
    let waits = of_reader.flat_map(|it| &it.by_syscall).filter(|it| it.name.starts_with("epoll_"));
    let wake_ups = waits.map(|call| call.calls).sum::<u64>() as f64 - ticks;
    let ceiling = ticks * CALLS_A_TICK + wake_ups * CALLS_A_WAKE_UP;
    println!("{ticks} ticks, {wake_ups} other wake-ups: {calls} system calls of {ceiling}");
    assert!(wake_ups >= -1.0, "it waits for each tick: {made:#?}");
    assert!(
        calls <= ceiling,
        "{calls} system calls, over {ceiling}, in {ticks} ticks and {wake_ups} other wake-ups"
    );
}
