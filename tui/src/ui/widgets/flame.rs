//! Drawing a flame graph: the root at the bottom, width by samples. Where its boxes are was decided
//! by [`crate::app::flame::layout`].

use super::put;
use crate::app::flame::{Cell, Edge, Layout, Look};
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};

/// The styles of a flame graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlamePalette {
    /// Kernel code; the two take turns, so that neighbours differ.
    pub kernel: [Style; 2],
    /// User code.
    pub user: [Style; 2],
    /// User code that was inlined.
    pub inlined: [Style; 2],
    /// Processes, threads and notes.
    pub note: [Style; 2],
    /// Time that threads ran.
    pub running: [Style; 2],
    /// Time that they waited for a CPU.
    pub waiting: [Style; 2],
    /// Time that they were blocked.
    pub blocked: [Style; 2],
    /// Boxes too narrow to draw, merged.
    pub merged: Style,
    /// The left edge of a box; on top of the style of the box.
    pub edge: Style,
    /// The right edge of a box that has nothing on its right.
    pub end: Style,
    /// Boxes below the one that is zoomed into; on top of the style of the box.
    pub below_zoom: Style,
    /// Boxes that the search found; on top of the style of the box.
    pub matched: Style,
    /// The selected box; on top of all.
    pub selected: Style,
    /// What is left out above and below.
    pub more: Style,
}

impl FlamePalette {
    /// Without colours: edges part the boxes, and the terminal's own bold, underlined and reversed
    /// mark them.
    pub const PLAIN: Self = Self {
        kernel: [Style::new(); 2],
        user: [Style::new(); 2],
        inlined: [Style::new(); 2],
        note: [Style::new(); 2],
        running: [Style::new(); 2],
        waiting: [Style::new(); 2],
        blocked: [Style::new(); 2],
        merged: Style::new().add_modifier(Modifier::DIM),
        edge: Style::new(),
        end: Style::new().add_modifier(Modifier::DIM),
        below_zoom: Style::new().add_modifier(Modifier::DIM),
        matched: Style::new().add_modifier(Modifier::BOLD.union(Modifier::UNDERLINED)),
        selected: Style::new().add_modifier(Modifier::REVERSED),
        more: Style::new().add_modifier(Modifier::DIM),
    };

    fn style(&self, cell: &Cell) -> Style {
        let shade = usize::from(cell.shade);
        let style = match cell.look {
            Look::Kernel => self.kernel[shade],
            Look::User => self.user[shade],
            Look::Inlined => self.inlined[shade],
            Look::Note => self.note[shade],
            Look::Running => self.running[shade],
            Look::Waiting => self.waiting[shade],
            Look::Blocked => self.blocked[shade],
            Look::Merged => self.merged,
        };
        let style = if cell.below_zoom { style.patch(self.below_zoom) } else { style };
        let style = if cell.matched { style.patch(self.matched) } else { style };
        if cell.selected { style.patch(self.selected) } else { style }
    }
}

/// The left edge of a box, and in the column after it the right edge.
const EDGE: &str = "▏";

/// Draws a layout where it was laid out; what is outside of `buffer` is left out.
pub fn draw(layout: &Layout, palette: &FlamePalette, buffer: &mut Buffer) {
    let area = layout.area.intersection(buffer.area);
    for cell in &layout.cells {
        if cell.ends && area.contains((cell.rect.right(), cell.rect.y).into()) {
            put(buffer, cell.rect.right(), cell.rect.y, 1, EDGE, palette.end);
        }
    }
    for cell in &layout.cells {
        let rect = cell.rect.intersection(area);
        if rect.is_empty() {
            continue;
        }
        let style = palette.style(cell);
        buffer.set_style(rect, style);
        let merged = cell.look == Look::Merged;
        let edge = if cell.selected || merged { style } else { style.patch(palette.edge) };
        put(buffer, rect.x, rect.y, 1, EDGE, edge);
        let label_at = match merged && !cell.label.is_empty() {
            true => rect.x,
            false => rect.x + 1,
        };
        put(buffer, label_at, rect.y, rect.right() - label_at, &cell.label, style);
    }
    for (edge, arrow) in [(layout.above, '↑'), (layout.below, '↓')] {
        if let Some(Edge { rect, rows }) = edge {
            let rect = rect.intersection(area);
            let label = text::fit(&format!("{arrow} {rows} more"), rect.width.into());
            put(buffer, rect.x, rect.y, rect.width, &label, palette.more);
        }
    }
}

#[cfg(test)]
mod tests;
