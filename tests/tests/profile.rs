//! The CPU profile: shares, totals and names.

use std::collections::BTreeMap;
use syscope_tests::compile::{at_a_fixed_place, with_frame_pointers};
use syscope_tests::report::mentions;
use syscope_tests::require_bpf;
use syscope_tests::schema::{Frame, ProfileStack};
use syscope_tests::watch::{Watch, observe, observe_workload};
use syscope_tests::workload::Workload;

/// Probability of a false alarm: 1 in 16,000.
const SIGMAS: f64 = 4.0;

#[test]
fn shares_of_time_are_right_within_the_sampling_error() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a program");
    let Some(program) = with_frame_pointers("spin70", dir.path()) else { return };
    let observed = observe_workload(Workload::start_program(&program, &["3.5"]), 5, &[]);
    let mut samples: BTreeMap<&str, u64> = BTreeMap::new();
    for stack in observed.report.profile(observed.pid) {
        let function = ["seventy_percent", "twenty_percent", "ten_percent"]
            .into_iter()
            .find(|name| stack.user.iter().any(|frame| frame.name == *name));
        *samples.entry(function.unwrap_or("elsewhere")).or_default() += stack.samples;
    }
    let all: u64 = samples.values().sum();
    assert!(all > 250, "3.5 s at 99 Hz are more samples: {samples:?}");
    for (index, name) in ["seventy_percent", "twenty_percent", "ten_percent"].iter().enumerate() {
        let share = observed.truth["shares"][index].as_f64().expect("a share");
        let found = samples.get(*name).map_or(0.0, |count| *count as f64 / all as f64);
        let error = SIGMAS * f64::sqrt(share * (1.0 - share) / all as f64);
        assert!((found - share).abs() < error, "{name}: {found}, not {share} ± {error}");
    }
}

#[test]
fn a_user_stack_goes_from_the_leaf_to_main() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a program");
    let Some(program) = with_frame_pointers("spin70", dir.path()) else { return };
    let observed = observe_workload(Workload::start_program(&program, &["1"]), 3, &[]);
    let stack = observed
        .report
        .profile(observed.pid)
        .find(|stack| stack.user.first().is_some_and(|leaf| leaf.name == "seventy_percent"))
        .expect("it is the most frequent leaf");
    let names: Vec<_> = stack.user.iter().map(|frame| frame.name.as_str()).collect();
    assert_eq!(names[..3], ["seventy_percent", "one_round", "main"], "{names:?}");
    let leaf = &stack.user[0];
    assert!(leaf.module.as_ref().is_some_and(|module| module.ends_with("spin70")), "{leaf:?}");
    assert!(leaf.file.as_ref().is_some_and(|file| file.ends_with("spin70.c")), "{leaf:?}");
    assert!(leaf.line.is_some_and(|line| (20..40).contains(&line)), "{leaf:?}");
    assert!(!leaf.inlined);
}

#[test]
fn samples_are_cpu_time_times_99() {
    let _machine = require_bpf!();
    let observed = observe(&["spinsecs", "4"], 5, &[]);
    let cpu = observed.truth["cpu_ns"].as_u64().expect("a time") as f64 / 1e9;
    let expected = cpu * 99.0;
    let samples = observed.report.samples(observed.pid) as f64;
    assert!(
        (samples - expected).abs() <= expected * 0.05,
        "{samples} samples, not {expected} within 5 %"
    );
    let profile = &observed.report.document.profile;
    assert_eq!(profile.frequency_hz, 99);
    assert_eq!(profile.samples, observed.report.samples(observed.pid), "-p shows nobody else");
    let by_stacks: u64 = profile.stacks.iter().map(|stack| stack.samples).sum();
    assert_eq!(profile.samples, by_stacks);
}

