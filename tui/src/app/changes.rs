//! What has changed: what is to be made anew, and whether to draw.

use super::pane::Pane;
use super::state::{App, Notice};
use crate::capture::Tick;
use crate::source::Batch;
use ratatui::layout::Size;

/// Numbers that change more often than this, in ns, are not read.
const READABLE_NS: u64 = 300_000_000;

impl App {
    pub(super) fn resize(&mut self, size: Size) {
        self.size = size;
        self.changed = true;
    }

    pub(super) fn model_changed(&mut self) {
        self.stale_matching = true;
        self.scope_changed();
    }

    pub(super) fn scope_changed(&mut self) {
        self.stale = [true; 4];
        self.changed = true;
    }

    pub(super) fn sort_changed(&mut self, pane: Pane) {
        self.stale[pane.index()] = true;
        self.changed = true;
    }

    /// Says something, until the next key.
    pub(super) fn say(&mut self, text: impl Into<String>, bad: bool) {
        self.notice = Some(Notice { text: text.into(), bad });
        self.changed = true;
    }

    /// Takes a batch in. One that changes numbers only waits for the next: four times a second nobody can read
    /// them, and to draw them was half of what an idle screen cost.
    pub(super) fn take_batch(&mut self, batch: Box<Batch>) {
        if self.may_wait(&batch) {
            self.held = Some(batch);
            return;
        }
        self.fold_held();
        self.fold(*batch);
    }

    /// Takes in the batch that waits, if there is one.
    pub(super) fn fold_held(&mut self) {
        if let Some(held) = self.held.take() {
            self.fold(*held);
        }
    }

    fn may_wait(&self, batch: &Batch) -> bool {
        let is_first = self.live().ticks.number() == 0;
        self.held.is_none() && !is_first && !batch.has_events() && batch.window_ns < READABLE_NS
    }

    fn fold(&mut self, batch: Batch) {
        self.time.push(Tick::of(&batch));
        self.live_mut().fold(batch);
        match self.shows_timeline() {
            // The rows stand still; the header says for how long.
            true => self.changed = true,
            false => self.model_changed(),
        }
    }

    /// Whether there is something new to draw.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// As [`App::is_changed`], and from now on there is not.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}
