//! The tables of off-CPU time and of the CPU profile.

use super::{COMM, DETAILS, PID, detail, more};
use crate::model::{OffcpuStats, ProcKey, profile::ProcessSamples};
use crate::report::{Selection, Waits, by_place};
use crate::source::{StackId, WaitState};
use crate::sums::AddUp;
use crate::text::{count, duration, fit, percent};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::hash::Hash;
use std::io::{self, Write};

/// Frames of a stack that are shown, from the leaf.
const FRAMES: usize = 6;
/// Columns of a function name.
const FUNCTION: usize = 48;

pub(super) fn offcpu(selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = selection.offcpu();
    let mut total = OffcpuStats::default();
    rows.iter().for_each(|row| total.add(&row.total));
    let (blocked, runqueue) = (duration(total.blocked_ns), duration(total.runqueue_ns));
    writeln!(out, "blocked {blocked}, waited {runqueue} for a CPU, {} waits", count(total.waits))?;
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{:<PID$} {:COMM$} {:>7} {:>8} {:>7} {:>7}",
        "PID", "COMM", "BLOCKED", "RUNQUEUE", "WAITS", "NOW"
    )?;
    for row in rows.iter().take(selection.top) {
        waits(selection, row, out)?;
    }
    more(rows.len(), selection, out)
}

fn waits(selection: &Selection<'_>, row: &Waits, out: &mut dyn Write) -> io::Result<()> {
    let line = |out: &mut dyn Write, stats: &OffcpuStats| {
        let (blocked, runqueue) = (duration(stats.blocked_ns), duration(stats.runqueue_ns));
        let (waits, waiting) = (count(stats.waits), count(stats.waiting));
        write!(out, " {blocked:>7} {runqueue:>8} {waits:>7} {waiting:>7}")
    };
    write!(out, "{:<PID$} {}", row.key.pid, fit(selection.comm(row.key), COMM))?;
    line(out, &row.total)?;
    writeln!(out)?;
    let shown = row.places.iter().map(|(place, stats)| {
        let stack = stack(selection, place.kernel_stack, place.user_stack);
        ((state(place.state), stack), *stats)
    });
    let mut alike = alike(shown, |sum, stats| sum.add(&stats));
    alike.sort_by_key(|(_, stats)| Reverse(stats.blocked_ns.saturating_add(stats.runqueue_ns)));
    for ((state, stack), stats) in alike.iter().take(DETAILS) {
        write!(out, "{}", detail(state))?;
        line(out, stats)?;
        writeln!(out, "  {stack}")?;
    }
    Ok(())
}

/// What is added up of stacks that look alike, in the order of the first of each: the same functions,
/// called from other lines or by others further out, are one line for a reader.
fn alike<L: Hash + Eq + Clone, S>(
    shown: impl Iterator<Item = (L, S)>,
    add: impl Fn(&mut S, S),
) -> Vec<(L, S)> {
    let mut places: FxHashMap<L, usize> = FxHashMap::default();
    let mut sums: Vec<(L, S)> = Vec::new();
    for (look, stats) in shown {
        match places.get(&look) {
            Some(place) => add(&mut sums[*place].1, stats),
            None => {
                places.insert(look.clone(), sums.len());
                sums.push((look, stats));
            }
        }
    }
    sums
}

fn state(state: WaitState) -> &'static str {
    match state {
        WaitState::Runnable => "[runnable]",
        WaitState::Interruptible => "[sleeping]",
        WaitState::Uninterruptible => "[disk]",
        WaitState::Stopped => "[stopped]",
        WaitState::Idle => "[idle]",
    }
}

pub(super) fn profile(selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let all = selection.samples();
    let watched = &selection.model.watched;
    let possible = selection.model.span_ns() as f64 / 1e9 * (watched.frequency_hz as f64);
    let busy = percent(all as f64 / (possible * watched.cpus as f64));
    let hz = watched.frequency_hz;
    writeln!(out, "{} samples at {hz} Hz, {busy} of the machine", count(all))?;
    let rows = selection.profile();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "{:<PID$} {:COMM$} {:>7} {:>7}", "PID", "COMM", "SAMPLES", "SHARE")?;
    for (key, samples) in rows.iter().take(selection.top) {
        sampled(selection, *key, samples, all, out)?;
    }
    more(rows.len(), selection, out)
}

fn sampled(
    selection: &Selection<'_>,
    key: ProcKey,
    samples: &ProcessSamples,
    all: u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let share = |samples: u64| percent(samples as f64 / all as f64);
    let (name, n) = (fit(selection.comm(key), COMM), samples.total);
    writeln!(out, "{:<PID$} {name} {:>7} {:>7}", key.pid, count(n), share(n))?;
    let shown = by_place(samples).into_iter().map(|(place, n)| {
        let stack = stack(selection, place.kernel_stack, place.user_stack);
        ((place.comm.as_str(), stack), n)
    });
    let mut alike = alike(shown, |sum, n| sum.add_up(n));
    alike.sort_by_key(|(_, n)| Reverse(*n));
    for ((thread, stack), n) in alike.iter().take(DETAILS) {
        let thread = detail(thread);
        writeln!(out, "{thread} {:>7} {:>7}  {stack}", count(*n), share(*n))?;
    }
    Ok(())
}

/// The innermost frames of a stack, leaf first; `|` stands between kernel and user code.
fn stack(selection: &Selection<'_>, kernel: StackId, user: StackId) -> String {
    let frames = |id| {
        let frames = selection.model.stacks.frames(id);
        let mut names: Vec<_> = frames
            .iter()
            .take(FRAMES)
            .map(|frame| fit(&frame.name, FUNCTION).trim_end().to_owned())
            .collect();
        if frames.len() > FRAMES {
            names.push("…".to_owned());
        }
        names.join(" < ")
    };
    let parts = [frames(kernel), frames(user)];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_one_line() {
        let shown = [("hot < main", 7), ("cold < main", 9), ("hot < main", 4)];
        let sums = alike(shown.into_iter(), |sum: &mut u64, n| sum.add_up(n));
        assert_eq!(sums, [("hot < main", 11), ("cold < main", 9)]);
    }
}