#[test]
fn a_stack_from_before_an_exec_is_not_read_in_the_program_after_it() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for programs");
    let program = |name: &str, define| at_a_fixed_place("swap", define, &dir.path().join(name));
    let Some(alpha) = program("pa", "ALPHA") else { return };
    let Some(beta) = program("pb", "BETA") else { return };
    let workload =
        Workload::start_program(&alpha, &[beta.to_str().expect("plain text"), "40", "60"]);
    let observed = observe_workload(workload, 4, &["--freq", "499"]);
    let mut samples: BTreeMap<&str, u64> = BTreeMap::new();
    for stack in observed.report.profile(observed.pid) {
        let names = ["alpha", "beta", "[program replaced before its symbols were read]"];
        let named = |name: &str| stack.user.iter().any(|frame| frame.name == name);
        let wrong = stack.user.iter().find(|frame| frame.name.starts_with("never_in_"));
        assert!(wrong.is_none(), "the wrong program: {stack:#?}; so far {samples:?}");
        let found: Vec<_> = names.into_iter().filter(|name| named(name)).collect();
        assert!(found.len() <= 1, "two programs in one stack: {stack:#?}");
        *samples.entry(found.first().unwrap_or(&"elsewhere")).or_default() += stack.samples;
    }
    let count = |name: &str| samples.get(name).copied().unwrap_or(0);
    let all: u64 = samples.values().sum();
    assert!(all > 600, "2.4 s at 499 Hz are more samples: {samples:?}");
    // Which ones are still there when they are looked up is chance; the last one is.
    assert!(count("alpha") + count("beta") > 0, "none was named: {samples:?}");
    assert!(count("elsewhere") * 20 < all, "all of the time is spent in these two: {samples:?}");
}

#[test]
fn another_rate_gives_that_many_samples() {
    let _machine = require_bpf!();
    let observed = observe(&["spinsecs", "1"], 2, &["--freq", "999"]);
    assert_eq!(observed.report.document.profile.frequency_hz, 999);
    let samples = observed.report.samples(observed.pid);
    assert!((900..1100).contains(&samples), "{samples} samples in 1 s at 999 Hz");
}

#[test]
fn work_in_the_kernel_shows_kernel_frames() {
    let _machine = require_bpf!();
    let observed = observe(&["kernelheavy", "2"], 4, &[]);
    let stacks: Vec<_> = observed.report.profile(observed.pid).collect();
    let all = count(&stacks);
    assert!(all > 150, "2 s at 99 Hz are more samples than {all}");
    let mut in_kernel = stacks;
    in_kernel.retain(|stack| !stack.kernel.is_empty());
    assert!(count(&in_kernel) * 10 >= all * 9, "{} of {all} in the kernel", count(&in_kernel));
    let mut named = in_kernel.clone();
    named.retain(|stack| mentions(&stack.kernel, &["random"]));
    assert!(
        count(&named) * 10 >= count(&in_kernel) * 9,
        "only {} of {} are in the random number generator: {in_kernel:#?}",
        count(&named),
        count(&in_kernel)
    );
}

#[test]
fn no_frame_is_without_a_name_and_idle_is_not_counted() {
    let _machine = require_bpf!();
    let report = Watch::report(2, &[]).into_report();
    let profile = &report.document.profile;
    assert!(profile.by_process.iter().all(|process| process.pid != 0), "idle is counted");
    let frames = profile.stacks.iter().flat_map(|stack| stack.kernel.iter().chain(&stack.user));
    let waits = report.document.offcpu.iter().flat_map(|process| &process.stacks);
    let waits = waits.flat_map(|stack| stack.kernel.iter().chain(&stack.user));
    let all: Vec<&Frame> = frames.chain(waits).collect();
    assert!(!all.is_empty(), "something runs and waits on every machine");
    let bare = |frame: &&&Frame| {
        frame.name.is_empty() || frame.name.contains("[unknown]") || frame.name.starts_with("0x")
    };
    let bare: Vec<_> = all.iter().filter(bare).take(5).collect();
    assert!(bare.is_empty(), "{bare:#?}");
}

fn count(stacks: &[&ProfileStack]) -> u64 {
    stacks.iter().map(|stack| stack.samples).sum()
}
