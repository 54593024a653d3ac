//! What has changed: what is to be made anew, and whether to draw.

use super::pane::Pane;
use super::state::{App, Notice};
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
        self.model_stale();
        self.changed = true;
    }

    /// As [`App::model_changed`], where that is not to be drawn for its own sake.
    pub(super) fn model_stale(&mut self) {
        self.stale_matching = true;
        self.stale = [true; 4];
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

    /// After a batch: it is to be drawn. Where it changes numbers only, it may wait for the next: four times
    /// a second nobody can read them, and most of what an idle screen costs is to draw it.
    pub(super) fn batch_changed(&mut self, batch: &Batch) {
        let may_wait = !batch.has_events() && batch.window_ns < READABLE_NS;
        self.held = may_wait && !self.held;
        self.changed |= !self.held;
    }

    /// Whether there is something new to draw.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// As [`App::is_changed`], and from now on there is not.
    pub fn take_changed(&mut self) -> bool {
        self.held &= !self.changed;
        std::mem::take(&mut self.changed)
    }
}
