//! Commands that are recorded: what is counted, how they end, as whom they run.

use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use syscope::capture::Capture;
use syscope_tests::binary::{own, syscope};
use syscope_tests::recording::{Room, record, report_of, run, said};
use syscope_tests::require_bpf;
use syscope_tests::schema::Open;
use syscope_tests::wait::poll;
use syscope_tests::watch::Watch;

/// A user without any privilege, and its group.
const NOBODY: u32 = 65534;

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
        ("/etc", 126, "cannot execute /etc: is a directory"),
        ("", 127, "there is no command"),
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
    assert_eq!((file.uid(), file.mode() & 0o7777), (NOBODY, 0o600));
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
