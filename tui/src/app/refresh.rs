//! Making the state ready to be drawn: layout, rows, cursors.

use super::derive::profile::Look;
use super::derive::{self, Rates, Scope};
use super::layout::Layout;
use super::pane::{Pane, View};
use super::state::{App, Typing};
use super::typing::refusal;
use super::wrap::wrap_text;
use crate::model::Model;

fn look<'a>(view: &'a View, layout: &Layout) -> Look<'a> {
    match view.functions {
        true => Look::Functions(view.table(Pane::Profile).sort),
        false => Look::Boxes(&view.flame, layout.flame().width),
    }
}

impl App {
    /// Makes everything ready to be drawn: the layout, the rows of the panes that are visible, and
    /// where their cursors are. Does again only what has changed.
    pub fn refresh(&mut self) {
        let (lines, timeline) =
            (self.footer_lines(), self.shows_timeline() && !self.time.timeline.is_empty());
        self.layout = Layout::new(self.size, self.view(), lines, timeline);
        if let Some(area) = &self.layout.timeline {
            let (timeline, watched) = (&self.time.timeline, &self.live.watched);
            self.derived.timeline.update(timeline, watched, area.chart().width);
        }
        self.renew_matching();
        for pane in Pane::ALL {
            if self.layout.panes[pane.index()].is_some() {
                self.derive(pane);
                if pane == Pane::Profile {
                    self.show_graph();
                }
                self.settle(pane);
            }
        }
        if let Some(mut page) = self.page.take() {
            page.refresh(self);
            self.page = Some(page);
        }
    }

    /// A filter that is typed has a line for what is wrong with it; it stays when nothing is, for
    /// the panes are not to jump at every key.
    fn footer_lines(&self) -> u16 {
        match &self.typing {
            _ if self.size.height < 10 => 1,
            Some(Typing::Filter { error: Some(error), refused, .. }) => {
                let said = if *refused { refusal(error) } else { error.message.clone() };
                let room = usize::from(self.size.width.saturating_sub(2));
                2 + wrap_text(&said, room).len().min(3) as u16
            }
            Some(Typing::Filter { .. }) => 3,
            Some(Typing::Search { .. }) => 2,
            None => 1,
        }
    }

    /// What the filter accepts, and how much happens there: where it has changed.
    pub(super) fn renew_matching(&mut self) {
        if std::mem::take(&mut self.stale_matching) {
            self.matching = derive::matching(self.model(), &self.filter);
            self.rates = Rates::derive(self.model(), self.matching.as_ref());
        }
    }

    /// Makes the rows of a pane, where they have changed.
    pub(super) fn derive(&mut self, pane: Pane) {
        if !std::mem::take(&mut self.stale[pane.index()]) {
            return;
        }
        self.renew_matching();
        let model: &Model = self.still.as_ref().map_or(&self.live, |still| &still.model);
        let view = self.detail.as_ref().unwrap_or(&self.overview);
        let scope = Scope { process: view.process, matching: self.matching.as_ref() };
        let sort = view.table(pane).sort;
        let derived = &mut self.derived;
        match pane {
            Pane::Syscalls => {
                derived.syscalls = derive::syscalls::Rows::derive(model, scope, sort);
            }
            Pane::Opens => {
                derived.opens = derive::opens::Rows::derive(model, scope, view.failed_only);
            }
            Pane::Offcpu => derived.offcpu = derive::offcpu::Rows::derive(model, scope, sort),
            Pane::Profile => {
                derived.profile.update(model, scope, view.measure(), look(view, &self.layout));
            }
        }
    }

    /// Makes what is looked at of the flame graph ready, as far as it is not: boxes that are seen for
    /// the first time, for one is zoomed into, or the functions.
    pub(super) fn show_graph(&mut self) {
        let model: &Model = self.still.as_ref().map_or(&self.live, |still| &still.model);
        let view = self.detail.as_ref().unwrap_or(&self.overview);
        let scope = Scope { process: view.process, matching: self.matching.as_ref() };
        let look = look(view, &self.layout);
        self.derived.profile.show(model, scope, view.measure(), look);
    }

    fn settle(&mut self, pane: Pane) {
        let height = self.height_of(pane);
        let derived = &self.derived;
        let view = self.detail.as_mut().unwrap_or(&mut self.overview);
        view.table_mut(pane).settle(
            derived.len(pane),
            height,
            |index| derived.id(pane, index),
            |id| derived.find(pane, id),
        );
        let (from, model) = (view.table(pane).offset, self.still.as_ref());
        let model: &Model = model.map_or(&self.live, |still| &still.model);
        match pane {
            Pane::Syscalls => {
                self.derived.syscalls.look_up_latencies(model, from..from + height);
            }
            Pane::Offcpu => self.derived.offcpu.look_up_places(model, from..from + height),
            Pane::Opens | Pane::Profile => {}
        }
    }
}
