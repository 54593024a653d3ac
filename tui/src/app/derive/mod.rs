//! What the panes show, made of the model: filtered, sorted, summed. Done when something changed,
//! not when it is drawn.

pub mod offcpu;
pub mod opens;
pub mod profile;
#[cfg(test)]
mod properties;
pub mod syscalls;
pub mod timeline;
pub mod waits;

use super::pane::Pane;
use super::table::{RowId, Sort};
use crate::filter::{Candidate, Filter};
use crate::model::{Model, ProcKey};
use rustc_hash::FxHashSet;
use std::cmp::Ordering;

/// Which processes are shown.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Only this one, whatever the filter says.
    pub process: Option<ProcKey>,
    /// Only these; `None` for all.
    pub matching: Option<&'a FxHashSet<ProcKey>>,
}

impl<'a> Scope<'a> {
    /// Whether a process is shown.
    pub fn accepts(&self, key: ProcKey) -> bool {
        match (self.process, self.matching) {
            (Some(process), _) => process == key,
            (None, Some(matching)) => matching.contains(&key),
            (None, None) => true,
        }
    }

    /// The processes that are shown, where not every one is.
    pub(super) fn chosen(&self) -> impl Iterator<Item = ProcKey> + use<'a> {
        let matching = self.matching.filter(|_| self.process.is_none());
        self.process.into_iter().chain(matching.into_iter().flatten().copied())
    }

    /// Whether every process is shown.
    pub fn is_everything(&self) -> bool {
        self.process.is_none() && self.matching.is_none()
    }
}

/// The processes that a filter accepts; `None` when it accepts all.
pub fn matching(model: &Model, filter: &Filter) -> Option<FxHashSet<ProcKey>> {
    if filter.is_empty() {
        return None;
    }
    let accepted = model.processes.iter().filter(|process| {
        filter.matches(&Candidate {
            pid: process.key.pid,
            comm: &process.comm,
            cmdline: &process.cmdline,
            lineage: &process.lineage,
        })
    });
    Some(accepted.map(|process| process.key).collect())
}

/// What happens a second, in all processes that the filter accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// System calls.
    pub calls: f64,
    /// File opens.
    pub opens: f64,
    /// Samples of the CPU profile.
    pub samples: f64,
}

impl Rates {
    /// Adds up what the panes add up when all processes are looked at.
    pub fn derive(model: &Model, matching: Option<&FxHashSet<ProcKey>>) -> Self {
        let scope = Scope { process: None, matching };
        Self {
            calls: syscalls::rate(model, scope),
            opens: opens::rate(model, scope),
            samples: profile::rate(model, scope),
        }
    }
}

/// An ended process has a row of its own for so long, in ns; then its numbers are in one row with
/// those of all that ended before it.
const ENDED_SHOWN_NS: u64 = 30_000_000_000;

/// The processes that ended so long ago that they have no rows of their own any more.
pub(super) struct Folded(FxHashSet<ProcKey>);

impl Folded {
    pub(super) fn of(model: &Model) -> Self {
        let is_old = |ended: u64| model.now_ns.saturating_sub(ended) > ENDED_SHOWN_NS;
        let ended = model.processes.iter_ended();
        Self(ended.filter(|p| p.exited_ns.is_some_and(is_old)).map(|p| p.key).collect())
    }

    pub(super) fn has(&self, key: ProcKey) -> bool {
        !self.0.is_empty() && self.0.contains(&key)
    }
}

/// The rows of all panes.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    /// System calls.
    pub syscalls: syscalls::Rows,
    /// File opens.
    pub opens: opens::Rows,
    /// Off-CPU time.
    pub offcpu: offcpu::Rows,
    /// CPU profile.
    pub profile: profile::Graph,
    /// The timeline.
    pub timeline: timeline::Strip,
}

impl Derived {
    /// Rows of a pane's table.
    pub fn len(&self, pane: Pane) -> usize {
        match pane {
            Pane::Syscalls => self.syscalls.len(),
            Pane::Opens => self.opens.len(),
            Pane::Offcpu => self.offcpu.len(),
            Pane::Profile => self.profile.functions.len(),
        }
    }

    /// Name of a row.
    pub fn id(&self, pane: Pane, index: usize) -> RowId {
        match pane {
            Pane::Syscalls => self.syscalls.id(index),
            Pane::Opens => RowId::Open(self.opens.number(index)),
            Pane::Offcpu => self.offcpu.id(index),
            Pane::Profile => RowId::Function(profile::function_id(&self.profile.functions[index])),
        }
    }

    /// Where the row of this name is.
    pub fn find(&self, pane: Pane, id: RowId) -> Option<usize> {
        match (pane, id) {
            (Pane::Opens, RowId::Open(number)) => self.opens.find(number),
            _ => (0..self.len(pane)).find(|index| self.id(pane, *index) == id),
        }
    }
}

/// Sorts rows; equal ones by `tie`, so that they do not dance.
pub(super) fn sort_rows<T, K: Ord>(
    rows: &mut [T],
    sort: Sort,
    compare: impl Fn(&T, &T) -> Ordering,
    tie: impl Fn(&T) -> K,
) {
    rows.sort_unstable_by(|a, b| {
        let order = compare(a, b);
        let order = if sort.descending { order.reverse() } else { order };
        order.then_with(|| tie(a).cmp(&tie(b)))
    });
}

/// As [`sort_rows`], by a value of each row. The values are sorted, not the rows, which are much
/// larger: each of those is moved once.
pub(super) fn sort_by_key<T: Copy, V: Ord, K: Ord>(
    rows: &mut Vec<T>,
    sort: Sort,
    value: impl Fn(&T) -> V,
    tie: impl Fn(&T) -> K,
) {
    let mut order: Vec<_> =
        rows.iter().enumerate().map(|(at, row)| (value(row), at as u32)).collect();
    order.sort_unstable_by(|(a, at_a), (b, at_b)| {
        let order = if sort.descending { b.cmp(a) } else { a.cmp(b) };
        order.then_with(|| tie(&rows[*at_a as usize]).cmp(&tie(&rows[*at_b as usize])))
    });
    let sorted = order.iter().map(|(_, at)| rows[*at as usize]).collect();
    *rows = sorted;
}

/// Name of a process, for sorting.
pub(super) fn comm(model: &Model, key: ProcKey) -> &str {
    model.processes.get(key).map_or("?", |process| &process.comm)
}
