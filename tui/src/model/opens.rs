//! The stream of file opens.

use super::{ProcKey, Processes, Rate, Ticks};
use crate::source::OpenEvent;
use std::collections::VecDeque;

/// One open, with the process it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenRow {
    /// Number of the open since the start of watching, from 0; names the row.
    pub number: u64,
    /// The process.
    pub process: ProcKey,
    /// What happened.
    pub event: OpenEvent,
}

/// The last opens, and counts of all.
#[derive(Clone, Debug, Default)]
pub struct Opens {
    rows: VecDeque<OpenRow>,
    /// Opens so far.
    pub total: u64,
    /// Opens that failed.
    pub failed: u64,
    /// Opens a second.
    pub rate: Rate,
}

impl Opens {
    pub(super) fn fold(
        &mut self,
        events: Vec<OpenEvent>,
        processes: &mut Processes,
        ticks: &Ticks,
        bound: usize,
    ) {
        self.rate.add(events.len() as u64, ticks);
        for event in events {
            self.failed += u64::from(event.result.is_err());
            let process = processes.key_of(event.pid, event.time_ns);
            self.rows.push_back(OpenRow { number: self.total, process, event });
            self.total += 1;
        }
        let excess = self.rows.len().saturating_sub(bound);
        self.rows.drain(..excess);
    }

    /// The opens that are kept, oldest first.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &OpenRow> + ExactSizeIterator {
        self.rows.iter()
    }

    /// Opens that were seen and counted but are no longer kept.
    pub fn forgotten(&self) -> u64 {
        self.total - self.rows.len() as u64
    }
}
