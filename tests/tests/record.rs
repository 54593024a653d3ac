//! Recordings: what is in them, how they end, and that reports of them are those of the live run.

use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use syscope::capture::{Capture, Decoder};
use syscope::source::Batch;
use syscope_tests::binary::syscope;
use syscope_tests::recording::{Room, record, report_of, run, said};
use syscope_tests::require_bpf;
use syscope_tests::watch::Watch;
use syscope_tests::workload::Workload;

fn load() -> Workload {
    let mut load = Workload::start(&["mixed", "/etc/passwd"]);
    load.go();
    let _ = load.done();
    load
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
    let start = Instant::now();
    let watch = Watch::start_command(record(&room.file(), &["-p", &load.pid.to_string()], &[]));
    thread::sleep(Duration::from_millis(3_200));
    watch.signal(Signal::SIGKILL);
    let most = start.elapsed().as_nanos() as u64;
    let _ = watch.end();
    let report = report_of(&room.file(), &[]);
    assert!(report.syscall(load.pid, "getppid").calls > 1_000);
    // At most the last second and what was about to be written is missing.
    let span = report.document.duration_ns;
    assert!((1_900_000_000..most).contains(&span), "{span} of {most}");
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

/// What can be read of these bytes: the capture, and the batches of each of its frames.
fn read(file: &[u8]) -> (Capture, Vec<Vec<Batch>>) {
    let capture = Capture::from_bytes("cut", Arc::from(file)).expect("it has a header");
    let mut decoder = Decoder::new();
    let frames = (0..capture.frames.len()).map(|frame| capture.read(frame).expect("it is there"));
    let decoded = frames.map(|bytes| decoder.decode(&bytes).expect("it is whole").batches);
    let batches = decoded.collect();
    (capture, batches)
}

#[test]
fn a_recording_opens_after_it_was_cut_at_every_byte_of_its_last_4_kib() {
    let _machine = require_bpf!();
    let (room, load) = (Room::new(), load());
    let options = ["-q", "-d", "3", "-p", &load.pid.to_string()];
    let ended = run(record(&room.file(), &options, &[]));
    assert!(ended.status.success(), "{}", said(&ended));
    let file = fs::read(room.file()).expect("it was written");
    let (whole, batches) = read(&file);
    assert!(whole.complete && batches.len() >= 3, "{whole:?}");
    let start = file.len().checked_sub(4096).expect("the recording is too small for this test");
    for len in start..file.len() {
        let (cut, read) = read(&file[..len]);
        let kept = whole.frames.iter().map(|frame| frame.offset + u64::from(frame.len));
        let kept: Vec<_> = kept.filter(|end| *end <= len as u64).collect();
        assert!(read == batches[..kept.len()], "cut at {len} of {}", file.len());
        assert!(!cut.complete && cut.damaged == 0, "cut at {len}: {cut:?}");
        if let Some(end) = kept.last() {
            assert_eq!(cut.cut_bytes, len as u64 - end, "cut at {len} of {}", file.len());
        }
    }
}

#[test]
fn a_report_of_a_recording_is_the_live_report_byte_by_byte() {
    let _machine = require_bpf!();
    let load = load();
    let pid = load.pid.to_string();
    for options in [&["-p", &pid, "--json"][..], &["-c", "workload"], &[]] {
        let room = Room::new();
        let mut command = Command::new(syscope());
        command
            .args(["report", "--budget", "off", "-d", "2", "--record"])
            .arg(room.file())
            .args(options);
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
    assert!(error.contains("--range: the range lies outside; the capture spans 3."), "{error}");
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
fn a_disk_that_is_full_from_the_start_is_left_without_a_file() {
    let _machine = require_bpf!();
    let room = Room::new();
    // Room for the header and no more: in the first second, everything runs.
    let mount = SmallDisk::on(room.dir.path(), 4_096);
    let output = run(record(&room.file(), &["-d", "2"], &[]));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = said(&output);
    assert!(error.contains("No space left on device"), "{error}");
    assert!(error.contains("nothing was recorded") && !error.contains("0 batches"), "{error}");
    assert_eq!(room.names(), [""; 0]);
    drop(mount);
}

/// A small file system in memory on a folder.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn on(folder: &'a Path, bytes: u32) -> Self {
        let size = format!("size={bytes}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "none"]).arg(folder);
        assert!(mount.status().expect("there is mount").success());
        Self(folder)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
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
