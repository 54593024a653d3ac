//! The marking of a range: from then on all panes show what happened in it, and nothing else.

use super::{Marks, words};
use crate::app::App;
use crate::app::update::Effect;
use crate::text;

impl App {
    /// Marks the start of a range: where the screen is.
    pub(in crate::app) fn mark_start(&mut self) -> Option<Effect> {
        if self.time.timeline.is_empty() {
            self.say(self.why_no_past(), true);
            return None;
        }
        let here = self.time.here();
        self.time.marks.set_start(here);
        if let Some(end) = self.time.marks.end {
            self.say_range();
            return self.travel(|time| time.go(end));
        }
        let at = words::time_of_day(self, self.time.timeline.time_at(here));
        self.say(format!("the range starts here, at {at}; go on, and ] marks its end"), false);
        // Of the live screen, what is marked is what comes now: there is nothing else to show yet.
        self.time.position()?;
        self.travel(|time| time.set(here))
    }

    /// Marks the end of a range: where the screen is.
    pub(in crate::app) fn mark_end(&mut self) -> Option<Effect> {
        let here = self.time.here();
        if here <= self.time.limits().0 {
            self.say("a range has to end behind its start: go on first", true);
            return None;
        }
        self.time.marks.set_end(here);
        self.say_range();
        self.travel(|time| time.go(here))
    }

    /// Marks what is between two boundaries, and shows it.
    pub(in crate::app) fn mark_between(&mut self, one: u64, other: u64) -> Option<Effect> {
        self.time.marks = Marks::between(one, other);
        self.say_range();
        self.travel(|time| time.go(one.max(other)))
    }

    fn say_range(&mut self) {
        let (low, high) = self.time.limits();
        let timeline = &self.time.timeline;
        let long = text::duration(timeline.time_at(high).saturating_sub(timeline.time_at(low)));
        self.say(format!("a range of {long}: all panes show it; Esc shows all again"), false);
    }

    /// Takes the range away.
    pub(in crate::app) fn clear_marks(&mut self) -> Option<Effect> {
        self.time.marks = Marks::default();
        if self.time.position().is_none() { None } else { self.travel(|time| time.chosen = true) }
    }
}
