//! The tables of system calls and file opens.

use super::{COMM, DETAILS, PID, detail, more, per_second};
use crate::model::ProcKey;
use crate::model::syscalls::CallStats;
use crate::report::{Selection, by_syscall};
use crate::source::OpenPath;
use crate::sums::AddUp;
use crate::text::{count, duration, errno_name, fit, rate, syscall_name, visible};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::io::{self, Write};

pub(super) fn syscalls(selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = selection.syscalls();
    let arch = &selection.model.watched.arch;
    let (calls, errors) = selection.call_counts();
    let per_second = rate(per_second(selection, calls));
    writeln!(out, "{} calls ({per_second}), {} errors", count(calls), count(errors))?;
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{:<PID$} {:COMM$} {:>7} {:>8} {:>7} {:>7} {:>7} {:>7}",
        "PID", "COMM", "CALLS", "RATE", "ERRORS", "TIME", "P50", "P99"
    )?;
    for (key, calls) in rows.iter().take(selection.top) {
        let name = fit(selection.comm(*key), COMM);
        write!(out, "{:<PID$} {name}", key.pid)?;
        calls_line(selection, &calls.total, out)?;
        let rows = by_syscall(arch, calls);
        for (nr, stats) in rows.iter().take(DETAILS) {
            write!(out, "{}", detail(&syscall_name(arch, *nr)))?;
            calls_line(selection, stats, out)?;
        }
    }
    more(rows.len(), selection, out)
}

/// The numbers of a row, and its errors by name.
fn calls_line(selection: &Selection<'_>, stats: &CallStats, out: &mut dyn Write) -> io::Result<()> {
    let quantile = |share| stats.quantile_ns(share).map_or("-".to_owned(), duration);
    write!(
        out,
        " {:>7} {:>8} {:>7} {:>7} {:>7} {:>7}",
        count(stats.calls),
        rate(per_second(selection, stats.calls)),
        count(stats.errors),
        duration(stats.total_ns),
        quantile(0.5),
        quantile(0.99)
    )?;
    let mut errnos: Vec<_> = stats.errnos.iter().collect();
    errnos.sort_by_key(|(errno, n)| (Reverse(**n), **errno));
    for (errno, n) in errnos.iter().take(DETAILS) {
        write!(out, "  {} {}", errno_name(**errno), count(**n))?;
    }
    writeln!(out)
}

/// One line of the table of opens.
struct OpenLine<'a> {
    key: ProcKey,
    path: &'a OpenPath,
    errno: Option<u32>,
    opens: u64,
    total_ns: u64,
}

/// A stream of thousands says nothing at the end: the same opens are counted together.
pub(super) fn opens(selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (total, failed) = selection.open_counts();
    let per_second = rate(per_second(selection, total));
    write!(out, "{} opens ({per_second}), {} failed", count(total), count(failed))?;
    match selection.model.health.probe("opens").map_or(0, |probe| probe.spared) {
        0 => writeln!(out)?,
        spared => writeln!(out, "; {} more left out, to keep to the budget", count(spared))?,
    }
    let lines = open_lines(selection);
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{:<PID$} {:COMM$} {:>7} {:>7} {:12} PATH",
        "PID", "COMM", "OPENS", "MEAN", "RESULT"
    )?;
    for line in lines.iter().take(selection.top) {
        writeln!(
            out,
            "{:<PID$} {} {:>7} {:>7} {:12} {}",
            line.key.pid,
            fit(selection.comm(line.key), COMM),
            count(line.opens),
            duration(line.total_ns / line.opens),
            line.errno.map_or(Cow::Borrowed("ok"), errno_name),
            path(line.path)
        )?;
    }
    if lines.len() > selection.top {
        writeln!(out, "{:<PID$} and {} more rows", "", lines.len() - selection.top)?;
    }
    let not_kept = selection.model.opens.forgotten();
    if not_kept > 0 {
        writeln!(out, "{:<PID$} the first {} opens are not in this table", "", count(not_kept))?;
    }
    Ok(())
}

fn open_lines<'a>(selection: &Selection<'a>) -> Vec<OpenLine<'a>> {
    let mut lines: FxHashMap<_, OpenLine<'a>> = FxHashMap::default();
    for row in selection.opens() {
        let (path, errno, key) = (&row.event.path, row.event.result.err(), row.process);
        let line = lines.entry((key, &path.text, marks(path), errno)).or_insert(OpenLine {
            key,
            path,
            errno,
            opens: 0,
            total_ns: 0,
        });
        line.opens += 1;
        line.total_ns.add_up(row.event.duration_ns);
    }
    let mut lines: Vec<_> = lines.into_values().collect();
    lines.sort_unstable_by_key(|line| {
        (Reverse(line.opens), line.key, &line.path.text, line.errno, marks(line.path))
    });
    lines
}

fn marks(path: &OpenPath) -> [bool; 3] {
    [path.unresolved, path.cut, path.unreadable]
}

/// A path, and what is not known about it.
fn path(path: &OpenPath) -> String {
    let mut text = visible(&path.text).into_owned();
    for (mark, note) in [
        (path.unresolved, " (relative; its directory is not known)"),
        (path.cut, " (cut)"),
        (path.unreadable, "(could not be read)"),
    ] {
        if mark {
            text.push_str(note);
        }
    }
    text
}
