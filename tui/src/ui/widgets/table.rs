//! A table: heads, the rows that are visible, and the cursor.

use super::put;
use crate::app::table::{Align, Column, Slot, TableState, place_columns};
use crate::text;
use crate::ui::theme::{Role, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::borrow::Cow;

/// What stands in one column of one row.
#[derive(Clone, Debug)]
pub struct Cell<'a> {
    /// The text, not yet made safe.
    pub text: Cow<'a, str>,
    /// What it means.
    pub role: Role,
    /// Its end tells more than its start.
    pub tail: bool,
    /// It goes on over the column after it.
    pub over: bool,
}

impl<'a> Cell<'a> {
    /// A cell that means nothing special.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self::of(Role::Text, text)
    }

    /// A cell with a meaning.
    pub fn of(role: Role, text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), role, tail: false, over: false }
    }
}

impl Cell<'_> {
    /// The same, cut at its start where it does not fit.
    pub fn tail(self) -> Self {
        Self { tail: true, ..self }
    }

    /// The same, over the column after it too.
    pub fn over(self) -> Self {
        Self { over: true, ..self }
    }
}

/// What a table is drawn from, besides its rows.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Its columns.
    pub columns: &'a [Column],
    /// Its selection, scrolling and sorting.
    pub state: &'a TableState,
    /// How many rows it has.
    pub len: usize,
    /// It has the keys.
    pub focused: bool,
    /// The rows have an order of their own.
    pub unsorted: bool,
    /// The rows below this one are of another kind: a line parts them.
    pub rule_below: Option<usize>,
}

impl Table<'_> {
    /// Draws the table; `cell` is asked for the cells that are visible, and for no others.
    pub fn draw<'c>(
        &self,
        area: Rect,
        theme: &Theme,
        buffer: &mut Buffer,
        mut cell: impl FnMut(usize, &'static str) -> Cell<'c>,
    ) where
        Self: 'c,
    {
        if area.is_empty() {
            return;
        }
        let slots = place_columns(self.columns, area.width);
        self.draw_heads(area, &slots, theme, buffer);
        let rows = usize::from(area.height - 1);
        for (y, row) in (area.y + 1..).zip(self.state.offset..self.len).take(rows) {
            let mut slots = slots.iter();
            while let Some(slot) = slots.next() {
                let column = &self.columns[slot.column];
                let cell = cell(row, column.title);
                let (align, width) = match (cell.tail, cell.over) {
                    (false, true) => {
                        let end = slots.next().map_or(slot.x + slot.width, |s| s.x + s.width);
                        (Align::Left, end - slot.x)
                    }
                    (tail, _) => (if tail { Align::Tail } else { column.align }, slot.width),
                };
                let text = aligned(&cell.text, align, width.into());
                put(buffer, area.x + slot.x, y, width, &text, theme.style(cell.role));
            }
            if row == self.state.cursor {
                let style = match self.focused {
                    // One even bar: reversed, each colour would be a block of its own.
                    true => Style::reset().patch(theme.style(Role::Cursor)),
                    false => theme.style(Role::CursorIdle).remove_modifier(Modifier::DIM),
                };
                buffer.set_style(Rect { y, height: 1, ..area }, style);
            }
            if self.rule_below == Some(row) {
                let line = Style::new().add_modifier(Modifier::UNDERLINED);
                buffer.set_style(Rect { y, height: 1, ..area }, line);
            }
        }
    }

    fn draw_heads(&self, area: Rect, slots: &[Slot], theme: &Theme, buffer: &mut Buffer) {
        buffer.set_style(Rect { height: 1, ..area }, theme.style(Role::Head));
        for slot in slots {
            let column = &self.columns[slot.column];
            let sorted = !self.unsorted && slot.column == self.state.sort.column;
            let mark = match (sorted, self.state.sort.descending) {
                (false, _) => "",
                (true, true) => "▼",
                (true, false) => "▲",
            };
            let head = format!("{}{mark}", column.title);
            let align = if column.align == Align::Tail { Align::Left } else { column.align };
            let text = aligned(&head, align, slot.width.into());
            let role = if sorted { Role::HeadSorted } else { Role::Head };
            put(buffer, area.x + slot.x, area.y, slot.width, &text, theme.style(role));
        }
    }
}

fn aligned(text: &str, align: Align, columns: usize) -> String {
    match align {
        Align::Left => text::fit(text, columns),
        Align::Tail => text::fit_end(text, columns),
        Align::Right => {
            let width = text::width(&text::visible(text));
            if width >= columns {
                return text::fit(text, columns);
            }
            format!("{}{}", " ".repeat(columns - width), text::visible(text))
        }
    }
}
