//! Recordings: what is in them, how they end, and that reports of them are those of the live run.

use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;
use syscope::capture::Capture;
use syscope_tests::binary::{own, syscope};
use syscope_tests::report::Report;
use syscope_tests::require_bpf;
use syscope_tests::schema::Open;
use syscope_tests::wait::poll;
use syscope_tests::watch::Watch;
use syscope_tests::workload::Workload;
use tempfile::TempDir;

/// A user without any privilege, and its group.
const NOBODY: u32 = 65534;

/// A folder with room for a recording.
struct Room {
    dir: TempDir,
}

impl Room {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("room") }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("x.syscope")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).expect("it is there").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

fn record(file: &Path, options: &[&str], command: &[&str]) -> Command {
    let mut recorder = Command::new(syscope());
    recorder.args(["record", "-o"]).arg(file).args(options);
    if !command.is_empty() {
        recorder.arg("--").args(command);
    }
    recorder
}

/// Runs to its end without waiting for anything in between.
fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().expect("it starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report_of(file: &Path, args: &[&str]) -> Report {
    let mut command = Command::new(syscope());
    command.args(["report", "--json", "--from"]).arg(file).args(args);
    let output = run(command);
    assert!(output.status.success(), "{output:?}");
    Report::parse(&output.stdout)
}

fn load() -> Workload {
    let mut load = Workload::start(&["mixed", "/etc/passwd"]);
    load.go();
    let _ = load.done();
    load
}

#[test]
fn a_command_is_recorded_from_its_first_instruction_to_its_last_and_its_children_too() {
    let _machine = require_bpf!();
    let room = Room::new();
    let workload = own("workload").to_string_lossy().into_owned();
    let script = format!("{workload} burst 1000; exec {workload} burst 2345");
    let output = run(record(&room.file(), &[], &["sh", "-c", &script]));
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "standard output is the command's: {output:?}");
    let capture = Capture::open(&room.file()).expect("it is whole");
    assert!(capture.complete && capture.cut_bytes == 0 && capture.damaged == 0, "{capture:?}");
    let report = report_of(&room.file(), &[]);
    let document = &report.document;
    let made = |comm: &str, name: &str| -> Vec<u64> {
        let rows = document.syscalls.iter().filter(|process| process.comm == comm);
        let calls = rows.flat_map(|process| &process.by_syscall).filter(|call| call.name == name);
        calls.map(|call| call.calls).collect()
    };
    let mut bursts = made("workload", "getppid");
    bursts.sort_unstable();
    // A shell asks for its parent, too, when it starts.
    assert_eq!(bursts[0], 1000, "{bursts:?}");
    assert!((2345..=2346).contains(&bursts[1]) && bursts.len() == 2, "{bursts:?}");
    assert!(document.processes.iter().all(|process| process.comm == "workload"), "{document:?}");
    // The dynamic loader opens this before the program itself has run one instruction.
    let libc = |open: &&Open| open.path.contains("/libc.so") && open.fd.is_some();
    let libc = document.opens.events.iter().filter(libc);
    assert_eq!(libc.count(), 3, "sh, and workload twice: {:#?}", document.opens.events);
    assert_eq!(report.health("syscalls").lost, 0);
    // That syscope stopped it until it was watched is no wait of its own.
    let waits = document.offcpu.iter().flat_map(|process| &process.stacks);
    assert!(waits.clone().count() > 0 && waits.clone().all(|wait| wait.state != "stopped"));
}

#[test]
fn the_status_of_a_command_is_passed_on() {
    let _machine = require_bpf!();
    for (script, status) in [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill $$", 143)] {
        let room = Room::new();
        let output = run(record(&room.file(), &["-q"], &["sh", "-c", script]));
        assert_eq!(output.status.code(), Some(status), "{script}: {output:?}");
        assert_eq!(said(&output), "", "{script}");
        assert!(Capture::open(&room.file()).expect(script).complete, "{script}");
    }
}

#[test]
fn a_recording_of_a_command_that_says_it_was_not_found_is_kept() {
    let _machine = require_bpf!();
    for options in [&["-q"][..], &["-q", "-c", "no-such-name"]] {
        let room = Room::new();
        let output = run(record(&room.file(), options, &["sh", "-c", "exit 127"]));
        assert_eq!(output.status.code(), Some(127), "{output:?}");
        assert!(Capture::open(&room.file()).expect("it is there").complete);
    }
}

