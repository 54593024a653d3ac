//! However it ends, the terminal is as it was.

use super::{CommandBuilder, Path, Session, Terminal, require_bpf, syscope};
use nix::sys::signal::Signal;

#[test]
fn signals_restore_the_terminal() {
    let _machine = require_bpf!();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let mut session = Session::start(&[], 100, 30);
        session.terminal.wait_for_text("workload");
        session.terminal.signal(signal);
        let status = session.terminal.end();
        session.terminal.assert_restored();
        let said = session.terminal.text();
        assert!(!said.contains("panicked"), "{signal}: {status:?}: {said}");
    }
}

#[test]
fn a_panic_restores_the_terminal_and_is_readable_there() {
    let _machine = require_bpf!();
    let mut session = Session::start(&["--inject-panic"], 100, 30);
    let status = session.terminal.end();
    assert!(!status.success(), "{status:?}");
    session.terminal.assert_restored();
    let said = session.terminal.text();
    assert!(said.to_lowercase().contains("panic"), "the reason is on the screen:\n{said}");
}

#[test]
fn ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() {
    let _machine = require_bpf!();
    let mut shell = CommandBuilder::new("/bin/sh");
    shell.arg("-i");
    shell.env("PS1", "prompt> ");
    shell.env_remove("ENV");
    let mut terminal = Terminal::start_command(shell, Path::new("/"), 100, 30);
    terminal.wait_for_text("prompt>");
    terminal.press(&format!("{}\r", syscope().display()));
    terminal.wait_for_text("CPU profile");
    assert!(terminal.on_alternate_screen());
    assert!(!terminal.is_cooked());
    // Not at the very moment of the first drawing.
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.press("\x1a");
    terminal.wait_for("the shell", |text| text.trim_end().ends_with("prompt>"));
    assert!(!terminal.on_alternate_screen(), "the alternate screen was not left");
    assert!(terminal.is_cooked(), "the shell has no echo");
    terminal.press("fg\r");
    terminal.wait_for_text("CPU profile");
    assert!(terminal.on_alternate_screen());
    assert!(!terminal.is_cooked());
    terminal.press("q");
    terminal.wait_for("the shell", |text| text.trim_end().ends_with("prompt>"));
    assert!(terminal.is_cooked(), "the shell has no echo");
    terminal.press("exit\r");
    let _ = terminal.end();
    terminal.assert_restored();
}
