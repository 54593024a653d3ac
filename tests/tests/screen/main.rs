//! The screen, as a person at a terminal sees it.

mod ends;
mod read;
mod sizes;

use portable_pty::CommandBuilder;
use read::{filled_rows, pane, titles};
use std::fs;
use std::path::Path;
use std::time::Duration;
use syscope_tests::binary::{own, syscope};
use syscope_tests::kernel::keys;
use syscope_tests::terminal::Terminal;
use syscope_tests::workload::Workload;
use syscope_tests::{binary, require_bpf, wait};
use tempfile::TempDir;

const ENTER: &str = "\r";

const ESC: &str = "\x1b";

/// A screen over a small load: the workload named `workload`, which opens `/etc/passwd`.
struct Session {
    terminal: Terminal,
    load: Workload,
    cwd: TempDir,
}

impl Session {
    fn start(args: &[&str], columns: u16, rows: u16) -> Self {
        let load = load("/etc/passwd");
        let cwd = tempfile::tempdir().expect("room");
        let terminal = Terminal::start(args, cwd.path(), columns, rows);
        Self { terminal, load, cwd }
    }

    /// The screen watches the load alone.
    fn of_the_load(columns: u16, rows: u16) -> Self {
        let load = load("/etc/passwd");
        let cwd = tempfile::tempdir().expect("room");
        let args = ["-p", &load.pid.to_string()];
        let terminal = Terminal::start(&args, cwd.path(), columns, rows);
        Self { terminal, load, cwd }
    }

    fn quit(mut self) {
        self.terminal.press("q");
        let status = self.terminal.end();
        assert!(status.success(), "{status:?}:\n{}", self.terminal.text());
        self.terminal.assert_restored();
    }
}

#[test]
fn all_four_panes_fill_and_q_quits() {
    let _machine = require_bpf!();
    let session = Session::start(&[], 160, 50);
    session.terminal.wait_for("rows in all four panes", |screen| {
        titles().iter().all(|title| filled_rows(screen, title) >= 3)
    });
    session.terminal.wait_for_text("workload");
    session.quit();
}

#[test]
fn with_p_every_pane_shows_that_process() {
    let _machine = require_bpf!();
    let session = Session::of_the_load(160, 50);
    session.terminal.wait_for("the load in every pane", |screen| {
        let [syscalls, opens, offcpu, profile] = titles().map(|title| pane(screen, title));
        syscalls.contains("workload")
            && opens.contains("/etc/passwd")
            && offcpu.contains("workload")
            && (profile.contains("workload") || profile.contains("spin"))
    });
    session.quit();
}

#[test]
fn the_header_names_the_machine_and_the_cost() {
    let _machine = require_bpf!();
    let session = Session::start(&[], 200, 50);
    let host = nix::unistd::gethostname().expect("it has a name");
    let host = host.to_str().expect("plain text").to_owned();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").expect("it has one");
    session.terminal.wait_for("host, kernel, lost and both costs in the header", |screen| {
        let header = screen.lines().take(2).collect::<Vec<_>>().join("\n");
        let percent = |name: &str| {
            let after = header.split(name).nth(1).unwrap_or_default().trim_start();
            after.find('%').is_some_and(|end| after[..end].parse::<f64>().is_ok())
        };
        header.contains(&host)
            && header.contains(kernel.trim())
            && header.contains("lost ")
            && percent("self ")
            && percent("bpf ")
    });
    session.quit();
}

#[test]
fn a_filter_is_applied_as_it_is_typed() {
    let _machine = require_bpf!();
    let mut session = Session::start(&[], 160, 50);
    let other = load("/etc/group");
    session.terminal.wait_for("both loads", |screen| {
        let syscalls = pane(screen, "Syscalls");
        syscalls.contains(&session.load.pid.to_string())
            && syscalls.contains(&other.pid.to_string())
    });
    session.terminal.press("/");
    session.terminal.press(&format!("pid:{}", session.load.pid));
    session.terminal.wait_for("only the first load, before Enter", |screen| {
        let syscalls = pane(screen, "Syscalls");
        syscalls.contains(&session.load.pid.to_string())
            && !syscalls.contains(&other.pid.to_string())
            && filled_rows(screen, "Syscalls") < 8
    });
    session.terminal.press(ENTER);
    // Keys are commands again.
    session.quit();
}

#[test]
fn who_falls_asleep_while_filtered_out_is_shown_when_the_filter_is_gone() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a program");
    let named = dir.path().join("scope-asleep");
    binary::copy(&own("workload"), &named);
    let mut sleeper = Workload::start_program(&named, &["sleeper", "1", "60000"]);
    let mut session = Session::start(&[], 160, 50);
    let watched = || keys(session.terminal.pid(), "WAITING").contains(&vec![sleeper.pid]);
    session.terminal.wait_for("all processes", |screen| screen.contains("workload") && watched());
    session.terminal.press(&format!("/pid:{}{ENTER}", session.load.pid));
    session.terminal.wait_for("only the load", |screen| {
        pane(screen, "Syscalls").contains("workload") && filled_rows(screen, "Syscalls") < 8
    });
    // The view follows the keys at once, the kernel a moment later.
    std::thread::sleep(Duration::from_millis(700));
    sleeper.go();
    std::thread::sleep(Duration::from_millis(300));
    session.terminal.press("F");
    // Among all processes it may be below the last row.
    session.terminal.press(&format!("/comm:scope-asleep{ENTER}"));
    // What was on screen before is no answer.
    std::thread::sleep(Duration::from_secs(1));
    session.terminal.wait_for("that it is blocked now", |screen| {
        let offcpu = pane(screen, "Off-CPU");
        let row = offcpu.lines().find(|row| row.contains("scope-asleep")).unwrap_or_default();
        // PID, name, blocked, run queue, waits, now.
        row.split_whitespace().nth(5) == Some("1")
    });
    session.quit();
}

