//! Rows of the off-CPU pane: processes, or the places where one process waits.

use super::{Scope, comm, sort_rows};
use crate::app::table::{Column, Order, RowId, Sort};
use crate::model::{Model, OffcpuStats, Place, ProcKey, Stacks};
use crate::source::{Frame, FrameKind, StackId};
use std::cmp::Ordering;
use std::sync::Arc;

const BLOCKED: Column = Column::number("BLOCKED", 8, 0);
const RUNQ: Column = Column::number("RUNQ", 7, 0);
const WAITS: Column = Column::number("WAITS", 6, 3);
const NOW: Column = Column::number("NOW", 4, 2);

/// Columns of the processes.
pub const PROCESS_COLUMNS: &[Column] = &[
    Column::PID,
    Column::text("COMM", 8, 15, 0, Order::Ascending),
    BLOCKED,
    RUNQ,
    WAITS,
    NOW,
    Column::text("WHERE", 16, u16::MAX, 1, Order::None),
];

/// Columns of the places of one process.
pub const PLACE_COLUMNS: &[Column] = &[
    BLOCKED,
    RUNQ,
    WAITS,
    NOW,
    Column::text("STATE", 7, 10, 1, Order::Ascending),
    Column::text("WHERE", 12, u16::MAX, 0, Order::None),
];

/// One process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessRow {
    /// The process.
    pub key: ProcKey,
    /// All its waits.
    pub stats: OffcpuStats,
    /// Where it spent the most time off the CPU, of the places that are known.
    pub hottest: Option<Place>,
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
        for key in model.offcpu.processes().filter(|key| scope.accepts(*key)) {
            let mut row = ProcessRow { key, stats: OffcpuStats::default(), hottest: None };
            let mut most = None;
            for (place, stats) in model.offcpu.places(key, model.now_ns) {
                row.stats.add(&stats);
                // A place that is known tells more than one that is not, however hot.
                let known = place.kernel_stack.max(place.user_stack) >= StackId::FIRST;
                let heat = (known, stats.blocked_ns + stats.runqueue_ns, place);
                if most.is_none_or(|most| heat > most) {
                    most = Some(heat);
                }
            }
            row.hottest = most.map(|(_, _, place)| place);
            rows.total.add(&row.stats);
            rows.processes.push(row);
        }
        let title = PROCESS_COLUMNS[sort.column].title;
        let compare = |a: &ProcessRow, b: &ProcessRow| {
            compare_stats(&a.stats, &b.stats, title).unwrap_or_else(|| match title {
                "COMM" => comm(model, a.key).cmp(comm(model, b.key)),
                _ => a.key.cmp(&b.key),
            })
        };
        sort_rows(&mut rows.processes, sort, compare, |row| row.key);
        rows
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
        self.processes.len() + self.places.len()
    }

    pub(super) fn id(&self, index: usize) -> RowId {
        match self.places.get(index) {
            Some(row) => RowId::Place(row.place),
            None => RowId::Process(self.processes[index].key),
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

/// Functions every wait goes through: they tell nothing about it.
const SCHEDULER: &[&str] = &[
    "__schedule",
    "schedule",
    "schedule_timeout",
    "schedule_hrtimeout",
    "schedule_hrtimeout_range",
    "schedule_hrtimeout_range_clock",
    "schedule_preempt_disabled",
    "preempt_schedule",
    "preempt_schedule_common",
    "preempt_schedule_irq",
    "preempt_schedule_notrace",
    "__cond_resched",
    "poll_schedule_timeout",
    "io_schedule",
    "io_schedule_timeout",
    "__traceiter_sched_switch",
    "asm_sysvec_apic_timer_interrupt",
];

/// The frames that tell most about a wait: the first one of the kernel that is not the scheduler
/// itself, and the first one of the program that is not the C library.
pub fn telling_frames<'m>(
    stacks: &'m Stacks,
    place: &Place,
) -> (Option<&'m Frame>, Option<&'m Frame>) {
    let kernel = stacks.frames(place.kernel_stack);
    let user = stacks.frames(place.user_stack);
    let telling = |frame: &&Arc<Frame>| {
        // The compiler's clones of a function carry a suffix: `__schedule.constprop.0`.
        let name = frame.name.split('.').next().unwrap_or_default();
        !SCHEDULER.contains(&name)
    };
    let kernel = kernel.iter().find(telling).or_else(|| kernel.first());
    let user = user.iter().find(|frame| !is_c_library(frame)).or_else(|| user.first());
    // Two notes say the same: one is enough.
    let user = user.filter(|frame| kernel.is_none() || frame.kind != FrameKind::Note);
    (kernel.map(|frame| &**frame), user.map(|frame| &**frame))
}

/// Wrappers of system calls are where every wait begins.
fn is_c_library(frame: &Frame) -> bool {
    let file = frame.module.as_deref().and_then(|module| module.rsplit('/').next());
    file.is_some_and(|file| {
        ["libc.", "libc-", "libpthread", "ld-linux", "ld-musl", "[vdso]"]
            .iter()
            .any(|library| file.starts_with(library))
    })
}
