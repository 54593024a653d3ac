//! Rows of the syscalls pane: processes, or the calls of one process.

use super::{Folded, Scope, comm, sort_by_key, sort_rows};
use crate::app::table::{Column, Order, RowId, Sort};
use crate::model::{CallStats, ForgottenCalls, Model, ProcKey};
use crate::sums::AddUp;
use crate::text;
use std::cmp::Ordering;
use std::ops::Range;

/// Columns of the processes.
pub const PROCESS_COLUMNS: &[Column] = &[
    Column::PID,
    Column::COMM,
    Column::number("CALL/s", 7, 0),
    Column::number("CALLS", 6, 5),
    Column::number("ERR", 5, 1),
    Column::number("P50", 6, 6),
    Column::number("P99", 6, 3),
    Column::number("TIME", 6, 4),
    // On a small terminal whole names of processes tell more than cut names of calls.
    Column { roomy: Some((58, 8)), ..Column::text("TOP CALL", 10, u16::MAX, 2, Order::None) },
];

/// Columns of the calls of one process.
pub const CALL_COLUMNS: &[Column] = &[
    Column::text("CALL", 10, 24, 0, Order::Ascending),
    Column::number("CALL/s", 7, 5),
    Column::number("CALLS", 6, 0),
    Column::number("ERR", 5, 1),
    Column::number("P50", 6, 6),
    Column::number("P99", 6, 4),
    Column::number("TIME", 6, 2),
    Column::text("ERRORS", 12, u16::MAX, 3, Order::None),
];

/// Counts of a process or of one of its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Calls a second.
    pub rate: f64,
    /// Calls.
    pub calls: u64,
    /// Calls that returned an error.
    pub errors: u64,
    /// Median latency in ns.
    pub p50_ns: Option<u64>,
    /// 99th percentile of the latency in ns.
    pub p99_ns: Option<u64>,
    /// Time in calls that returned, in ns.
    pub total_ns: u64,
}

impl Counts {
    fn of(stats: &CallStats, model: &Model) -> Self {
        let mut counts = Self::without_latencies(stats, model);
        counts.look_up_latencies(stats);
        counts
    }

    fn without_latencies(stats: &CallStats, model: &Model) -> Self {
        Self {
            rate: stats.rate.per_second(&model.ticks),
            calls: stats.calls,
            errors: stats.errors,
            p50_ns: None,
            p99_ns: None,
            total_ns: stats.total_ns,
        }
    }

    fn look_up_latencies(&mut self, stats: &CallStats) {
        [self.p50_ns, self.p99_ns] = stats.quantiles_ns([0.5, 0.99]);
    }

    /// The order of two rows by the column with this title; `None` for columns not of counts.
    fn compare(&self, other: &Self, title: &str) -> Option<Ordering> {
        Some(match title {
            "CALL/s" => self.rate.total_cmp(&other.rate).then(self.calls.cmp(&other.calls)),
            "CALLS" => self.calls.cmp(&other.calls),
            "ERR" => self.errors.cmp(&other.errors),
            "P50" => self.p50_ns.cmp(&other.p50_ns),
            "P99" => self.p99_ns.cmp(&other.p99_ns),
            "TIME" => self.total_ns.cmp(&other.total_ns),
            _ => return None,
        })
    }
}

/// A number that has a place among all others.
#[derive(Clone, Copy, PartialEq)]
struct InOrder(f64);

impl Eq for InOrder {}

impl PartialOrd for InOrder {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InOrder {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// One process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessRow {
    /// The process.
    pub key: ProcKey,
    /// Its counts; its latencies only from [`Rows::look_up_latencies`] on.
    pub counts: Counts,
    /// Number of the call it makes most.
    pub top: Option<u32>,
}

/// One call of one process.
#[derive(Clone, Copy, Debug)]
pub struct CallRow {
    /// Its number.
    pub nr: u32,
    /// Its counts.
    pub counts: Counts,
}

/// The processes that ended some time ago, added up.
#[derive(Clone, Copy, Debug)]
pub struct EndedRow {
    /// How many there are.
    pub processes: usize,
    /// Their counts.
    pub counts: Counts,
}

/// The rows, and what they add up to.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Processes; empty in the detail of one.
    pub processes: Vec<ProcessRow>,
    /// The last row.
    pub ended: Option<EndedRow>,
    /// Calls of the one process.
    pub calls: Vec<CallRow>,
    /// Calls a second, all rows.
    pub rate: f64,
    /// Calls, all rows.
    pub total: u64,
    /// Errors, all rows.
    pub errors: u64,
}

impl Rows {
    /// Makes the rows.
    pub fn derive(model: &Model, scope: Scope<'_>, sort: Sort) -> Self {
        let mut rows = match scope.process {
            Some(key) => Self::of_process(model, key, sort),
            None => Self::of_all(model, scope, sort),
        };
        rows.rate = rate(model, scope);
        if scope.is_everything() {
            // Processes that are forgotten are in the total only.
            let total = &model.syscalls.total;
            (rows.total, rows.errors) = (total.calls, total.errors);
        }
        rows
    }