#[test]
fn a_filter_that_is_wrong_says_so_and_can_be_taken_back() {
    let _machine = require_bpf!();
    let mut session = Session::start(&[], 120, 40);
    session.terminal.wait_for_text("workload");
    session.terminal.press("/pid:x");
    session.terminal.wait_for_text("takes numbers");
    session.terminal.press(ESC);
    session.terminal.wait_for("no error any more", |screen| !screen.contains("takes numbers"));
    session.quit();
}

#[test]
fn enter_drills_into_a_process_and_esc_goes_back() {
    let _machine = require_bpf!();
    let mut session = Session::of_the_load(160, 50);
    let overview = session
        .terminal
        .wait_for("the load", |screen| pane(screen, "Syscalls").contains("workload"));
    assert!(!overview.contains("clock_nanosleep"), "that is detail:\n{overview}");
    session.terminal.press("1");
    session.terminal.press(ENTER);
    let pid = session.load.pid.to_string();
    session.terminal.wait_for("the detail: calls by name, opens, stacks", |screen| {
        ["getppid", "clock_nanosleep", "/etc/passwd", &pid].iter().all(|part| screen.contains(part))
    });
    session.terminal.press(ESC);
    session.terminal.wait_for("the overview again", |screen| {
        titles().iter().all(|title| screen.contains(title)) && !screen.contains("clock_nanosleep")
    });
    session.quit();
}

#[test]
fn e_writes_a_flame_graph_into_the_working_folder() {
    let _machine = require_bpf!();
    let mut session = Session::of_the_load(160, 50);
    session.terminal.wait_for("samples", |screen| filled_rows(screen, "CPU profile") >= 3);
    session.terminal.press("e");
    let svg = wait::poll(Duration::from_secs(5), || {
        let entries = fs::read_dir(session.cwd.path()).expect("it is there").flatten();
        entries.map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "svg"))
    });
    let svg = svg.unwrap_or_else(|| panic!("no SVG:\n{}", session.terminal.text()));
    let text = fs::read_to_string(&svg).expect("it is readable");
    assert!(text.contains("<svg") && text.trim_end().ends_with("</svg>"), "it is whole");
    assert!(text.contains("spin::"), "it shows the load:\n{text}");
    let name = svg.file_name().and_then(|name| name.to_str()).expect("plain text").to_owned();
    session.terminal.wait_for_text(&name[..name.len().min(20)]);
    session.quit();
}

#[test]
fn the_view_stands_still_while_paused() {
    let _machine = require_bpf!();
    let mut session = Session::of_the_load(160, 50);
    session.terminal.wait_for("the load", |screen| pane(screen, "Syscalls").contains("workload"));
    session.terminal.press(" ");
    session.terminal.wait_for("that it is paused", |s| s.to_lowercase().contains("paused"));
    let still = pane(&session.terminal.text(), "Syscalls");
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(pane(&session.terminal.text(), "Syscalls"), still, "it moved");
    session.terminal.press(" ");
    session.terminal.wait_for("that it moves again", |screen| {
        !screen.to_lowercase().contains("paused") && pane(screen, "Syscalls") != still
    });
    session.quit();
}

#[test]
fn question_mark_shows_the_keys() {
    let _machine = require_bpf!();
    let mut session = Session::start(&[], 120, 40);
    session.terminal.wait_for_text("workload");
    session.terminal.press("?");
    session.terminal.wait_for("the keys and what they do", |screen| {
        let line_of = |key: &str| {
            let of_key = |line: &&str| line.split_whitespace().next() == Some(key);
            screen.lines().find(of_key).is_some_and(|line| line.split_whitespace().count() > 2)
        };
        ["q", "?", "Esc", "Enter", "Tab", "/", "f", "e", "z", "s", "r", "Space", "c", "1-4"]
            .iter()
            .all(|key| line_of(key))
    });
    session.terminal.press(ESC);
    session
        .terminal
        .wait_for("the panes again", |s| titles().iter().all(|title| s.contains(title)));
    session.quit();
}

#[test]
fn ctrl_c_quits_as_q_does() {
    let _machine = require_bpf!();
    let mut session = Session::start(&[], 120, 40);
    session.terminal.wait_for_text("workload");
    session.terminal.press("\x03");
    let status = session.terminal.end();
    assert!(status.success(), "{status:?}");
    session.terminal.assert_restored();
}

fn load(path: &str) -> Workload {
    let mut load = Workload::start(&["mixed", path]);
    load.go();
    let _ = load.done();
    load
}
