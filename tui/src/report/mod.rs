//! What `syscope report` prints: the four tables, as text for people or as one JSON document.

mod json;
mod missing;
mod text;

pub(crate) use json::OpenOut;
pub use json::{SCHEMA, document, health as health_json};
pub use missing::Missing;

use crate::filter::{Candidate, Filter};
use crate::model::syscalls::{CallStats, ProcessCalls};
use crate::model::{Model, OffcpuStats, OpenRow, Place, ProcKey, SamplePlace, StackEnds};
use crate::model::{Process, profile::ProcessSamples};
use crate::source::Health;
use crate::sums;
use crate::text::{syscall_name, write_json_line};
use rustc_hash::FxHashSet;
use std::cmp::Reverse;
use std::io::{self, BufWriter, Write};

/// Processes a table of the text shows unless told otherwise.
const TEXT_TOP: usize = 20;

/// What a report shows of what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Processes per table and, in the JSON document, stacks per process. `None`: 20 in the text,
    /// all in the JSON document.
    pub top: Option<usize>,
    /// What is missing in the capture that it is made from; `None` when nothing is.
    pub missing: Option<Missing>,
}

/// Writes what the model holds of the processes that the filter accepts as one JSON document.
pub fn write_json(
    model: &Model,
    filter: &Filter,
    options: Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    write_json_line(&document(model, filter, options), &mut out)?;
    out.flush()
}

/// The health of the probes as text for people: what was lost, a table, and what watching cost.
pub fn health_text(health: &Health) -> String {
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = text::health(health, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes what the model holds of the processes that the filter accepts as text for people.
pub fn write_text(
    model: &Model,
    filter: &Filter,
    options: Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let top = options.top.unwrap_or(TEXT_TOP);
    text::write(&Selection::new(model, filter, top), &mut out)?;
    if let Some(missing) = &options.missing {
        writeln!(out, "The capture is not whole: {missing}")?;
    }
    out.flush()
}

/// The part of a model that a report is about, in an order that does not change from run to run:
/// by weight, then by PID and name.
struct Selection<'a> {
    model: &'a Model,
    filter: &'a Filter,
    top: usize,
    accepted: FxHashSet<ProcKey>,
}

/// Off-CPU time of a process.
struct Waits {
    key: ProcKey,
    total: OffcpuStats,
    places: Vec<(Place, OffcpuStats)>,
}

impl<'a> Selection<'a> {
    fn new(model: &'a Model, filter: &'a Filter, top: usize) -> Self {
        let accepted = model
            .processes
            .iter()
            .filter(|process| filter.matches(&Candidate::from(*process)))
            .map(|process| process.key)
            .collect();
        Self { model, filter, top, accepted }
    }

    fn accepts(&self, key: ProcKey) -> bool {
        self.filter.is_empty() || self.accepted.contains(&key)
    }

    fn comm(&self, key: ProcKey) -> &'a str {
        self.model.processes.get(key).map_or("?", |process| &process.comm)
    }

    fn processes(&self) -> Vec<&'a Process> {
        let all = self.model.processes.iter();
        let mut rows: Vec<_> = all.filter(|process| self.accepts(process.key)).collect();
        rows.sort_unstable_by_key(|process| process.key);
        rows
    }

    fn syscalls(&self) -> Vec<(ProcKey, &'a ProcessCalls)> {
        let all = self.model.syscalls.iter();
        let mut rows: Vec<_> = all.filter(|(key, _)| self.accepts(*key)).collect();
        rows.sort_unstable_by_key(|(key, calls)| (Reverse(calls.total.calls), *key));
        rows
    }

    /// Calls and errors of the processes that are accepted.
    fn call_counts(&self) -> (u64, u64) {
        if self.filter.is_empty() {
            let total = &self.model.syscalls.total;
            return (total.calls, total.errors);
        }
        self.syscalls().iter().fold((0, 0), |(calls, errors), (_, of)| {
            (calls.saturating_add(of.total.calls), errors.saturating_add(of.total.errors))
        })
    }

    fn opens(&self) -> impl DoubleEndedIterator<Item = &'a OpenRow> {
        self.model.opens.rows().filter(|row| self.accepts(row.process))
    }

    /// The last opens of the processes that are accepted, as many as a table shows, oldest first.
    fn last_opens(&self) -> impl Iterator<Item = &'a OpenRow> {
        let mut rows: Vec<_> = self.opens().rev().take(self.top).collect();
        rows.reverse();
        rows.into_iter()
    }

    /// Opens of the processes that are accepted, and how many of them failed.
    fn open_counts(&self) -> (u64, u64) {
        if self.filter.is_empty() {
            return (self.model.opens.total, self.model.opens.failed);
        }
        self.opens().fold((0, 0), |(total, failed), row| {
            (total + 1, failed + u64::from(row.event.result.is_err()))
        })
    }

    fn offcpu(&self) -> Vec<Waits> {
        let keys = self.model.offcpu.processes().filter(|key| self.accepts(*key));
        let mut rows: Vec<_> = keys.map(|key| self.waits(key)).collect();
        rows.sort_unstable_by_key(|row| (heaviest(&row.total), row.key));
        rows
    }

    fn waits(&self, key: ProcKey) -> Waits {
        let mut total = OffcpuStats::default();
        let mut places: Vec<_> =
            self.model.offcpu.places(key, self.model.now_ns).into_iter().collect();
        places.iter().for_each(|(_, stats)| total.add(stats));
        places.sort_unstable_by_key(|(place, stats)| (heaviest(stats), *place));
        Waits { key, total, places }
    }

    fn profile(&self) -> Vec<(ProcKey, &'a ProcessSamples)> {
        let all = self.model.profile.iter();
        let mut rows: Vec<_> = all.filter(|(key, _)| self.accepts(*key)).collect();
        rows.sort_unstable_by_key(|(key, samples)| (Reverse(samples.total), *key));
        rows
    }

    /// How the stacks of the samples of the processes that are accepted ended.
    fn stack_ends(&self) -> StackEnds {
        StackEnds::of(self.model, |key| self.accepts(key))
    }

    /// Samples of the processes that are accepted.
    fn samples(&self) -> u64 {
        if self.filter.is_empty() {
            return self.model.profile.total;
        }
        sums::sum(self.profile().iter().map(|(_, samples)| samples.total))
    }
}

/// The longest off-CPU time comes first.
fn heaviest(stats: &OffcpuStats) -> impl Ord + use<> {
    (Reverse(stats.blocked_ns), Reverse(stats.runqueue_ns), Reverse(stats.waits))
}

/// The system calls of a process, most made first.
fn by_syscall<'a>(arch: &str, calls: &'a ProcessCalls) -> Vec<(u32, &'a CallStats)> {
    let mut rows: Vec<_> = calls.by_nr.iter().map(|(nr, stats)| (*nr, stats)).collect();
    rows.sort_by_cached_key(|(nr, stats)| (Reverse(stats.calls), syscall_name(arch, *nr)));
    rows
}

/// The places where a process was sampled, most samples first.
fn by_place(samples: &ProcessSamples) -> Vec<(&SamplePlace, u64)> {
    let mut rows: Vec<_> = samples.places.iter().map(|(place, n)| (place, *n)).collect();
    rows.sort_unstable_by_key(|(place, n)| (Reverse(*n), *place));
    rows
}

#[cfg(test)]
mod tests;
