//! What the user does with the timeline.

use super::{Replayed, Sought, Still, Time, words};
use crate::app::App;
use crate::app::page::Subject;
use crate::app::pane::Pane;
use crate::app::update::Effect;
use crate::filter::Filter;
use crate::history::{SeekError, Timeline};
use crate::model::{Model, Watched};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// What the screen is at: the words of the header, and what the keys mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// What happens now.
    Live,
    /// The live screen as it was so many ns ago, standing still.
    Paused(u64),
    /// A part of what is kept of the past, that ends so many ns ago.
    Past(u64),
    /// A capture.
    Replay,
}

impl App {
    /// The screen that replays a capture, so many ns from its start.
    pub fn replay(
        replayed: Replayed,
        timeline: Timeline,
        filter: Filter,
        time_zone: TimeZone,
        at_ns: u64,
    ) -> Self {
        let watched: Watched = replayed.header.watched.clone();
        let mut app = Self::new(watched, filter, time_zone);
        app.time = Time::replay(replayed, timeline);
        app.still = Some(Still { model: Arc::clone(&app.live), span: None });
        if at_ns > 0 {
            let start_ns = app.time.timeline.time_at(app.time.timeline.first());
            let position = app.time.timeline.boundary_at(start_ns.saturating_add(at_ns));
            app.time.go(position);
        }
        app
    }

    /// What the screen is at.
    pub fn moment(&self) -> Moment {
        let ago = |still: &Still| self.live.now_ns.saturating_sub(still.model.now_ns);
        match &self.still {
            _ if self.time.is_replay() => Moment::Replay,
            None => Moment::Live,
            Some(still) if self.time.is_chosen() => Moment::Past(ago(still)),
            Some(still) => Moment::Paused(ago(still)),
        }
    }

    /// Whether the timeline is on the screen.
    pub fn shows_timeline(&self) -> bool {
        self.still.is_some()
    }

    /// Asks for what is to be shown, where that is not shown or asked for already.
    pub fn seek(&mut self) -> Option<Effect> {
        self.changed = true;
        let shown = self.still.as_ref().and_then(|still| still.span);
        self.time.wish(shown).map(Effect::Seek)
    }

    /// Plays so many times as fast as before.
    pub(in crate::app) fn change_speed(&mut self, factor: f64) {
        let speed = self.time.play.speed() * factor;
        self.time.play.set_speed(speed);
        self.say(format!("plays {}", words::speed(self.time.play.speed())), false);
    }

    /// Plays from where it is.
    pub fn start_playing(&mut self) {
        self.time.play.start();
        self.changed = true;
    }

    /// Goes to a time of the recording, in ns from its start.
    pub fn seek_to(&mut self, at_ns: u64) -> Option<Effect> {
        let start_ns = self.time.timeline.time_at(self.time.timeline.first());
        let position = self.time.timeline.boundary_at(start_ns.saturating_add(at_ns));
        self.travel(|time| time.go(position))
    }

    /// Moves on the timeline; from the live screen too, which then stands still.
    pub(in crate::app) fn travel(&mut self, go: impl FnOnce(&mut Time)) -> Option<Effect> {
        if self.time.timeline.is_empty() {
            self.say(self.why_no_past(), true);
            return None;
        }
        self.stand_still();
        go(&mut self.time);
        self.seek()
    }