#[test]
fn a_command_that_cannot_be_run_is_said_and_nothing_is_left() {
    let _machine = require_bpf!();
    let room = Room::new();
    let bad = tempfile::tempdir().expect("room");
    let script = bad.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").expect("room");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let script = script.to_string_lossy();
    for (command, status, hint) in [
        ("no-such-command", 127, "there is no command no-such-command"),
        ("/etc/passwd", 126, "cannot execute /etc/passwd: Permission denied"),
        (&*script, 126, "interpreter"),
    ] {
        let output = run(record(&room.file(), &[], &[command]));
        assert_eq!(output.status.code(), Some(status), "{command}: {output:?}");
        assert!(said(&output).contains(hint), "{command}: {output:?}");
        assert_eq!(room.names(), [""; 0], "{command}");
    }
}

#[test]
fn under_sudo_the_command_is_the_callers() {
    let _machine = require_bpf!();
    let room = Room::new();
    let script = "id -u; id -g; id -G; echo $HOME; grep CapEff /proc/self/status";
    let mut command = record(&room.file(), &[], &["sh", "-c", script]);
    command.env("SUDO_UID", NOBODY.to_string()).env("SUDO_GID", NOBODY.to_string());
    command.env("HOME", "/root").env("SUDO_USER", "nobody");
    let output = run(command);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["65534"; 3], "{text}");
    assert_ne!(lines[3], "/root");
    assert_eq!(lines[4], "CapEff:\t0000000000000000");
    let file = fs::metadata(room.file()).expect("it was written");
    assert_eq!((file.uid(), file.mode() & 0o7777), (0, 0o600));
}

