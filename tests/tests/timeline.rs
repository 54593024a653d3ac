//! The past of the live screen, recording from it, and the replay of what was recorded.

use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use syscope_tests::binary::{checkout, syscope};
use syscope_tests::require_bpf;
use syscope_tests::terminal::Terminal;
use syscope_tests::workload::Workload;

const LEFT: &str = "\x1b[D";
const END: &str = "\x1b[F";

fn load() -> Workload {
    let mut load = Workload::start(&["mixed", "/etc/passwd"]);
    load.go();
    let _ = load.done();
    load
}

fn live(load: &Workload, cwd: &Path) -> Terminal {
    let terminal = Terminal::start(&["-p", &load.pid.to_string()], cwd, 120, 40);
    terminal.wait_for_text("workload");
    terminal
}

/// The captures in a folder, oldest first.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("it is there");
    let mut files: Vec<_> = files.map(|file| file.expect("it is there").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "syscope"));
    files.sort();
    files
}

/// Seconds that a screen says to have recorded, in the first minute of them. A reading that is late
/// on a busy machine skips some.
fn recorded_seconds(screen: &str) -> Option<u32> {
    let (_, recorded) = screen.split_once(" REC 00:")?;
    recorded.get(..2)?.parse().ok()
}

/// The screen that a script ends with.
fn script(capture: &Path, keys: &str) -> String {
    let mut command = Command::new(syscope());
    command.arg("replay").arg(capture).args(["--size", "120x40", "--color", "never"]);
    let output = command.args(["--keys", keys]).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_past_can_be_gone_back_to_and_saved() {
    let _machine = require_bpf!();
    let load = load();
    let cwd = tempfile::tempdir().expect("room");
    let mut terminal = live(&load, cwd.path());
    std::thread::sleep(Duration::from_secs(3));
    terminal.press("<");
    terminal.wait_for("the past", |s| s.contains("PAST ") && s.contains("workload"));
    terminal.press("[");
    terminal.wait_for_text("the range starts here");
    terminal.press("....]");
    terminal.wait_for("the range", |s| s.contains("range ") && s.contains("◆"));
    terminal.press("W");
    terminal.wait_for_text(".syscope: ");
    terminal.press(END);
    terminal.wait_for("what is live", |s| s.contains(" LIVE ") && !s.contains("◆"));
    terminal.press("q");
    assert!(terminal.end().success());
    terminal.assert_restored();
    let saved = captures(cwd.path());
    let [saved] = &saved[..] else { panic!("{saved:?}") };
    let mode = fs::metadata(saved).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let screen = script(saved, "");
    assert!(screen.contains("REPLAY paused") && screen.contains("workload"), "{screen}");
    assert_eq!(screen, script(saved, ""), "the same again");
}

#[test]
fn a_recording_of_the_screen_is_whole_however_the_screen_ends() {
    let _machine = require_bpf!();
    for signal in [None, Some(Signal::SIGTERM)] {
        let load = load();
        let cwd = tempfile::tempdir().expect("room");
        let mut terminal = live(&load, cwd.path());
        terminal.press("R");
        terminal.wait_for_text("R ends it");
        terminal.press(LEFT);
        terminal.wait_for("two seconds", |s| recorded_seconds(s).is_some_and(|s| s >= 2));
        match signal {
            Some(signal) => terminal.signal(signal),
            None => terminal.press("q"),
        }
        terminal.end();
        terminal.wait_for_text("syscope: wrote ");
        let recorded = captures(cwd.path());
        let [recorded] = &recorded[..] else { panic!("{recorded:?}") };
        let page = script(recorded, "i");
        assert!(page.contains("state       complete"), "{page}");
    }
}

#[test]
fn a_recording_that_cannot_be_written_is_named() {
    let _machine = require_bpf!();
    let load = load();
    // No file can be made there, not even by root.
    let mut terminal = live(&load, Path::new("/proc"));
    for key in ["R", "W"] {
        terminal.press(key);
        let named =
            |screen: &str| screen.contains("No such file") && screen.contains("/proc/syscope-");
        terminal.wait_for("which file, and what is wrong", named);
        // Another key, and the line is gone.
        terminal.press("z");
        terminal.wait_for("no message", |screen| !screen.contains("No such file"));
    }
    terminal.press("q");
    assert!(terminal.end().success());
}

#[test]
fn a_replay_plays_and_gives_the_terminal_back() {
    let _machine = require_bpf!();
    let load = load();
    let cwd = tempfile::tempdir().expect("room");
    let capture = cwd.path().join("x.syscope");
    let mut record = Command::new(syscope());
    record.args(["record", "-q", "-d", "3", "-p", &load.pid.to_string(), "-o"]).arg(&capture);
    assert!(record.status().expect("it runs").success());
    let args = ["replay", "x.syscope", "--speed", "4"];
    let mut terminal = Terminal::start(&args, cwd.path(), 80, 24);
    // The position may be shown a moment before the model of it.
    let is_end = |s: &str| s.contains("00:03 / 00:03") || s.contains("00:02 / 00:02");
    terminal.wait_for("the end", |s| {
        s.contains("REPLAY paused") && is_end(s) && s.contains("workload")
    });
    let played = terminal.text();
    terminal.press("q");
    assert!(terminal.end().success());
    terminal.assert_restored();
    let header = played.lines().next().expect("a header").trim_end().to_owned();
    let mut command = Command::new(syscope());
    command.arg("replay").arg(&capture).args(["--size", "80x24", "--color", "never"]);
    let output = command.args(["--speed", "4", "--keys", ""]).env("TZ", "UTC").output();
    let scripted = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let said = |header: &str| header.split('│').skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(said(scripted.lines().next().expect("a header")), said(&header));
}

/// The small capture of the repository begins at 03:04:05 UTC.
#[test]
fn a_script_starts_at_the_same_time_of_day_in_every_time_zone() {
    let small = checkout().join("fuzz/small.syscope");
    let screen = |zone: &str| {
        let mut command = Command::new(syscope());
        command.arg("replay").arg(&small).args(["--at", "03:04:10", "--keys", ""]);
        let output = command.env("TZ", zone).output().expect("it runs");
        assert!(output.status.success(), "{zone}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let utc = screen("UTC");
    // The reading that is nearest to it.
    assert!(utc.contains("2026-01-02 03:04:09"), "{utc}");
    assert_eq!(screen("<+09>-9"), utc, "the machine's zone is not asked");
}