    fn of_all(model: &Model, scope: Scope<'_>, sort: Sort) -> Self {
        let mut rows = Self::default();
        let mut ended = Ended::default();
        let folded = Folded::of(model);
        for (key, calls) in model.syscalls.iter().filter(|(key, _)| scope.accepts(*key)) {
            let counts = Counts::without_latencies(&calls.total, model);
            rows.add(&counts);
            if folded.has(key) {
                ended.add(&counts, &calls.total);
                continue;
            }
            rows.processes.push(ProcessRow { key, counts, top: calls.top() });
        }
        rows.sort(model, sort);
        if scope.is_everything() {
            ended.add_forgotten(&model.syscalls.forgotten);
        }
        rows.ended = ended.row();
        rows
    }

    fn sort(&mut self, model: &Model, sort: Sort) {
        let (rows, key) = (&mut self.processes, |row: &ProcessRow| row.key);
        let quantile = |row: &ProcessRow, quantile| {
            model.syscalls.of(row.key).and_then(|calls| calls.total.quantile_ns(quantile))
        };
        match PROCESS_COLUMNS[sort.column].title {
            "CALL/s" => sort_by_key(rows, sort, |r| (InOrder(r.counts.rate), r.counts.calls), key),
            "CALLS" => sort_by_key(rows, sort, |row| row.counts.calls, key),
            "ERR" => sort_by_key(rows, sort, |row| row.counts.errors, key),
            "P50" => sort_by_key(rows, sort, |row| quantile(row, 0.5), key),
            "P99" => sort_by_key(rows, sort, |row| quantile(row, 0.99), key),
            "TIME" => sort_by_key(rows, sort, |row| row.counts.total_ns, key),
            "COMM" => sort_by_key(rows, sort, |row| comm(model, row.key), key),
            _ => sort_by_key(rows, sort, key, key),
        }
    }

    /// Looks the latencies of these processes up: of those that are visible, for each is work.
    pub fn look_up_latencies(&mut self, model: &Model, visible: Range<usize>) {
        let end = visible.end.min(self.processes.len());
        for row in &mut self.processes[visible.start.min(end)..end] {
            if let Some(calls) = model.syscalls.of(row.key) {
                row.counts.look_up_latencies(&calls.total);
            }
        }
    }

    fn of_process(model: &Model, key: ProcKey, sort: Sort) -> Self {
        let mut rows = Self::default();
        for (nr, stats) in model.syscalls.of(key).into_iter().flat_map(|calls| &calls.by_nr) {
            let counts = Counts::of(stats, model);
            rows.add(&counts);
            rows.calls.push(CallRow { nr: *nr, counts });
        }
        let title = CALL_COLUMNS[sort.column].title;
        let name = |nr| text::syscall_name(&model.watched.arch, nr);
        let compare = |a: &CallRow, b: &CallRow| {
            a.counts.compare(&b.counts, title).unwrap_or_else(|| name(a.nr).cmp(&name(b.nr)))
        };
        sort_rows(&mut rows.calls, sort, compare, |row| row.nr);
        rows
    }

    fn add(&mut self, counts: &Counts) {
        self.total.add_up(counts.calls);
        self.errors.add_up(counts.errors);
    }

    pub(super) fn len(&self) -> usize {
        self.processes.len() + self.calls.len() + usize::from(self.ended.is_some())
    }

    pub(super) fn id(&self, index: usize) -> RowId {
        match (self.calls.get(index), self.processes.get(index)) {
            (Some(row), _) => RowId::Call(row.nr),
            (None, Some(row)) => RowId::Process(row.key),
            (None, None) => RowId::Ended,
        }
    }
}

/// Calls a second, those of forgotten processes included where every process is shown.
pub(super) fn rate(model: &Model, scope: Scope<'_>) -> f64 {
    let per_second = |stats: &CallStats| stats.rate.per_second(&model.ticks);
    if scope.is_everything() {
        return per_second(&model.syscalls.total);
    }
    let shown = model.syscalls.iter().filter(|(key, _)| scope.accepts(*key));
    shown.map(|(_, calls)| per_second(&calls.total)).sum()
}

/// Adds ended processes up.
#[derive(Default)]
struct Ended {
    processes: usize,
    counts: Counts,
    sum: CallStats,
}

impl Ended {
    fn add(&mut self, counts: &Counts, stats: &CallStats) {
        self.processes += 1;
        self.counts.rate += counts.rate;
        self.counts.calls.add_up(counts.calls);
        self.counts.errors.add_up(counts.errors);
        self.counts.total_ns.add_up(counts.total_ns);
        for (sum, count) in self.sum.hist.iter_mut().zip(stats.hist) {
            sum.add_up(count);
        }
    }

    fn add_forgotten(&mut self, forgotten: &ForgottenCalls) {
        let stats = &forgotten.stats;
        self.processes += forgotten.processes;
        self.counts.calls.add_up(stats.calls);
        self.counts.errors.add_up(stats.errors);
        self.counts.total_ns.add_up(stats.total_ns);
        for (sum, count) in self.sum.hist.iter_mut().zip(stats.hist) {
            sum.add_up(count);
        }
    }

    fn row(self) -> Option<EndedRow> {
        let [p50_ns, p99_ns] = self.sum.quantiles_ns([0.5, 0.99]);
        let counts = Counts { p50_ns, p99_ns, ..self.counts };
        (self.processes > 0).then_some(EndedRow { processes: self.processes, counts })
    }
}
