//! Flame graph files.

use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use syscope::probes::{PROBES, Probe};
use syscope_tests::binary::{checkout, syscope};
use syscope_tests::kernel::{Objects, programs_named_like_ours};
use syscope_tests::require_bpf;
use syscope_tests::watch::Watch;
use syscope_tests::workload::Workload;

#[test]
fn an_svg_shows_the_workload_and_counts_its_samples() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room");
    let svg = dir.path().join("x.svg");
    let load = load();
    let watch = flame(2, &load, &svg);
    let ended = watch.end();
    assert!(ended.status.success(), "{}", ended.stderr);
    let text = fs::read_to_string(&svg).expect("it was written");
    assert!(text.trim_end().ends_with("</svg>"), "it is whole");
    for part in ["<svg", "samples", "search", "zoom", "spin::"] {
        assert!(text.to_lowercase().contains(part), "no {part} in the picture");
    }
    assert_eq!(names_in(dir.path()), ["x.svg"], "nothing else is left");
}

#[test]
fn folded_stacks_go_from_the_root_and_end_in_a_count() {
    let _machine = require_bpf!();
    let load = load();
    let pid = load.pid.to_string();
    let args = ["flame", "-d", "2", "-p", &pid, "--format", "folded", "-o", "-"];
    let ended = Watch::start(&args).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    let text = String::from_utf8(ended.stdout).expect("plain text");
    assert!(text.lines().count() > 1, "{text:?}");
    let mut samples = 0;
    for line in text.lines() {
        let (stack, count) = line.rsplit_once(' ').expect("a stack and a count");
        let frames: Vec<_> = stack.split(';').collect();
        assert!(frames.iter().all(|frame| !frame.is_empty()), "{line}");
        assert!(frames[0].contains("workload"), "the root is the process: {line}");
        samples += count.parse::<u64>().expect("a count");
    }
    // It burns half of a CPU at least half of the time, and at most one CPU.
    assert!((20..=220).contains(&samples), "{samples} samples in 2 s");
}

#[test]
fn off_cpu_time_is_a_flame_graph_too() {
    let _machine = require_bpf!();
    let load = load();
    let pid = load.pid.to_string();
    let args = ["flame", "-d", "1", "-p", &pid, "--off-cpu", "--format", "folded", "-o", "-"];
    let ended = Watch::start(&args).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    let text = String::from_utf8(ended.stdout).expect("plain text");
    assert!(text.contains("nanosleep"), "it sleeps: {text}");
}

#[test]
fn only_what_the_picture_shows_is_attached() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room");
    let capture = dir.path().join("x.syscope").display().to_string();
    // On an idle machine there may be no sample in a second, and nothing to draw is an error.
    let _load = load();
    let stacks = [
        (vec![], vec!["profile"]),
        (vec!["--off-cpu"], vec!["offcpu"]),
        (vec!["--wall"], vec!["offcpu", "profile"]),
        (vec!["--record", &capture], vec!["syscalls", "opens", "offcpu", "profile"]),
    ];
    for (options, mut attached) in stacks {
        let args = [&["flame", "-d", "1", "--format", "folded", "-o", "-"], &options[..]].concat();
        let watch = Watch::start(&args);
        let held = Objects::held_by(watch.pid()).programs;
        let is_held = |probe: &&Probe| !programs_named_like_ours(probe.programs).is_disjoint(&held);
        let found: Vec<_> = PROBES.iter().filter(is_held).map(|probe| probe.name).collect();
        attached.push("lifecycle");
        assert_eq!(found, attached, "with {options:?}");
        let ended = watch.end();
        assert!(ended.status.success(), "with {options:?}: {}", ended.stderr);
    }
}

/// The second of a thread is a second, whatever it is spent on.
#[test]
fn wall_clock_time_is_all_time_of_the_threads() {
    let _machine = require_bpf!();
    let load = load();
    let pid = load.pid.to_string();
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").count() as f64;
    let args = ["flame", "-d", "3", "-p", &pid, "--wall", "--format", "folded", "-o", "-"];
    let ended = Watch::start(&args).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    let text = String::from_utf8(ended.stdout).expect("plain text");
    let in_state = |state: &str| -> f64 {
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        let lines = lines.filter(|(stack, _)| stack.ends_with(state));
        lines.map(|(_, ns)| ns.parse::<f64>().expect("ns")).sum::<f64>() / 1e9
    };
    let states = [
        in_state(";[running]"),
        in_state(";[blocked: sleeping]") + in_state(";[blocked: disk]"),
        in_state(";[waiting for a CPU]"),
    ];
    let all = in_state("]");
    assert!((states.iter().sum::<f64>() - all).abs() < 0.001, "{states:?} of {all}: {text}");
    // It burns and sleeps in turns, if it is let: on a busy machine it mostly waits for a CPU. What is
    // watched is a little more than was asked for.
    assert!(states[0] > 0.0 && states[1] > 0.3, "{states:?}");
    let expected = 3.0 * threads;
    assert!(
        (0.8 * expected..1.3 * expected).contains(&all),
        "{all} s of {threads} threads: {text}"
    );
}

