//! Rows of the off-CPU pane: processes, or the places where one process waits.

use super::waits::Idle;
use super::{Folded, Scope, comm, sort_by_key, sort_rows};
use crate::app::table::{Column, Order, RowId, Sort};
use crate::model::{ForgottenWaits, Model, OffcpuStats, Place, ProcKey, WaitSums};
use crate::source::StackId;
use crate::sums::AddUp;
use std::cmp::Ordering;
use std::ops::Range;

const BLOCKED: Column = Column::number("BLOCKED", 8, 0);
const DISK: Column = Column::number("DISK", 6, 3);
const RUNQ: Column = Column::number("RUNQ", 6, 0);
const WAITS: Column = Column::number("WAITS", 6, 4);
const NOW: Column = Column::number("NOW", 4, 2);

/// Columns of the processes.
pub const PROCESS_COLUMNS: &[Column] = &[
    Column::PID,
    Column::COMM,
    BLOCKED,
    DISK,
    RUNQ,
    WAITS,
    NOW,
    Column { roomy: Some((58, 20)), ..Column::text("WHERE", 16, u16::MAX, 1, Order::None) },
];

/// Columns of the places of one process.
pub const PLACE_COLUMNS: &[Column] = &[
    BLOCKED,
    RUNQ,
    WAITS,
    NOW,
    Column::text("STATE", 8, 8, 1, Order::Ascending),
    Column::text("WHERE", 12, u16::MAX, 0, Order::None),
];

/// One process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessRow {
    /// The process.
    pub key: ProcKey,
    /// All its waits.
    pub stats: OffcpuStats,
    /// Time blocked in the uninterruptible state, mostly on disk, in ns.
    pub disk_ns: u64,
    /// Where it spent the most time off the CPU, of the places that are known; only from
    /// [`Rows::look_up_places`] on.
    pub hottest: Option<Place>,
    /// None of its waits has ended, and all are where programs wait for work by design: no
    /// time blocked there tells of trouble, and there was none on a run queue.
    pub idle: bool,
}

impl ProcessRow {
    fn new(model: &Model, (key, sums): (ProcKey, WaitSums), idle: &mut Idle<'_>) -> Self {
        let stats = sums.stats;
        let idle = stats.waits == 0 && stats.runqueue_ns == 0 && idle.are_all_idle(model, key);
        Self { key, stats, disk_ns: sums.disk_ns, hottest: None, idle }
    }
}

/// The place of the most time, of those that are known: one that is known tells more than one that is
/// not, however hot.
fn hottest(places: &[(Place, OffcpuStats)]) -> Option<Place> {
    let heat = |(place, stats): &(Place, OffcpuStats)| {
        let known = place.kernel_stack.max(place.user_stack) >= StackId::FIRST;
        (known, stats.blocked_ns.saturating_add(stats.runqueue_ns), *place)
    };
    places.iter().map(heat).max().map(|(_, _, place)| place)
}

/// The processes that ended some time ago, added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct EndedRow {
    /// How many there are.
    pub processes: usize,
    /// Their waits.
    pub stats: OffcpuStats,
    /// Time blocked in the uninterruptible state, in ns.
    pub disk_ns: u64,
}

impl EndedRow {
    fn add_forgotten(&mut self, forgotten: &ForgottenWaits) {
        self.processes += forgotten.processes;
        self.stats.add(&forgotten.stats);
        self.disk_ns.add_up(forgotten.disk_ns);
    }

    fn add(&mut self, row: &ProcessRow) {
        self.processes += 1;
        self.stats.add(&row.stats);
        self.disk_ns.add_up(row.disk_ns);
    }
}

/// One place where a process waits.
#[derive(Clone, Copy, Debug)]
pub struct PlaceRow {
    /// The place.
    pub place: Place,
    /// Its waits.
    pub stats: OffcpuStats,
}

/// The rows, and what they add up to.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Processes; empty in the detail of one.
    pub processes: Vec<ProcessRow>,
    /// The last row.
    pub ended: Option<EndedRow>,
    /// The idle ones come last, from this one on: only where that parts them from others.
    pub idle_from: Option<usize>,
    /// Places of the one process.
    pub places: Vec<PlaceRow>,
    /// All rows.
    pub total: OffcpuStats,
}

