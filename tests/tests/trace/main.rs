//! `syscope trace`: every event in a line, in order, or counted as lost; and quiet ends.

mod ends;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use syscope_tests::binary::syscope;
use syscope_tests::kernel::Objects;
use syscope_tests::watch::{Ended, Watch};
use syscope_tests::workload::Workload;
use syscope_tests::{require_bpf, wait};

/// Events by type and the count of lost ones.
struct Lines {
    events: Vec<Value>,
    lost: u64,
}

impl Lines {
    fn parse(stdout: &[u8]) -> Self {
        let text = std::str::from_utf8(stdout).expect("UTF-8");
        let parse = |line: &str| -> Value {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
        };
        let (losses, events): (Vec<_>, Vec<_>) =
            text.lines().map(parse).partition(|line| line["type"] == "lost");
        for line in &losses {
            let reasons = ["ring_full", "map_full", "skipped_runs", "overrun"];
            let sum: u64 = reasons.iter().map(|reason| number(line, reason)).sum();
            assert_eq!(number(line, "lost"), sum, "{line}");
        }
        Self { events, lost: losses.iter().map(|line| number(line, "lost")).sum() }
    }
}

fn number(line: &Value, key: &str) -> u64 {
    line[key].as_u64().unwrap_or_else(|| panic!("no number {key}: {line}"))
}

/// Traces a workload from its start to its end, then interrupts.
fn trace(mut workload: Workload, args: &[&str]) -> (Ended, Value, u32) {
    let pid = workload.pid;
    let pid_text = pid.to_string();
    let mut all = vec!["trace", "-p", &pid_text];
    all.extend(args);
    let watch = Watch::start(&all);
    workload.go();
    let truth = workload.done();
    (interrupted(watch), truth, pid)
}

fn interrupted(watch: Watch) -> Ended {
    watch.signal(Signal::SIGINT);
    let ended = watch.end();
    assert!(ended.status.success(), "an interrupt is a normal end: {ended:?}");
    ended
}

#[test]
fn opens_of_a_process_are_all_there_in_order() {
    let _machine = require_bpf!();
    let workload = Workload::start(&["openrow", "/nonexistent/syscope/", "20000", "20000"]);
    let (ended, _, pid) = trace(workload, &["opens", "--json"]);
    let lines = Lines::parse(&ended.stdout);
    assert_eq!(lines.lost, 0, "{}", ended.stderr);
    assert_eq!(lines.events.len(), 20_000);
    for (index, open) in lines.events.iter().enumerate() {
        assert_eq!(open["type"], "open");
        assert_eq!(open["path"], format!("/nonexistent/syscope/{index}"));
        assert_eq!((number(open, "pid"), number(open, "tid")), (pid.into(), pid.into()));
        assert_eq!((&open["comm"], &open["errno"]), (&"workload".into(), &"ENOENT".into()));
        assert_eq!((&open["flags"], &open["fd"]), (&"O_RDONLY".into(), &Value::Null));
    }
    assert!(ended.stderr.ends_with("syscope: 20000 opens, none lost"), "{}", ended.stderr);
}

#[test]
fn a_program_that_runs_beside_a_thread_leaves_it_its_tid() {
    let _machine = require_bpf!();
    let workload = Workload::start(&["neighbours", "100"]);
    let (ended, truth, pid) = trace(workload, &["syscalls-failed", "--json"]);
    let lines = Lines::parse(&ended.stdout);
    let closes = lines.events.iter().filter(|event| event["syscall"] == "close");
    let mut tids: Vec<_> =
        closes.map(|close| (number(close, "pid"), number(close, "tid"))).collect();
    let tid = |tid: &Value| (u64::from(pid), tid.as_u64().expect("a number"));
    let mut truth: Vec<_> = truth["tids"].as_array().expect("a list").iter().map(tid).collect();
    tids.sort_unstable();
    truth.sort_unstable();
    assert_eq!(tids, truth);
}

#[test]
fn opens_for_people_are_aligned_under_one_head_line() {
    let _machine = require_bpf!();
    let workload = Workload::start(&["openrow", "/nonexistent/syscope/", "100", "0"]);
    let (ended, _, pid) = trace(workload, &[]);
    let text = String::from_utf8(ended.stdout).expect("UTF-8");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 101, "{text}");
    let column = lines[0].find("PATH").expect("a head line");
    for (index, line) in lines[1..].iter().enumerate() {
        let path: String = line.chars().skip(column).collect();
        assert_eq!(path, format!("/nonexistent/syscope/{index}"));
        assert!(line.contains(&format!(" {pid} ")) && line.contains(" ENOENT "), "{line}");
    }
}

