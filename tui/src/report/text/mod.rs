//! The text for people: four tables, then what was lost.

mod calls;
mod stacks;

use super::Selection;
use crate::source::{Health, ProbeHealth, ProbeStatus, StackEnd};
use crate::text::{HEALTH_HEAD, count, duration, fit, health_rows, percent, visible};
use std::io::{self, Write};

/// System calls, errors or stacks of one process that are shown.
const DETAILS: usize = 3;
/// Columns of a PID.
const PID: usize = 8;
/// Columns of a process name: as long as the kernel keeps it.
const COMM: usize = 15;

/// Writes all tables.
pub(super) fn write(selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let model = selection.model;
    let (host, kernel) = (visible(&model.watched.host), visible(&model.watched.kernel));
    let (cpus, span) = (model.watched.cpus, duration(model.span_ns()));
    writeln!(out, "syscope report: {host}, Linux {kernel}, {cpus} CPUs, watched {span}")?;
    if !selection.filter.is_empty() {
        write!(out, "Filter: {}", visible(selection.filter.text()))?;
        match model.health.pushed_down {
            Some(n) => writeln!(out, " (processes that the kernel lets through: {n})")?,
            None => writeln!(out, " (the kernel lets every process through)")?,
        }
    }
    for (probe, title, table) in [
        ("syscalls", "Syscalls", calls::syscalls as Table),
        ("opens", "File opens", calls::opens),
        ("offcpu", "Off-CPU", stacks::offcpu),
        ("profile", "CPU profile", stacks::profile),
    ] {
        write!(out, "\n{title}: ")?;
        match model.health.probe(probe).map(|probe| &probe.status) {
            Some(ProbeStatus::Off(reason)) => writeln!(out, "off: {}", visible(reason))?,
            _ => table(selection, out)?,
        }
    }
    lost(selection, out)
}

type Table = fn(&Selection<'_>, &mut dyn Write) -> io::Result<()>;

/// Name of a row below a process's, in the columns of its PID and name.
fn detail(name: &str) -> String {
    fit(&format!("  {name}"), PID + 1 + COMM)
}

fn per_second(selection: &Selection<'_>, events: u64) -> f64 {
    events as f64 * 1e9 / selection.model.span_ns().max(1) as f64
}

fn more(rows: usize, selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    match rows.saturating_sub(selection.top) {
        0 => Ok(()),
        1 => writeln!(out, "{:<PID$} and 1 more process", ""),
        n => writeln!(out, "{:<PID$} and {n} more processes", ""),
    }
}

/// How many stacks of the CPU profile are all there, and what the others lack.
fn stack_ends(selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let ends = selection.stack_ends();
    let Some(complete) = ends.complete_share() else { return Ok(()) };
    write!(out, "Stacks of the CPU profile: {} complete", percent(complete))?;
    for end in StackEnd::ALL.into_iter().filter(|end| ends.ended(*end) > 0) {
        if let Some(note) = end.note() {
            write!(out, ", {} {note}", count(ends.ended(end)))?;
        }
    }
    writeln!(out)
}

/// What was lost, what is not known, and what watching cost.
fn lost(selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let health = &selection.model.health;
    shortfalls(health, out)?;
    stack_ends(selection, out)?;
    overhead(health, out)
}

/// The same of a watch without stacks.
pub(super) fn health(health: &Health, out: &mut dyn Write) -> io::Result<()> {
    shortfalls(health, out)?;
    overhead(health, out)
}

fn shortfalls(health: &Health, out: &mut dyn Write) -> io::Result<()> {
    if health.lost() == 0 {
        writeln!(out, "\nLost: nothing")?;
    } else {
        writeln!(out, "\nLost events and stacks: {}", count(health.lost()))?;
    }
    for probe in &health.probes {
        losses(probe, out)?;
    }
    for (n, what) in health.shortfalls() {
        if n > 0 {
            writeln!(out, "  {what}: {}", count(n))?;
        }
    }
    Ok(())
}

fn overhead(health: &Health, out: &mut dyn Write) -> io::Result<()> {
    let own = percent(health.overhead.self_cpu);
    let measured = |share| format!("{} of the machine", percent(share));
    let bpf = health.overhead.bpf_share.map_or("not measured yet".to_owned(), measured);
    writeln!(out, "Overhead: syscope {own} of one CPU; its probes: {bpf}")?;
    table(health, out)
}

/// What each probe saw, what came of it, and what it cost.
fn table(health: &Health, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{:<10}{HEALTH_HEAD}", "Health")?;
    for (probe, (name, numbers)) in health.probes.iter().zip(health_rows(health)) {
        write!(out, "{name:<10}{numbers}")?;
        match probe.sparing() {
            Some(what) => writeln!(out, "  sparing for budget: {what}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn losses(probe: &ProbeHealth, out: &mut dyn Write) -> io::Result<()> {
    let name = probe.name;
    for (n, what) in probe.shortfalls() {
        if n > 0 {
            writeln!(out, "  {name}: {what}: {}", count(n))?;
        }
    }
    match &probe.status {
        // The others say so in place of their table.
        ProbeStatus::Off(reason) if name == "lifecycle" => {
            writeln!(out, "  {name}: off: {}", visible(reason))
        }
        _ => Ok(()),
    }
}
