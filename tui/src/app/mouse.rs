//! What the mouse does.

use super::keymap::Action;
use super::layout::PaneArea;
use super::pane::Pane;
use super::state::{App, Click};
use super::table::{Move, place_columns};
use super::update::Effect;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

/// Two clicks at one place within this many ms are a double click.
const DOUBLE_CLICK_MS: u64 = 400;
/// Lines that one step of the wheel scrolls.
const WHEEL_LINES: isize = 3;

impl App {
    pub(super) fn mouse(&mut self, mouse: MouseEvent, at_ms: u64) -> Option<Effect> {
        let step = match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => return self.click(mouse, at_ms),
            MouseEventKind::Drag(MouseButton::Left) => return self.drag(mouse),
            MouseEventKind::Up(MouseButton::Left) => {
                self.drag = None;
                return None;
            }
            MouseEventKind::ScrollUp => -WHEEL_LINES,
            MouseEventKind::ScrollDown => WHEEL_LINES,
            _ => return None,
        };
        self.refresh();
        self.changed = true;
        if self.page.is_none() && self.on_timeline(mouse) {
            return self.step_time(step.signum() as i64);
        }
        self.wheel(mouse, step);
        None
    }

    fn on_timeline(&self, mouse: MouseEvent) -> bool {
        let place = (mouse.column, mouse.row).into();
        self.layout.timeline.is_some_and(|timeline| timeline.area.contains(place))
    }

    /// What is in some columns of the timeline: boundaries around it.
    fn ticks_in(&self, first: u16, last: u16) -> (u64, u64) {
        let strip = &self.derived.timeline;
        self.time.around(strip.time_of(first.into()), strip.time_of(usize::from(last) + 1))
    }

    fn click_timeline(&mut self, mouse: MouseEvent) -> Option<Effect> {
        let column = self.layout.timeline?.column_at(mouse.column);
        self.changed = true;
        self.notice = None;
        self.drag = Some(column);
        // What is in the column is shown.
        let (_, end) = self.ticks_in(column, column);
        self.travel(|time| time.go(end))
    }

    /// A range is marked from where the button went down to where the mouse is now.
    fn drag(&mut self, mouse: MouseEvent) -> Option<Effect> {
        let from = self.drag?;
        self.refresh();
        let to = self.layout.timeline?.column_at(mouse.column);
        if to == from && self.time.marks.is_empty() {
            return None;
        }
        let (start, end) = self.ticks_in(from.min(to), from.max(to));
        self.mark_between(start, end)
    }

    fn wheel(&mut self, mouse: MouseEvent, lines: isize) {
        if let Some(page) = &mut self.page {
            return page.go(Move::Lines(lines));
        }
        match self.layout.pane_at(mouse.column, mouse.row) {
            Some((Pane::Profile, _)) if !self.view().functions => self.scroll_flame(lines),
            Some((pane, _)) => self.go_in_table(pane, Move::Lines(lines)),
            None => {}
        }
    }

    fn click(&mut self, mouse: MouseEvent, at_ms: u64) -> Option<Effect> {
        self.refresh();
        let click = Click { at_ms, column: mouse.column, row: mouse.row };
        let double = self.last_click.replace(click).is_some_and(|last| {
            (last.column, last.row) == (click.column, click.row)
                && at_ms.saturating_sub(last.at_ms) <= DOUBLE_CLICK_MS
        });
        if self.page.is_some() {
            return None;
        }
        self.drag = None;
        if self.on_timeline(mouse) {
            return self.click_timeline(mouse);
        }
        let (pane, area) = self.layout.pane_at(mouse.column, mouse.row)?;
        self.changed = true;
        self.notice = None;
        self.view_mut().focus = pane;
        let hit = if pane == Pane::Profile && !self.view().functions {
            self.click_box(mouse.column, mouse.row)
        } else {
            self.click_table(pane, &area, mouse.column, mouse.row)
        };
        if hit && double && self.typing.is_none() {
            self.last_click = None;
            return self.act(Action::Enter);
        }
        None
    }

    /// Whether a row was hit.
    fn click_table(&mut self, pane: Pane, area: &PaneArea, column: u16, row: u16) -> bool {
        let rows = area.rows();
        if row == area.body.y && row < rows.y {
            self.sort_by_head(pane, area, column);
            return false;
        }
        if !rows.contains((column, row).into()) {
            return false;
        }
        let mut table = *self.view().table(pane);
        let index = table.offset + usize::from(row - rows.y);
        let len = self.derived.len(pane);
        if index >= len {
            return false;
        }
        table.select(index, len, |index| self.derived.id(pane, index));
        *self.view_mut().table_mut(pane) = table;
        true
    }

    fn sort_by_head(&mut self, pane: Pane, area: &PaneArea, column: u16) {
        let columns = self.view().columns(pane);
        let x = column - area.body.x;
        let slots = place_columns(columns, area.body.width);
        let hit = slots.iter().find(|slot| (slot.x..=slot.x + slot.width).contains(&x));
        if let Some(slot) = hit {
            let table = self.view_mut().table_mut(pane);
            table.sort = table.sort.toggled(columns, slot.column);
            self.sort_changed(pane);
        }
    }
}