#[test]
fn as_many_opens_as_can_be_are_printed_or_counted_as_lost() {
    let _machine = require_bpf!();
    let workload = Workload::start(&["openrow", "/nonexistent/", "300000", "0"]);
    let (ended, _, _) = trace(workload, &["--json"]);
    let lines = Lines::parse(&ended.stdout);
    assert_eq!(lines.events.len() as u64 + lines.lost, 300_000, "{}", ended.stderr);
    assert_in_order(&lines);
}

#[test]
fn a_reader_that_stands_still_costs_lines_that_are_counted_and_nothing_else() {
    let _machine = require_bpf!();
    let mut workload = Workload::start(&["openrow", "/nonexistent/", "400000", "0"]);
    let mut child = spawn(&["trace", "-p", &workload.pid.to_string(), "--json"]);
    let mut errors = BufReader::new(child.stderr.take().expect("piped"));
    errors.read_line(&mut String::new()).expect("it says that it watches");
    workload.go();
    workload.done();
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it runs");
    // On a busy machine it is behind: whoever reads before it has come to a stand helps it.
    let idle = || {
        let before = cpu_ticks(child.id());
        thread::sleep(Duration::from_millis(500));
        (cpu_ticks(child.id()) == before).then_some(())
    };
    wait::poll(Duration::from_secs(30), idle).expect("it comes to a stand");
    assert!(child.try_wait().expect("a child").is_none(), "it waits for its reader");
    let mut stdout = Vec::new();
    child.stdout.take().expect("piped").read_to_end(&mut stdout).expect("a pipe");
    assert!(child.wait().expect("a child").success());
    let lines = Lines::parse(&stdout);
    assert!(lines.lost > 0, "the test does not test: {} lines", lines.events.len());
    assert_eq!(lines.events.len() as u64 + lines.lost, 400_000);
    assert_in_order(&lines);
    let mut said = String::new();
    errors.read_to_string(&mut said).expect("a pipe");
    assert!(said.contains(&format!(" {} lost: ", lines.lost)), "{said}");
    assert!(said.contains("standard output was not read fast enough"), "{said}");
}

/// CPU time of a process so far, in clock ticks.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields = stat.rsplit(") ").next().expect("a name").split(' ');
    fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

fn assert_in_order(lines: &Lines) {
    let numbers = lines.events.iter().map(|open| {
        let path = open["path"].as_str().expect("text");
        path.rsplit('/').next().and_then(|n| n.parse::<u64>().ok()).expect("a number")
    });
    assert!(numbers.is_sorted_by(|a, b| a < b), "the order of the opens");
}

#[test]
fn programs_that_a_shell_starts_are_all_there_in_order() {
    let _machine = require_bpf!();
    let mut shell = Command::new("sh").stdin(Stdio::piped()).spawn().expect("there is a shell");
    let pid = shell.id();
    let watch =
        Watch::start(&["trace", "exec", "-p", &pid.to_string(), "--follow-forks", "--json"]);
    let mut stdin = shell.stdin.take().expect("piped");
    for number in 0..50 {
        writeln!(stdin, "/bin/true '{number} \x1b[2J'").expect("the shell reads");
    }
    drop(stdin);
    assert!(shell.wait().expect("a child").success());
    let lines = Lines::parse(&interrupted(watch).stdout);
    assert_eq!((lines.events.len(), lines.lost), (50, 0));
    for (number, exec) in lines.events.iter().enumerate() {
        assert_eq!((&exec["type"], &exec["comm"]), (&"exec".into(), &"true".into()));
        assert_eq!(exec["cmdline"], format!("/bin/true {number} \x1b[2J"));
        assert_eq!(exec["parent"].as_u64(), Some(pid.into()));
    }
}

#[test]
fn a_command_line_that_is_too_long_is_marked() {
    let _machine = require_bpf!();
    let watch = Watch::start(&["trace", "exec", "-c", "true"]);
    let long = "x".repeat(2_000);
    assert!(Command::new("/bin/true").arg(&long).status().expect("it is there").success());
    let text = String::from_utf8(interrupted(watch).stdout).expect("UTF-8");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[1].contains(" true ") && lines[1].contains("/bin/true xxx"), "{text}");
    assert!(lines[1].ends_with("xxx…"), "{text}");
}

