//! The stream of file opens.

use super::{ProcKey, Processes, Rate, Ticks};
use crate::source::OpenEvent;
use std::collections::VecDeque;

/// Bytes of text (paths and names) that an open has at most on the average of all that are kept: when
/// there are more, fewer opens are kept. A path has up to 4,096, and four times that where all of it
/// is escaped.
pub const TEXT_OF_AN_OPEN: usize = 1_024;

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
    /// Bytes of text of all rows.
    text: usize,
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
            self.text += text_of(&event);
            self.rows.push_back(OpenRow { number: self.total, process, event });
            self.total += 1;
        }
        let text_bound = bound.saturating_mul(TEXT_OF_AN_OPEN);
        while (self.rows.len() > bound || self.text > text_bound)
            && let Some(oldest) = self.rows.pop_front()
        {
            self.text -= text_of(&oldest.event);
        }
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

fn text_of(event: &OpenEvent) -> usize {
    event.path.text.len() + event.comm.len()
}
