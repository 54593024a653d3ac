//! JSON Lines: one object a line, told apart by `type`.

use super::clock::Clock;
use super::event::Event;
use super::lost::Lost;
use crate::report::OpenOut;
use crate::text::{errno_name, errno_text, syscall_name, write_json_line};
use serde::Serialize;
use std::borrow::Cow;
use std::env::consts::ARCH;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Open(OpenOut<'a>),
    Exec {
        time_ns: i64,
        pid: u32,
        parent: u32,
        comm: &'a str,
        cmdline: &'a str,
    },
    Failed {
        time_ns: i64,
        pid: u32,
        tid: u32,
        comm: &'a str,
        syscall: Cow<'static, str>,
        errno: Cow<'static, str>,
        error: String,
        duration_ns: u64,
    },
    Lost {
        time_ns: i64,
        lost: u64,
        #[serde(flatten)]
        reasons: Lost,
    },
}

/// The line of an event.
pub fn line(event: Event<'_>, clock: &Clock, out: &mut Vec<u8>) {
    let line = match event {
        Event::Open(open) => Line::Open(OpenOut::of(open, clock.real_ns(open.time_ns), ARCH)),
        Event::Exec { time_ns, process } => Line::Exec {
            time_ns: clock.real_ns(time_ns),
            pid: process.key.pid,
            parent: process.parent,
            comm: &process.comm,
            cmdline: &process.cmdline,
        },
        Event::Failed(call) => Line::Failed {
            time_ns: clock.real_ns(call.time_ns),
            pid: call.pid,
            tid: call.tid,
            comm: &call.comm,
            syscall: syscall_name(ARCH, call.nr),
            errno: errno_name(call.errno),
            error: errno_text(call.errno),
            duration_ns: call.duration_ns,
        },
    };
    put(&line, out);
}

/// The line that stands where events are missing.
pub fn lost(lost: Lost, time_ns: u64, clock: &Clock, out: &mut Vec<u8>) {
    put(&Line::Lost { time_ns: clock.real_ns(time_ns), lost: lost.total(), reasons: lost }, out);
}

fn put(line: &Line<'_>, out: &mut Vec<u8>) {
    write_json_line(line, out).expect("memory takes all");
}
