//! System calls and file opens in the JSON document.

use crate::model::syscalls::ProcessCalls;
use crate::report::{Selection, by_syscall};
use crate::source::OpenEvent;
use crate::text::{errno_name, open_flags, syscall_name};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

pub(super) struct Syscalls<'a>(pub(super) &'a Selection<'a>);

#[derive(Serialize)]
struct CallsOut<'a> {
    pid: u32,
    comm: &'a str,
    calls: u64,
    errors: u64,
    by_syscall: Vec<CallOut>,
}

#[derive(Serialize)]
struct CallOut {
    name: Cow<'static, str>,
    calls: u64,
    errors: u64,
    total_ns: u64,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    errnos: Vec<ErrnoOut>,
}

#[derive(Serialize)]
struct ErrnoOut {
    name: Cow<'static, str>,
    count: u64,
}

impl Serialize for Syscalls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let arch = &self.0.model.watched.arch;
        let rows = self.0.syscalls().into_iter().take(self.0.top);
        serializer.collect_seq(rows.map(|(key, calls)| CallsOut {
            pid: key.pid,
            comm: self.0.comm(key),
            calls: calls.total.calls,
            errors: calls.total.errors,
            by_syscall: calls_out(arch, calls),
        }))
    }
}

fn calls_out(arch: &str, calls: &ProcessCalls) -> Vec<CallOut> {
    let rows = by_syscall(arch, calls).into_iter();
    rows.map(|(nr, stats)| CallOut {
        name: syscall_name(arch, nr),
        calls: stats.calls,
        errors: stats.errors,
        total_ns: stats.total_ns,
        p50_ns: stats.quantile_ns(0.5),
        p99_ns: stats.quantile_ns(0.99),
        errnos: stats
            .errnos
            .iter()
            .map(|(errno, count)| ErrnoOut { name: errno_name(*errno), count: *count })
            .collect(),
    })
    .collect()
}

#[derive(Serialize)]
pub(super) struct Opens<'a> {
    total: u64,
    failed: u64,
    /// Opens that were counted and are no longer kept, of all processes.
    not_kept: u64,
    events: OpenEvents<'a>,
}

impl<'a> Opens<'a> {
    pub(super) fn of(selection: &'a Selection<'a>) -> Self {
        let (total, failed) = selection.open_counts();
        let not_kept = selection.model.opens.forgotten();
        Self { total, failed, not_kept, events: OpenEvents(selection) }
    }
}

struct OpenEvents<'a>(&'a Selection<'a>);

/// One file open, as the report and the trace give it.
#[derive(Serialize)]
pub(crate) struct OpenOut<'a> {
    time_ns: i64,
    pid: u32,
    tid: u32,
    comm: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    unresolved: bool,
    #[serde(skip_serializing_if = "is_false")]
    cut: bool,
    #[serde(skip_serializing_if = "is_false")]
    unreadable: bool,
    flags: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fd: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<Cow<'static, str>>,
    duration_ns: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(mark: &bool) -> bool {
    !mark
}

impl Serialize for OpenEvents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let watched = &self.0.model.watched;
        let began =
            |event: &OpenEvent| watched.realtime_offset_ns.saturating_add_unsigned(event.time_ns);
        serializer.collect_seq(
            self.0
                .last_opens()
                .map(|row| OpenOut::of(&row.event, began(&row.event), &watched.arch)),
        )
    }
}

impl<'a> OpenOut<'a> {
    /// An open that began at `time_ns` of the wall clock, on a machine of this architecture.
    pub(crate) fn of(event: &'a OpenEvent, time_ns: i64, arch: &str) -> Self {
        Self {
            time_ns,
            pid: event.pid,
            tid: event.tid,
            comm: &event.comm,
            path: &event.path.text,
            unresolved: event.path.unresolved,
            cut: event.path.cut,
            unreadable: event.path.unreadable,
            flags: open_flags(arch, event.flags),
            fd: event.result.ok(),
            errno: event.result.err().map(errno_name),
            duration_ns: event.duration_ns,
        }
    }
}
