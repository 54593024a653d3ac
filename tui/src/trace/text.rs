//! Lines for people: aligned columns, what moves last.

use super::Kind;
use super::clock::Clock;
use super::event::Event;
use crate::source::{FailedCall, OpenEvent, OpenPath};
use crate::text::{
    duration, errno_name, errno_text, open_duration, open_flags, syscall_name, visible, width,
};
use std::env::consts::ARCH;
use std::io::Write;

/// Columns of a PID or TID: as long as the kernel makes them.
const PID: usize = 7;
/// Columns of a process name: as long as the kernel keeps it. A longer one (for its characters are
/// escaped) is not cut: it moves the rest of its line.
const COMM: usize = 15;
/// Columns of a result.
const RESULT: usize = 8;
/// Columns of open flags: `O_RDONLY|O_CLOEXEC` and shorter ones.
const FLAGS: usize = 18;
/// Columns of a system call.
const SYSCALL: usize = 18;
/// Columns of an error's name.
const ERRNO: usize = 12;

/// The line above all others.
pub fn head(kind: Kind, out: &mut Vec<u8>) {
    let head = match kind {
        Kind::Opens => format!(
            "{:15} {:>PID$} {:>PID$} {:COMM$} {:RESULT$} {:>7} {:FLAGS$} PATH",
            "TIME", "PID", "TID", "COMM", "RESULT", "DUR", "FLAGS"
        ),
        Kind::Exec => {
            format!("{:15} {:>PID$} {:>PID$} {:COMM$} COMMAND", "TIME", "PID", "PARENT", "COMM")
        }
        Kind::SyscallsFailed => format!(
            "{:15} {:>PID$} {:>PID$} {:COMM$} {:SYSCALL$} {:>7} ERROR",
            "TIME", "PID", "TID", "COMM", "SYSCALL", "DUR"
        ),
    };
    put(out, format_args!("{head}\n"));
}

/// The line of an event.
pub fn line(event: Event<'_>, clock: &mut Clock, out: &mut Vec<u8>) {
    match event {
        Event::Open(open) => open_line(open, clock, out),
        Event::Failed(call) => failed_line(call, clock, out),
        Event::Exec { time_ns, process } => {
            start(time_ns, process.key.pid, process.parent, &process.comm, clock, out);
            put(out, format_args!("{}\n", visible(&process.cmdline)));
        }
    }
}

fn open_line(open: &OpenEvent, clock: &mut Clock, out: &mut Vec<u8>) {
    start(open.time_ns, open.pid, open.tid, &open.comm, clock, out);
    match open.result {
        Ok(fd) => put(out, format_args!("fd {fd:<5}")),
        Err(errno) => put(out, format_args!("{:RESULT$}", errno_name(errno))),
    }
    let (took, flags) = (open_duration(open.duration_ns), open_flags(ARCH, open.flags));
    put(out, format_args!(" {took:>7} {flags:FLAGS$} "));
    path(&open.path, out);
    out.push(b'\n');
}

fn failed_line(call: &FailedCall, clock: &mut Clock, out: &mut Vec<u8>) {
    start(call.time_ns, call.pid, call.tid, &call.comm, clock, out);
    let (name, took) = (syscall_name(ARCH, call.nr), duration(call.duration_ns));
    let (errno, text) = (errno_name(call.errno), errno_text(call.errno));
    put(out, format_args!("{name:SYSCALL$} {took:>7} {errno:ERRNO$} {text}"));
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

/// The columns that all kinds have, and a space.
fn start(time_ns: u64, pid: u32, other: u32, comm: &str, clock: &mut Clock, out: &mut Vec<u8>) {
    let (second, micros) = clock.time_of_day(time_ns);
    put(out, format_args!("{second}.{micros:06} {pid:>PID$} {other:>PID$} "));
    let comm = visible(comm);
    out.extend_from_slice(comm.as_bytes());
    let padding = COMM.saturating_sub(width(&comm));
    out.extend(std::iter::repeat_n(b' ', padding + 1));
}

/// A path, and what is not known about it.
fn path(path: &OpenPath, out: &mut Vec<u8>) {
    out.extend_from_slice(visible(&path.text).as_bytes());
    for (mark, note) in [
        (path.unresolved, " (relative; its directory is not known)"),
        (path.cut, " (cut)"),
        (path.unreadable, "(could not be read)"),
    ] {
        if mark {
            out.extend_from_slice(note.as_bytes());
        }
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes all");
}