#[test]
fn what_sudo_says_and_cannot_be_understood_does_not_run_as_root() {
    let _machine = require_bpf!();
    let room = Room::new();
    let mut command = record(&room.file(), &[], &["id", "-u"]);
    command.env("SUDO_UID", "nobody");
    let output = run(command);
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{output:?}");
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn an_existing_file_is_refused_and_replaced_when_asked_to() {
    let _machine = require_bpf!();
    let room = Room::new();
    fs::write(room.file(), [b'x'; 1 << 20]).expect("room");
    let marker = room.dir.path().join("ran");
    let touch = ["touch", marker.to_str().expect("plain")];
    let output = run(record(&room.file(), &[], &touch));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = said(&output);
    assert!(error.contains("exists already") && error.contains("--force"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(!marker.exists(), "the command never ran");
    assert_eq!(fs::metadata(room.file()).expect("it is there").len(), 1 << 20);
    let output = run(record(&room.file(), &["--force"], &touch));
    assert!(output.status.success(), "{output:?}");
    assert!(marker.exists() && Capture::open(&room.file()).expect("replaced").complete);
    let mode = fs::metadata(room.file()).expect("it is there").mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_recording_whose_recorder_was_killed_opens_and_says_what_is_missing() {
    let _machine = require_bpf!();
    let (room, load) = (Room::new(), load());
    let watch = Watch::start_command(record(&room.file(), &["-p", &load.pid.to_string()], &[]));
    thread::sleep(Duration::from_millis(3_200));
    watch.signal(Signal::SIGKILL);
    let _ = watch.end();
    let report = report_of(&room.file(), &[]);
    assert!(report.syscall(load.pid, "getppid").calls > 1_000);
    // At most the last second and what was about to be written is missing.
    assert!((1_900_000_000..3_600_000_000).contains(&report.document.duration_ns));
    assert_eq!(report.raw["capture"]["complete"], false);
    let mut text = Command::new(syscope());
    text.args(["report", "--from"]).arg(room.file());
    let output = run(text);
    assert!(said(&output).contains("is not whole: it was cut off at its end"), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.lines().last().expect("lines").starts_with("The capture is not whole: "),
        "{text}"
    );
}

#[test]
fn a_command_that_waits_ends_with_whoever_started_it() {
    let launcher = |parent: u32| {
        let mut command = Command::new(syscope());
        command.args(["launch", "--parent", &parent.to_string(), "--", "id", "-u"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    };
    // The kernel means the thread that started it.
    let spawn = move || {
        let child = launcher(std::process::id()).spawn().expect("it starts");
        let state = || fs::read_to_string(format!("/proc/{}/stat", child.id())).ok();
        let stopped = || state()?.contains(") T ").then_some(());
        poll(Duration::from_secs(10), stopped).expect("it stops");
        child
    };
    let child = thread::spawn(spawn).join().expect("it only starts a child");
    let output = child.wait_with_output().expect("it is a child");
    assert_eq!(output.status.signal(), Some(Signal::SIGKILL as i32), "{output:?}");
    assert!(output.stdout.is_empty());
    // It ended before the command could say that it wants to end with it.
    let output = run(launcher(1));
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{output:?}");
}

#[test]
fn a_report_of_a_recording_is_the_live_report_byte_by_byte() {
    let _machine = require_bpf!();
    let load = load();
    let pid = load.pid.to_string();
    for options in [&["-p", &pid, "--json"][..], &["-c", "workload"], &[]] {
        let room = Room::new();
        let mut command = Command::new(syscope());
        command.args(["report", "-d", "2", "--record"]).arg(room.file()).args(options);
        let live = Watch::start_command(command).end();
        assert!(live.status.success(), "{}", live.stderr);
        assert!(live.stderr.contains("syscope: wrote "), "{}", live.stderr);
        let json: Vec<_> = options.iter().filter(|option| **option == "--json").collect();
        let mut command = Command::new(syscope());
        command.args(["report", "--from"]).arg(room.file()).args(json);
        let replayed = run(command);
        assert!(replayed.status.success() && replayed.stderr.is_empty(), "{replayed:?}");
        assert!(live.stdout.len() > 1_000);
        same(&live.stdout, &replayed.stdout);
    }
}

#[test]
fn a_flame_graph_of_a_recording_is_the_live_one_byte_by_byte() {
    let _machine = require_bpf!();
    let load = load();
    let pid = load.pid.to_string();
    let flame = |args: &[&str], file: &Path| {
        let mut command = Command::new(syscope());
        command.args(["flame", "-o", "-"]).args(args).arg(file);
        command
    };
    for options in [&["--format", "folded"][..], &["--format", "folded", "--off-cpu"], &[]] {
        let room = Room::new();
        let live = [options, &["-d", "2", "-p", &pid, "--record"]].concat();
        let live = Watch::start_command(flame(&live, &room.file())).end();
        assert!(live.status.success(), "{}", live.stderr);
        let replayed = run(flame(&[options, &["--from"]].concat(), &room.file()));
        assert!(replayed.status.success(), "{replayed:?}");
        assert!(live.stdout.len() > 100);
        same(&live.stdout, &replayed.stdout);
    }
}

#[test]
fn ranges_of_a_recording_add_up_to_all_of_it() {
    let _machine = require_bpf!();
    let (room, load) = (Room::new(), load());
    let options = ["-d", "3", "-p", &load.pid.to_string()];
    let ended = Watch::start_command(record(&room.file(), &options, &[])).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    let calls = |args: &[&str]| {
        let report = report_of(&room.file(), args);
        (report.syscall(load.pid, "getppid").calls, report.document.duration_ns)
    };
    let (all, parts) = (calls(&[]), [calls(&["--range", "..1s"]), calls(&["--range", "1s.."])]);
    assert_eq!(parts[0].0 + parts[1].0, all.0);
    assert_eq!(parts[0].1 + parts[1].1, all.1);
    assert!((700_000_000..1_300_000_000).contains(&parts[0].1), "{parts:?}");
    let mut outside = Command::new(syscope());
    outside.args(["report", "--range", "80s..", "--from"]).arg(room.file());
    let output = run(outside);
    assert_eq!(output.status.code(), Some(1));
    let error = said(&output);
    assert!(error.contains("--range: 1m20s lies outside: the capture spans 3.0"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    // What was not recorded cannot be asked for, and a further filter narrows.
    let report = report_of(&room.file(), &["-c", "no-such-name"]);
    assert!(report.document.syscalls.is_empty() && report.document.opens.events.is_empty());
}

#[test]
fn ctrl_c_is_the_way_to_end_a_recording_that_has_no_duration() {
    let _machine = require_bpf!();
    for (options, signal, status) in [
        (&["-c", "workload"][..], Signal::SIGINT, 0),
        (&["-c", "workload"], Signal::SIGTERM, 0),
        (&["-c", "workload", "-d", "60"], Signal::SIGINT, 130),
    ] {
        let room = Room::new();
        let watch = Watch::start_command(record(&room.file(), options, &[]));
        thread::sleep(Duration::from_millis(700));
        watch.signal(signal);
        let ended = watch.end();
        assert_eq!(ended.status.code(), Some(status), "{}", ended.stderr);
        assert!(ended.stderr.contains("syscope: wrote "), "{}", ended.stderr);
        let capture = Capture::open(&room.file()).expect("it is whole");
        assert!(capture.complete && !capture.frames.is_empty());
        assert_eq!(capture.header.filter, "comm:workload");
    }
}

#[test]
fn a_command_gets_the_signal_and_its_status_is_passed_on() {
    let _machine = require_bpf!();
    let script = "trap 'exit 7' TERM; echo go; while :; do sleep 0.05; done";
    let room = Room::new();
    let watch = Watch::start_command(record(&room.file(), &[], &["sh", "-c", script]));
    thread::sleep(Duration::from_millis(700));
    watch.signal(Signal::SIGINT);
    thread::sleep(Duration::from_millis(300));
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!(ended.status.code(), Some(7), "{}", ended.stderr);
    assert_eq!(ended.stdout, b"go\n");
    assert!(Capture::open(&room.file()).expect("it is whole").complete);
}

#[test]
fn a_command_that_outlasts_the_recording_is_waited_for() {
    let _machine = require_bpf!();
    let room = Room::new();
    let command = ["sh", "-c", "sleep 3; exit 4"];
    let ended = Watch::start_command(record(&room.file(), &["-d", "1"], &command)).end();
    assert_eq!(ended.status.code(), Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("waiting for the command"), "{}", ended.stderr);
    let span = report_of(&room.file(), &[]).document.duration_ns;
    assert!((900_000_000..2_000_000_000).contains(&span), "{span}");
}

#[test]
fn a_recording_goes_through_a_pipe() {
    let _machine = require_bpf!();
    let (room, load) = (Room::new(), load());
    let options = ["-d", "1", "-p", &load.pid.to_string()];
    let ended = Watch::start_command(record(Path::new("-"), &options, &[])).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    fs::write(room.file(), &ended.stdout).expect("room");
    assert!(report_of(&room.file(), &[]).syscall(load.pid, "getppid").calls > 100);
    // A reader that has had enough is no error.
    let script = format!("{} record -q -o - | head -c 10 > /dev/null", syscope().display());
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{script}; exit ${{PIPESTATUS[0]}}")]);
    let output = run(shell);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_full_disk_ends_the_recording_with_an_error() {
    let _machine = require_bpf!();
    let output = run(record(Path::new("/dev/full"), &["-q"], &[]));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = said(&output);
    assert!(error.contains("cannot write /dev/full: No space left on device"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    // The command goes on, and its failure is the more important one.
    let command = ["sh", "-c", "sleep 2; exit 5"];
    let output = run(record(Path::new("/dev/full"), &["-q"], &command));
    assert_eq!(output.status.code(), Some(5), "{output:?}");
}

#[test]
fn command_lines_can_be_left_out() {
    let _machine = require_bpf!();
    for (options, told) in [(&[][..], true), (&["--no-cmdline"], false)] {
        let room = Room::new();
        let command = ["sh", "-c", "sleep 0.3 # --password=hunter2"];
        let output = run(record(&room.file(), options, &command));
        assert!(output.status.success(), "{output:?}");
        let capture = Capture::open(&room.file()).expect("it is whole");
        let report = report_of(&room.file(), &[]);
        let everything = format!("{:?} {}", capture.header, report.raw);
        assert_eq!(everything.contains("hunter2"), told, "{everything}");
    }
}

#[test]
fn what_is_no_capture_is_refused_by_name() {
    let mut command = Command::new(syscope());
    command.args(["report", "--from", "/etc/passwd"]);
    let output = run(command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("/etc/passwd is no capture of syscope"), "{output:?}");
    assert!(output.stdout.is_empty());
}

/// Fails with the first place where two texts differ, not with both.
fn same(live: &[u8], replayed: &[u8]) {
    let differ = live.iter().zip(replayed).position(|(a, b)| a != b);
    let at = differ.unwrap_or(live.len().min(replayed.len()));
    let around = |text: &[u8]| {
        let (start, end) = (at.saturating_sub(200).min(text.len()), (at + 200).min(text.len()));
        String::from_utf8_lossy(&text[start..end]).into_owned()
    };
    assert!(live == replayed, "live:\n{}\nreplayed:\n{}", around(live), around(replayed));
}