impl Rows {
    /// Makes the rows.
    pub fn derive(model: &Model, scope: Scope<'_>, sort: Sort) -> Self {
        match scope.process {
            Some(key) => Self::of_process(model, key, sort),
            None => Self::of_all(model, scope, sort),
        }
    }

    fn of_all(model: &Model, scope: Scope<'_>, sort: Sort) -> Self {
        let mut rows = Self::default();
        let folded = Folded::of(model);
        let mut idle = Idle::new(&model.stacks);
        let all = model.offcpu.sums(model.now_ns).filter(|(key, _)| scope.accepts(*key));
        for process in all {
            let row = ProcessRow::new(model, process, &mut idle);
            rows.total.add(&row.stats);
            match folded.has(row.key) {
                true => rows.ended.get_or_insert_default().add(&row),
                false => rows.processes.push(row),
            }
        }
        let forgotten = &model.offcpu.forgotten;
        if scope.is_everything() && forgotten.processes > 0 {
            rows.ended.get_or_insert_default().add_forgotten(forgotten);
            rows.total.add(&forgotten.stats);
        }
        rows.sort(model, sort);
        if sort.unasked {
            // Stable: those that only waited for work come after the others, in the same order.
            rows.processes.sort_by_key(|row| row.idle);
            let from = rows.processes.partition_point(|row| !row.idle);
            rows.idle_from = (0 < from && from < rows.processes.len()).then_some(from);
        }
        rows
    }

    fn sort(&mut self, model: &Model, sort: Sort) {
        let (rows, key) = (&mut self.processes, |row: &ProcessRow| row.key);
        match PROCESS_COLUMNS[sort.column].title {
            "BLOCKED" => sort_by_key(rows, sort, |row| row.stats.blocked_ns, key),
            "RUNQ" => sort_by_key(rows, sort, |row| row.stats.runqueue_ns, key),
            "WAITS" => sort_by_key(rows, sort, |row| row.stats.waits, key),
            "NOW" => sort_by_key(rows, sort, |row| row.stats.waiting, key),
            "DISK" => sort_by_key(rows, sort, |row| row.disk_ns, key),
            "COMM" => sort_by_key(rows, sort, |row| comm(model, row.key), key),
            _ => sort_by_key(rows, sort, key, key),
        }
    }

    /// Looks up where these processes wait: those that are visible, for each is work.
    pub fn look_up_places(&mut self, model: &Model, visible: Range<usize>) {
        let (end, mut places) = (visible.end.min(self.processes.len()), Vec::new());
        for row in &mut self.processes[visible.start.min(end)..end] {
            model.offcpu.places_into(row.key, model.now_ns, &mut places);
            row.hottest = hottest(&places);
        }
    }

    fn of_process(model: &Model, key: ProcKey, sort: Sort) -> Self {
        let mut rows = Self::default();
        for (place, stats) in model.offcpu.places(key, model.now_ns) {
            rows.total.add(&stats);
            rows.places.push(PlaceRow { place, stats });
        }
        let title = PLACE_COLUMNS[sort.column].title;
        let compare = |a: &PlaceRow, b: &PlaceRow| {
            compare_stats(&a.stats, &b.stats, title)
                .unwrap_or_else(|| a.place.state.cmp(&b.place.state))
        };
        sort_rows(&mut rows.places, sort, compare, |row| row.place);
        rows
    }

    pub(super) fn len(&self) -> usize {
        self.processes.len() + self.places.len() + usize::from(self.ended.is_some())
    }

    pub(super) fn id(&self, index: usize) -> RowId {
        match (self.places.get(index), self.processes.get(index)) {
            (Some(row), _) => RowId::Place(row.place),
            (None, Some(row)) => RowId::Process(row.key),
            (None, None) => RowId::Ended,
        }
    }
}

fn compare_stats(a: &OffcpuStats, b: &OffcpuStats, title: &str) -> Option<Ordering> {
    Some(match title {
        "BLOCKED" => a.blocked_ns.cmp(&b.blocked_ns),
        "RUNQ" => a.runqueue_ns.cmp(&b.runqueue_ns),
        "WAITS" => a.waits.cmp(&b.waits),
        "NOW" => a.waiting.cmp(&b.waiting),
        _ => return None,
    })
}
