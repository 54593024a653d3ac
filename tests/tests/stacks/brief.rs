//! A program that lives for 50 ms, again and again.

use crate::built;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use syscope_tests::chain::{ENDS_EARLY, HZ, Plan, Run, Seen, Symbols, ended};
use syscope_tests::require_bpf;
use syscope_tests::watch::Watch;

/// How long it is run under another name first, until its tables are ready.
const WARM_UP: Duration = Duration::from_secs(1);
/// Runs of 50 ms that count.
const RUNS: u32 = 40;

#[test]
fn a_program_that_ends_after_50_ms() {
    exits_soon(&[]);
}

#[test]
fn a_static_program_that_ends_after_50_ms() {
    exits_soon(&["-static"]);
}

/// The program's samples are told from those of its warm-up by its name.
fn exits_soon(options: &[&str]) {
    let _machine = require_bpf!();
    let Some(built) = built("gcc", "brief.c", options) else { return };
    let warm = built.dir.path().join("briefwarm");
    fs::hard_link(&built.program, &warm).expect("one file system");
    let watch = Watch::report(120, &["-c", "brief", "-c", "briefwarm", "--freq", HZ]);
    let start = Instant::now();
    while start.elapsed() < WARM_UP {
        run_once(&warm);
    }
    for _ in 0..RUNS {
        run_once(&built.program);
    }
    let mut run = Run { report: ended(watch) };
    run.report.document.profile.stacks.retain(|stack| stack.comm == "brief");
    let tally = run.tally_without(&built.chains(""), &Symbols::default(), &starts_or_ends);
    assert!(tally.counted >= 1000, "too few: {tally}");
    assert!(tally.percent() >= 99.0, "{tally}");
}

/// Children have their parent's memory until they become another program: what is at an address is
/// another function from then on, also in a program that has ended before anybody could look at it.
#[test]
fn a_child_that_becomes_another_program_at_once() {
    let _machine = require_bpf!();
    let fixed = ["-no-pie", "-static"];
    let Some(parent) = built("gcc", "spawns.c", &fixed) else { return };
    let Some(child) = built("gcc", "brief.c", &fixed) else { return };
    let args = vec![child.program.clone()];
    let mut run = Plan { args, children: true, ..Plan::new(&parent.program, "") }.run();
    run.report.document.profile.stacks.retain(|stack| stack.comm == "brief");
    let stacks = &run.report.document.profile.stacks;
    assert!(stacks.len() > 20, "there were no children: {}", stacks.len());
    let of_another = ["_of_the_parent", "spawn", "begin", "[unmapped]"];
    for stack in stacks {
        let names: Vec<_> = stack.user.iter().map(|frame| &*frame.name).collect();
        let is_foreign = |name: &&str| of_another.iter().any(|part| name.contains(part));
        assert!(!names.iter().any(is_foreign), "{names:?}");
    }
}

/// What the kernel does before the program runs and when it ends, and the work of the dynamic linker.
fn starts_or_ends(frames: &[Seen]) -> bool {
    let works = frames.iter().any(|frame| frame.name() == "outer");
    let broken = frames.first().is_some_and(|root| root.name().starts_with(ENDS_EARLY));
    !works && !broken || frames.last().is_none_or(|leaf| leaf.is_in(&["ld-linux", "libc.so"]))
}

fn run_once(program: &Path) {
    let status = Command::new(program).status().expect("it was just built");
    assert!(status.success(), "{status}");
}