    /// There is nothing to go to.
    pub(super) fn why_no_past(&self) -> &'static str {
        match self.time.is_replay() {
            true => "nothing was recorded",
            false => "nothing of the past is kept yet",
        }
    }

    fn stand_still(&mut self) {
        if self.still.is_none() {
            self.still = Some(Still { model: Arc::clone(&self.live), span: None });
            self.derived.profile.model_replaced();
            self.time.pause_live();
            self.model_changed();
        }
    }

    /// Steps by one batch; a recording that plays stops.
    pub(in crate::app) fn step_time(&mut self, ticks: i64) -> Option<Effect> {
        self.time.play.stop();
        self.travel(|time| time.step(ticks))
    }

    /// To the start of what is kept, or of the range.
    pub(in crate::app) fn go_to_start(&mut self) -> Option<Effect> {
        self.travel(|time| time.go(time.limits().0))
    }

    /// To the end; the live screen to what happens now.
    pub(in crate::app) fn go_to_end(&mut self) -> Option<Effect> {
        if !self.time.is_replay() {
            self.return_live();
            return None;
        }
        self.travel(|time| time.go(u64::MAX))
    }

    /// Stands still, or goes on.
    pub(in crate::app) fn toggle_pause(&mut self) -> Option<Effect> {
        if self.time.play.is_on() {
            self.stop_playing();
            return None;
        }
        match self.moment() {
            Moment::Live => {
                self.stand_still();
                None
            }
            Moment::Paused(_) => {
                self.return_live();
                None
            }
            Moment::Past(_) | Moment::Replay => self.play(),
        }
    }

    fn play(&mut self) -> Option<Effect> {
        let (low, high) = self.time.limits();
        if self.time.position().is_some_and(|position| position >= high) {
            if !self.time.is_replay() && self.time.marks.end.is_none() {
                self.return_live();
                return None;
            }
            // As every player does: from its end it plays once more.
            self.time.set(low);
        }
        self.start_playing();
        self.seek()
    }

    fn stop_playing(&mut self) {
        self.time.play.stop();
        self.derived.profile.expire();
        self.sort_changed(Pane::Profile);
    }

    /// Shows what happens now.
    pub(in crate::app) fn return_live(&mut self) {
        if self.time.is_replay() {
            return;
        }
        if self.time.is_chosen() {
            self.numbers_changed();
        }
        self.time.return_live();
        self.still = None;
        self.derived.profile.model_replaced();
        self.derived.profile.expire();
        self.model_changed();
    }

    /// Time passes while the timeline is played: so many ms.
    pub(in crate::app) fn elapse(&mut self, ms: u64) -> Option<Effect> {
        let from = self.time.position().filter(|_| self.time.play.is_on())?;
        let to = self.time.play.advance(&self.time.timeline, from, ms);
        let high = self.time.limits().1;
        if to == from && to < high {
            return None;
        }
        self.time.position = Some(to.min(high));
        if to >= high {
            self.stop_playing();
            if !self.time.is_replay() && self.time.marks.end.is_none() {
                self.return_live();
                return None;
            }
        }
        self.seek()
    }

    /// Takes an answer to [`Effect::Seek`].
    pub(in crate::app) fn take_sought(&mut self, sought: Sought) -> Option<Effect> {
        self.changed = true;
        if let Some(replayed) = &mut self.time.replayed {
            replayed.losses = sought.losses;
        }
        let wanted = self.time.answered(sought.span) && self.time.position().is_some();
        match sought.model {
            Ok(model) if wanted => {
                let old = self.still.replace(Still { model, span: Some(sought.span) });
                self.derived.profile.model_replaced();
                let start = |still: Still| still.span.map(|span| span.start);
                if old.and_then(start) != Some(sought.span.start) {
                    self.numbers_changed();
                }
                if !self.time.play.is_on() {
                    self.derived.profile.expire();
                }
                self.model_changed();
                None
            }
            // What was forgotten in the meantime is not wished for again.
            Err(SeekError::Forgotten) if self.time.wanted() != Some(sought.span) => self.seek(),
            Err(error) if wanted => {
                self.time.play.stop();
                self.say(error.to_string(), true);
                None
            }
            _ => None,
        }
    }

    /// Sets the counters to zero; of the past: as from here.
    pub(in crate::app) fn clear_counters(&mut self) -> Option<Effect> {
        if self.time.is_chosen() {
            return self.mark_start();
        }
        self.fold_held();
        self.live_mut().clear();
        if let Some(still) = &mut self.still {
            Arc::make_mut(&mut still.model).clear();
        }
        self.time.clear_live();
        self.numbers_changed();
        self.model_changed();
        self.say("counters cleared", false);
        None
    }

    /// Opens are counted from 0 again: a number that was chosen names another one then.
    fn numbers_changed(&mut self) {
        for view in std::iter::once(&mut self.overview).chain(&mut self.detail) {
            view.table_mut(Pane::Opens).anchor = None;
        }
        if self.page.as_ref().is_some_and(|page| matches!(page.subject, Subject::Open(_))) {
            self.page = None;
        }
    }

    /// The model that says how well it went: with what is shown, or, where that is just a pause, with
    /// what is live.
    pub fn health_model(&self) -> &Model {
        match self.time.is_chosen() {
            true => self.model(),
            false => self.live(),
        }
    }
}