/// Weights of all formats made of the recording that comes with syscope.
#[test]
fn every_format_weighs_the_same() {
    let dir = tempfile::tempdir().expect("room");
    let demo = checkout().join("assets/demo.syscope");
    for option in [&[][..], &["--off-cpu"], &["--wall"]] {
        let write = |name: &str| {
            let path = dir.path().join(name);
            let mut command = Command::new(syscope());
            command.args(["flame", "--from"]).arg(&demo).args(option).arg("-o").arg(&path);
            let output = command.output().expect("it starts");
            assert!(output.status.success(), "{output:?}");
            fs::read(&path).expect("it was written")
        };
        let folded = String::from_utf8(write("x.folded")).expect("plain text");
        let weight = |line: &str| line.rsplit_once(' ').expect("a weight").1.parse::<u64>();
        let total: u64 = folded.lines().map(|line| weight(line).expect("a number")).sum();
        assert!(total > 1_000, "{option:?}: {total}");
        let file: Value = serde_json::from_slice(&write("x.speedscope.json")).expect("JSON");
        let weights = file["profiles"][0]["weights"].as_array().expect("weights");
        let sum: u64 = weights.iter().map(|weight| weight.as_u64().expect("a number")).sum();
        assert_eq!((sum, file["profiles"][0]["endValue"].as_u64()), (total, Some(total)));
        let svg = String::from_utf8(write("x.svg")).expect("plain text");
        assert!(svg.contains(&format!("total_samples=\"{total}\"")), "{option:?}");
        let gzip = write("x.pb.gz");
        assert_eq!(&gzip[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "gzip without name and time");
    }
}

/// Of two halves of the recording that comes with syscope, the later one finds its sessions more slowly.
#[test]
fn two_ranges_of_a_recording_are_compared() {
    let demo = checkout().join("assets/demo.syscope");
    let compared = |options: &[&str]| {
        let mut command = Command::new(syscope());
        command.args(["flame", "-q", "-o", "-", "--diff"]).arg(&demo).args(options);
        let output = command.output().expect("it starts");
        (output.status, String::from_utf8(output.stdout).expect("plain text"), output.stderr)
    };
    let ranges = ["--range-a", "..40s", "--range-b", "40s..", "-c", "sessiond"];
    let (status, svg, _) = compared(&ranges);
    assert!(status.success() && svg.trim_end().ends_with("</svg>"));
    for part in ["A ..40.0s → B 40.0s..", "scaled to equal totals", "%; +", "%; -"] {
        assert!(svg.contains(part), "no {part}");
    }
    let (status, folded, _) = compared(&[&ranges[..], &["--format", "folded"]].concat());
    assert!(status.success());
    let mut totals = [0, 0];
    for line in folded.lines() {
        let numbers: Vec<_> = line.rsplitn(3, ' ').collect();
        assert!(numbers[2].starts_with("sessiond"), "{line}");
        totals[0] += numbers[1].parse::<u64>().expect("a number");
        totals[1] += numbers[0].parse::<u64>().expect("a number");
    }
    assert!(totals[0] > 0 && totals[1] > totals[0], "{totals:?}");
    let (status, _, errors) =
        compared(&["--range-a", "..1s", "--range-b", "40s..", "-c", "ledger"]);
    let errors = String::from_utf8(errors).expect("plain text");
    assert!(!status.success() && errors.contains("in A: no samples"), "{errors}");
}

#[test]
fn an_existing_file_is_replaced_in_one_step() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room");
    let svg = dir.path().join("x.svg");
    fs::write(&svg, "old").expect("room");
    let before = fs::metadata(&svg).expect("it is there").ino();
    let load = load();
    let mut watch = flame(1, &load, &svg);
    while watch.runs() {
        let text = fs::read_to_string(&svg).expect("it is there at all times");
        assert!(text == "old" || text.trim_end().ends_with("</svg>"), "half a file");
    }
    let ended = watch.end();
    assert!(ended.status.success(), "{}", ended.stderr);
    let text = fs::read_to_string(&svg).expect("it is there");
    assert!(text.trim_end().ends_with("</svg>"), "the new one");
    assert_ne!(fs::metadata(&svg).expect("it is there").ino(), before, "written over");
    assert_eq!(names_in(dir.path()), ["x.svg"], "nothing else is left");
}

#[test]
fn an_existing_file_outlives_a_run_that_is_ended() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room");
    let svg = dir.path().join("x.svg");
    let load = load();
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        fs::write(&svg, "old").expect("room");
        let watch = flame(30, &load, &svg);
        watch.signal(signal);
        let _ = watch.end();
        let text = fs::read_to_string(&svg).expect("it is there");
        assert!(text == "old" || text.trim_end().ends_with("</svg>"), "half a file: {text:?}");
        assert_eq!(names_in(dir.path()), ["x.svg"], "nothing else is left after {signal}");
    }
}

fn load() -> Workload {
    let mut load = Workload::start(&["mixed", "/etc/passwd"]);
    load.go();
    let _ = load.done();
    load
}

fn flame(seconds: u32, load: &Workload, output: &Path) -> Watch {
    let mut command = Command::new(syscope());
    command.args(["flame", "-d", &seconds.to_string(), "-p", &load.pid.to_string(), "-o"]);
    command.arg(output);
    Watch::start_command(command)
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("it is there").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
