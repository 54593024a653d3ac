//! Where the timeline stands on the screen.

use ratatui::layout::Rect;

/// The timeline's part of the screen: rows of series, and the axis below them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimelineArea {
    /// All of it.
    pub area: Rect,
}

impl TimelineArea {
    /// Rows that the timeline takes on a screen of so many.
    pub fn rows(screen: u16) -> u16 {
        match screen {
            0..20 => 1,
            20..40 => 2,
            40.. => 5,
        }
    }

    /// Columns left of the curves: names, the time of the start.
    pub fn left(&self) -> u16 {
        match self.area.width {
            0..40 => 1,
            40..70 => 10,
            70..100 => 11,
            100.. => 16,
        }
    }

    /// Columns right of the curves: maxima, the time of the end.
    pub fn right(&self) -> u16 {
        match self.area.width {
            0..40 => 1,
            40..70 => 10,
            70.. => 14,
        }
    }

    /// The curves and their axis: one column for each stretch of time.
    pub fn chart(&self) -> Rect {
        let Rect { x, width, .. } = self.area;
        let (left, right) = (self.left(), self.right());
        Rect { x: x + left.min(width), width: width.saturating_sub(left + right), ..self.area }
    }

    /// How many series have a row.
    pub fn series(&self) -> u16 {
        self.area.height.saturating_sub(1)
    }

    /// Which column of the curves is at a place of the screen; beside them the first or the last.
    pub fn column_at(&self, x: u16) -> u16 {
        let chart = self.chart();
        x.clamp(chart.x, chart.right().max(chart.x + 1) - 1) - chart.x
    }
}
