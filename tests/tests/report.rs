//! The report: its form, its options, and what it says about itself.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::{Command, Stdio};
use syscope::probes::PROBES;
use syscope_tests::binary::syscope;
use syscope_tests::report::Report;
use syscope_tests::require_bpf;
use syscope_tests::watch::Watch;
use syscope_tests::workload::Workload;

#[test]
fn json_is_one_document_with_every_documented_key() {
    let _machine = require_bpf!();
    let _load = load();
    // Reading it into types fails on what is missing or of another type.
    let report = Watch::report(1, &[]).into_report();
    let document = &report.document;
    let top = ["schema", "host", "kernel", "duration_ns", "health", "processes", "syscalls"];
    let top = top.into_iter().chain(["opens", "offcpu", "profile"]);
    let keys = report.raw.as_object().expect("an object");
    assert!(top.clone().all(|key| keys.contains_key(key)), "{:?}", keys.keys());
    assert_eq!(document.schema, 2);
    assert_eq!(document.host, nix::unistd::gethostname().expect("it has one").to_string_lossy());
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("it has one");
    assert_eq!(document.kernel, release.trim());
    assert!((900_000_000..2_000_000_000).contains(&document.duration_ns), "{document:?}");
    for probe in PROBES {
        let health = report.health(probe.name);
        assert!(health.events > 0 || probe.name == "lifecycle", "{}: {health:?}", probe.name);
    }
    for probe in ["offcpu", "profile"] {
        let _ = report.stack_health(probe);
    }
    // Nothing is empty that cannot be, or the types were never read.
    assert!(document.syscalls.iter().any(|process| !process.by_syscall.is_empty()));
    assert!(!document.opens.events.is_empty());
    assert!(
        document.offcpu.iter().any(|process| process.stacks.iter().any(|s| !s.kernel.is_empty()))
    );
    assert!(document.profile.stacks.iter().any(|stack| !stack.user.is_empty()));
}

/// Who cannot be told how far it is gets what was asked for all the same.
#[test]
fn notes_that_cannot_be_written_end_nothing() {
    let _machine = require_bpf!();
    let cwd = tempfile::tempdir().expect("room");
    for args in [
        &["report", "-p", "1", "-d", "200ms"][..],
        &["record", "-p", "1", "-d", "200ms", "-o", "a.syscope"],
        &["report", "--from", "a.syscope"],
        &["flame", "-p", "1", "--wall", "-d", "200ms", "-o", "b.svg"],
        &["record", "-o", "c.syscope", "--", "true"],
    ] {
        let full = File::options().write(true).open("/dev/full").expect("it is there");
        let mut command = Command::new(syscope());
        command.args(args).current_dir(&cwd).stdout(Stdio::null()).stderr(full);
        assert_eq!(command.status().expect("it runs").code(), Some(0), "{args:?}");
    }
    for file in ["a.syscope", "b.svg", "c.syscope"] {
        assert!(cwd.path().join(file).exists(), "{file}");
    }
}

#[test]
fn whoever_did_something_is_among_the_processes() {
    let _machine = require_bpf!();
    let _load = load();
    let document = Watch::report(1, &[]).into_report().document;
    let listed: BTreeSet<u32> = document.processes.iter().map(|process| process.pid).collect();
    let syscalls = document.syscalls.iter().map(|process| process.pid);
    let opens = document.opens.events.iter().map(|open| open.pid);
    let offcpu = document.offcpu.iter().map(|process| process.pid);
    let profile = document.profile.stacks.iter().map(|stack| stack.pid);
    let missing: BTreeSet<u32> = syscalls
        .chain(opens)
        .chain(offcpu)
        .chain(profile)
        .filter(|p| !listed.contains(p))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let nameless = document.processes.iter().find(|process| process.comm.is_empty());
    assert!(nameless.is_none(), "{nameless:?}");
}

#[test]
fn the_cost_is_said_and_small() {
    let _machine = require_bpf!();
    let report = Watch::report(3, &[]).into_report();
    let overhead = &report.raw["health"]["overhead"];
    let own = overhead["self_cpu"].as_f64().expect("a share of a CPU");
    let bpf = overhead["bpf_share"].as_f64().expect("a share of the machine");
    assert!((0.0..1.0).contains(&own) && own > 0.0, "{overhead}");
    assert!((0.0..0.2).contains(&bpf), "{overhead}");
}

#[test]
fn top_limits_the_rows() {
    let _machine = require_bpf!();
    let _load = load();
    let document = Watch::report(1, &["--top", "1"]).into_report().document;
    assert_eq!(document.syscalls.len(), 1);
    assert_eq!(document.offcpu.len(), 1);
    assert!(document.opens.events.len() <= 1 && document.opens.total > 1, "totals stay whole");
}

#[test]
fn text_has_all_four_tables_and_no_escape_sequences_in_a_pipe() {
    let _machine = require_bpf!();
    let load = load();
    let pid = load.pid.to_string();
    let args = ["report", "-d", "1", "-p", &pid];
    let output = Command::new(syscope()).args(args).stdin(Stdio::null()).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("it is UTF-8");
    for part in PROBES.iter().map(|probe| probe.title).chain(["getppid", "/etc/passwd", &pid]) {
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "no {part:?} in:\n{text}");
    }
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn a_hostile_name_does_not_reach_the_terminal_raw() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room");
    let base = dir.path().to_str().expect("plain text");
    let mut workload = Workload::start(&["opens", base, "200"]);
    let pid = workload.pid.to_string();
    for json in [false, true] {
        let form: &[&str] = if json { &["--json"] } else { &[] };
        let args = ["report", "-d", "1", "--top", "1000", "-p", &pid];
        let watch = Watch::start(&[&args, form].concat());
        if !json {
            workload.go();
            let _ = workload.done();
        }
        let ended = watch.end();
        let raw = ended.stdout.iter().find(|byte| **byte < b' ' && **byte != b'\n');
        assert_eq!(raw, None, "{}", String::from_utf8_lossy(&ended.stdout));
        let text = String::from_utf8(ended.stdout).expect("it is UTF-8");
        assert_eq!(text.contains("title"), !json, "only the first watched the opens: {text}");
    }
}

#[test]
fn ctrl_c_ends_the_watching_and_prints_what_was_seen() {
    let _machine = require_bpf!();
    let load = load();
    let watch = Watch::report(60, &["-p", &load.pid.to_string()]);
    std::thread::sleep(std::time::Duration::from_millis(700));
    watch.signal(nix::sys::signal::Signal::SIGINT);
    let ended = watch.end();
    let report = Report::parse(&ended.stdout);
    assert!(report.syscall(load.pid, "getppid").calls > 1000);
    assert!(report.document.duration_ns < 5_000_000_000);
}

fn load() -> Workload {
    let mut load = Workload::start(&["mixed", "/etc/passwd"]);
    load.go();
    let _ = load.done();
    load
}