#[test]
fn calls_that_fail_come_with_the_right_errors() {
    let _machine = require_bpf!();
    let (ended, truth, pid) = trace(Workload::start(&["failing"]), &["syscalls-failed", "--json"]);
    let lines = Lines::parse(&ended.stdout);
    assert_eq!(lines.lost, 0);
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for call in &lines.events {
        assert_eq!((&call["type"], number(call, "pid")), (&"failed".into(), pid.into()));
        assert!(number(call, "duration_ns") < 1_000_000_000, "{call}");
        let text = |key: &str| call[key].as_str().expect("text").to_owned();
        if text("errno") == "EBADF" {
            assert_eq!(text("error"), "Bad file descriptor");
        }
        *counts.entry((text("syscall"), text("errno"))).or_default() += 1;
    }
    for (syscall, of) in truth.as_object().expect("an object") {
        for (errno, count) in of["errors"].as_object().expect("an object") {
            let found = counts.remove(&(syscall.clone(), errno.clone()));
            assert_eq!(found, count.as_u64(), "{syscall} {errno}: {counts:?}");
        }
    }
}

#[test]
fn calls_that_fail_are_not_lost_when_there_are_many() {
    let _machine = require_bpf!();
    let workload = Workload::start(&["openrow", "/nonexistent/", "200000", "0"]);
    let (ended, _, _) = trace(workload, &["syscalls-failed", "--json"]);
    let lines = Lines::parse(&ended.stdout);
    let opens = lines.events.iter().filter(|call| call["syscall"] == "openat").count() as u64;
    let others = lines.events.len() as u64 - opens;
    assert!(
        (200_000..=200_000 + others).contains(&(opens + others + lines.lost)),
        "{}",
        ended.stderr
    );
}

#[test]
fn only_the_programs_that_are_needed_are_attached() {
    let _machine = require_bpf!();
    for (kind, programs) in [("opens", 5), ("exec", 3), ("syscalls-failed", 5)] {
        let watch = Watch::start(&["trace", kind]);
        let held = Objects::held_by(watch.pid());
        assert_eq!(held.programs.len(), programs, "{kind}: {held:?}");
        interrupted(watch);
    }
}

#[test]
fn hostile_names_stay_in_one_line_and_steer_no_terminal() {
    let _machine = require_bpf!();
    let hostile = "/nonexistent/a\nb\r\x1b[2J\u{202e}\u{9b}31m\t";
    for json in [false, true] {
        let pid = std::process::id().to_string();
        let mut args = vec!["trace", "-p", &pid];
        args.extend(json.then_some("--json"));
        let watch = Watch::start(&args);
        File::open(hostile).expect_err("it does not exist");
        let text = String::from_utf8(interrupted(watch).stdout).expect("UTF-8");
        assert!(
            !text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'),
            "{text:?}"
        );
        let found = text.lines().filter(|line| line.contains("/nonexistent/a"));
        let found: Vec<_> = found.collect();
        assert_eq!(found.len(), 1, "{text}");
        if json {
            let line: Value = serde_json::from_str(found[0]).expect("JSON");
            assert_eq!(line["path"], hostile);
        } else {
            assert!(found[0].ends_with("a\\nb\\r\\e[2J\\u{202e}\\u{9b}31m\\t"), "{text}");
        }
    }
}

#[test]
fn a_filter_by_name_judges_by_the_name_at_the_time() {
    let _machine = require_bpf!();
    let watch = Watch::start(&["trace", "-c", "cat", "--json"]);
    // The shell opens a file itself, then becomes `cat`.
    let script = "read x </nonexistent/of-sh; exec cat /nonexistent/of-cat";
    let shell = Command::new("sh").args(["-c", script]).stderr(Stdio::null()).status();
    assert!(!shell.expect("there is a shell").success());
    let lines = Lines::parse(&interrupted(watch).stdout);
    let paths: Vec<_> = lines.events.iter().filter_map(|open| open["path"].as_str()).collect();
    assert!(paths.contains(&"/nonexistent/of-cat"), "{paths:?}");
    assert!(!paths.contains(&"/nonexistent/of-sh"), "{paths:?}");
}

fn spawn(args: &[&str]) -> Child {
    Command::new(syscope())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("syscope starts")
}
