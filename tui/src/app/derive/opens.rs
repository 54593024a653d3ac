//! Rows of the opens pane: the stream, or what the filter leaves of it.

use super::Scope;
use crate::app::table::{Align, Column, Order};
use crate::model::{Model, OpenRow};

/// When an open began; to the ms where there is room.
pub const TIME: Column =
    Column { roomy: Some((70, 12)), ..Column::text("TIME", 8, 8, 4, Order::None) };
const COMM: Column = Column { order: Order::None, drop: 2, ..Column::COMM };
const PID: Column = Column { order: Order::None, drop: 3, ..Column::PID };
const RESULT: Column = Column::text("RESULT", 7, 7, 0, Order::None);
const DURATION: Column = Column { order: Order::None, ..Column::number("DUR", 6, 5) };
const PATH: Column =
    Column { align: Align::Tail, ..Column::text("PATH", 18, u16::MAX, 0, Order::None) };

/// Columns of the opens of all processes.
pub const COLUMNS: &[Column] = &[TIME, PID, COMM, RESULT, DURATION, PATH];

/// Columns of the opens of one process. Which of its threads it was is in the open's own page.
pub const PROCESS_COLUMNS: &[Column] = &[TIME, RESULT, DURATION, PATH];

/// Time over which the rate of some of the processes is counted, in ns.
const RATE_WINDOW_NS: u64 = 1_000_000_000;

/// The rows, oldest first, and what they add up to.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Numbers of the opens shown; `None`: all that are kept.
    numbers: Option<Vec<u64>>,
    /// Number of the oldest open that is kept.
    first: u64,
    /// Opens that are kept.
    kept: usize,
    /// Opens so far; of some of the processes: only among those that are kept.
    pub total: u64,
    /// Opens that failed, likewise; only they may be among the rows.
    pub failed: u64,
    /// Opens a second.
    pub rate: f64,
    /// Older opens were left out of `total` and `failed`, for they are no longer kept.
    pub partial: bool,
}

impl Rows {
    /// Makes the rows: of all opens, or only of those that failed. What they add up to is the same.
    pub fn derive(model: &Model, scope: Scope<'_>, failed_only: bool) -> Self {
        let opens = &model.opens;
        let mut rows =
            Self { first: opens.forgotten(), kept: opens.rows().len(), ..Self::default() };
        rows.rate = rate(model, scope);
        let everything = scope.is_everything();
        if everything {
            (rows.total, rows.failed) = (opens.total, opens.failed);
            if !failed_only {
                return rows;
            }
        }
        let mut numbers = Vec::new();
        for row in opens.rows().filter(|row| scope.accepts(row.process)) {
            let failed = row.event.result.is_err();
            if !everything {
                rows.total += 1;
                rows.failed += u64::from(failed);
            }
            if failed || !failed_only {
                numbers.push(row.number);
            }
        }
        rows.numbers = Some(numbers);
        rows.partial = !everything && opens.forgotten() > 0;
        rows
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.as_ref().map_or(self.kept, Vec::len)
    }

    /// Number of the open in a row.
    pub fn number(&self, index: usize) -> u64 {
        self.numbers.as_ref().map_or(self.first + index as u64, |numbers| numbers[index])
    }

    pub(super) fn find(&self, number: u64) -> Option<usize> {
        match &self.numbers {
            Some(numbers) => numbers.binary_search(&number).ok(),
            None => number.checked_sub(self.first).map(|i| i as usize).filter(|i| *i < self.kept),
        }
    }
}

/// The open with this number, if it is kept.
pub fn open(model: &Model, number: u64) -> Option<&OpenRow> {
    let index = number.checked_sub(model.opens.forgotten())?;
    model.opens.rows().nth(usize::try_from(index).ok()?)
}

/// Opens a second.
pub(super) fn rate(model: &Model, scope: Scope<'_>) -> f64 {
    match scope.is_everything() {
        true => model.opens.rate.per_second(&model.ticks),
        false => recent_rate(model, scope),
    }
}

/// Opens a second of the processes in scope: counted over the last second, or over less where the
/// opens that are kept span less.
fn recent_rate(model: &Model, scope: Scope<'_>) -> f64 {
    let ended = |row: &OpenRow| row.event.time_ns.saturating_add(row.event.duration_ns);
    let kept_since = match model.opens.forgotten() {
        0 => model.since_ns,
        _ => model.opens.rows().next().map_or(model.since_ns, ended),
    };
    let from = model.now_ns.saturating_sub(RATE_WINDOW_NS).max(kept_since);
    let recent = model.opens.rows().rev().take_while(|row| ended(row) > from);
    let count = recent.filter(|row| scope.accepts(row.process)).count();
    match model.now_ns.saturating_sub(from) {
        0 => 0.0,
        window => count as f64 * 1e9 / window as f64,
    }
}
