//! Every size of a terminal, and every name that a process can have.

use super::*;
use std::fs;
use std::time::{Duration, Instant};
use syscope_tests::require_bpf;
use syscope_tests::terminal::Terminal;

#[test]
fn every_size_is_survived_and_80_by_24_is_usable() {
    let _machine = require_bpf!();
    let mut session = Session::start(&[], 120, 40);
    session.terminal.wait_for_text("workload");
    for (columns, rows) in [(80, 24), (20, 5), (1, 1), (200, 60), (80, 24)] {
        session.terminal.resize(columns, rows);
        // Gives a panic the time to happen.
        std::thread::sleep(Duration::from_millis(400));
        if columns >= 80 {
            session.terminal.wait_for("something in the last row and column", |screen| {
                let used = screen.lines().filter(|line| !line.trim().is_empty()).count();
                let widest = screen.lines().map(|line| line.chars().count()).max();
                used + 2 >= usize::from(rows) && widest == Some(usize::from(columns))
            });
        }
    }
    let small = session.terminal.wait_for_text("workload");
    assert!(titles().iter().filter(|title| small.contains(**title)).count() >= 1, "{small}");
    session.terminal.press("4");
    session.terminal.wait_for_text("CPU profile");
    session.quit();
}

#[test]
fn a_size_that_changes_while_it_starts_is_met() {
    let cwd = tempfile::tempdir().expect("room");
    for _ in 0..4 {
        let mut terminal = Terminal::start(&["demo"], cwd.path(), 80, 24);
        // In the moment before it listens: a pause between two looks would miss that.
        let started = Instant::now();
        while !terminal.on_alternate_screen() && started.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
        terminal.resize(120, 40);
        terminal.wait_for("something in the last row", |screen| {
            screen.lines().nth(39).is_some_and(|line| !line.trim().is_empty())
        });
        terminal.press("q");
        assert!(terminal.end().success());
    }
}

/// `setsid` starts a program in a session of its own, which the terminal is not the controlling one of: no
/// signal tells it that the size has changed.
#[test]
fn a_size_that_no_signal_tells_is_met() {
    let cwd = tempfile::tempdir().expect("room");
    let mut command = CommandBuilder::new("setsid");
    command.args(["--wait".as_ref(), syscope().as_os_str(), "demo".as_ref()]);
    let mut terminal = Terminal::start_command(command, cwd.path(), 80, 24);
    terminal.wait_for_text("File opens");
    terminal.resize(120, 40);
    terminal.wait_for("something in the last row", |screen| {
        screen.lines().nth(39).is_some_and(|line| !line.trim().is_empty())
    });
    terminal.press("q");
    assert!(terminal.end().success());
}

#[test]
fn a_size_that_no_terminal_has_is_survived() {
    let cwd = tempfile::tempdir().expect("room");
    let mut terminal = Terminal::start(&["demo"], cwd.path(), 80, 24);
    terminal.wait_for_text("File opens");
    terminal.claim_size(u16::MAX, u16::MAX);
    // Time for a frame, and for what would end it.
    std::thread::sleep(Duration::from_secs(2));
    terminal.resize(120, 40);
    terminal.wait_for("something in the last row", |screen| {
        screen.lines().nth(39).is_some_and(|line| !line.trim().is_empty())
    });
    terminal.press("q");
    assert!(terminal.end().success());
    terminal.assert_restored();
}

#[test]
fn it_starts_on_tiny_and_huge_terminals() {
    let _machine = require_bpf!();
    for (columns, rows) in [(20, 5), (400, 120)] {
        let session = Session::start(&[], columns, rows);
        session.terminal.wait_for("anything", |screen| !screen.trim().is_empty());
        session.quit();
    }
}

#[test]
fn names_of_others_do_not_reach_the_terminal_raw() {
    let _machine = require_bpf!();
    let cwd = tempfile::tempdir().expect("room");
    let hostile = cwd.path().join("a\x1b[2J\x1b]0;pwned\x07\nb");
    fs::write(&hostile, "").expect("room");
    let load = load(hostile.to_str().expect("plain text"));
    let args = ["-p", &load.pid.to_string()];
    let mut terminal = Terminal::start(&args, cwd.path(), 160, 50);
    let screen = terminal.wait_for("the path, escaped", |screen| {
        let opens = pane(screen, "File opens");
        opens.contains("pwned") && filled_rows(screen, "Syscalls") >= 1
    });
    assert!(titles().iter().all(|title| screen.contains(title)), "the screen is whole:\n{screen}");
    terminal.press("q");
    assert!(terminal.end().success());
    terminal.assert_restored();
}
