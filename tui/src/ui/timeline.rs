//! The timeline: curves of what happened, and an axis with the position, the range and the losses.
//! Every mark is a character of its own; colours only repeat what it says.

use super::theme::{Role, Theme};
use super::widgets::put;
use crate::app::App;
use crate::app::derive::timeline::{self, Strip};
use crate::app::pane::Pane;
use crate::app::time::{TimelineArea, words};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Heights of a bar, of eight.
const BARS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Where the position and the range are, in columns.
struct Marks {
    position: usize,
    /// First and last column of what the panes show.
    shown: (usize, usize),
    start: Option<usize>,
    end: Option<usize>,
}

impl Marks {
    fn new(app: &App, strip: &Strip) -> Option<Self> {
        let time = &app.time;
        let at = |boundary| strip.column_before(time.timeline.time_at(boundary));
        let after = |boundary| strip.column_before(time.timeline.time_at(boundary) + 1);
        let span = time.wanted()?;
        Some(Self {
            position: at(span.end),
            shown: (after(span.start).min(at(span.end)), at(span.end)),
            start: time.marks.start.map(after),
            end: time.marks.end.map(at),
        })
    }

    fn shows(&self, column: usize) -> bool {
        (self.shown.0..=self.shown.1).contains(&column)
    }
}

/// Draws the timeline.
pub fn draw(app: &App, area: &TimelineArea, theme: &Theme, buffer: &mut Buffer) {
    let strip = &app.derived.timeline;
    let Some(marks) = Marks::new(app, strip).filter(|_| !area.area.is_empty()) else { return };
    let focus = app.view().focus;
    let shown: &[Pane] = match area.series() {
        0 => &[],
        1 => &[focus],
        _ => &Pane::ALL,
    };
    for (y, pane) in (area.area.y..).zip(shown) {
        let row = Rect { y, height: 1, ..area.area };
        draw_series(app, *pane, &marks, area, row, theme, buffer);
    }
    let axis = Rect { y: area.area.bottom() - 1, height: 1, ..area.area };
    draw_axis(app, &marks, area, axis, theme, buffer);
}

fn draw_series(
    app: &App,
    pane: Pane,
    marks: &Marks,
    area: &TimelineArea,
    row: Rect,
    theme: &Theme,
    buffer: &mut Buffer,
) {
    let (strip, chart) = (&app.derived.timeline, area.chart());
    let role = if app.view().focus == pane { Role::Strong } else { Role::Text };
    let name = match area.left() {
        ..=1 => "",
        left => timeline::name(pane, app.is_narrowed(), left),
    };
    let is_off = app.off_reason(pane).is_some();
    put(buffer, row.x + 1, row.y, area.left() - 1, name, theme.style(role));
    for (x, (index, column)) in (chart.x..chart.right()).zip(strip.columns.iter().enumerate()) {
        let (bar, role) = match column.rates {
            Some(rates) if !is_off => (BARS[strip.level(pane, rates[pane.index()])], Role::Bar),
            _ => ("·", Role::Quiet),
        };
        let mut style = theme.style(role);
        if !marks.shows(index) {
            style = style.add_modifier(Modifier::DIM);
        }
        put(buffer, x, row.y, 1, bar, style);
    }
    if area.right() > 1 {
        let value = timeline::value(pane, strip.maxima[pane.index()]);
        let (most, role) = match area.right() {
            _ if is_off => ("off".to_owned(), Role::Warn),
            ..14 => (value, Role::Text),
            14.. => (format!("max {value}"), Role::Text),
        };
        put(buffer, chart.right() + 1, row.y, area.right() - 1, &most, theme.style(role));
    }
}

/// The axis: what the panes show is a heavy line, what they do not a light one.
fn draw_axis(
    app: &App,
    marks: &Marks,
    area: &TimelineArea,
    row: Rect,
    theme: &Theme,
    buffer: &mut Buffer,
) {
    let (strip, chart) = (&app.derived.timeline, area.chart());
    if area.left() > 1 {
        let start = words::time_of_day(app, strip.start_ns);
        put(buffer, row.x + 1, row.y, area.left() - 1, &start, theme.style(Role::Text));
        let end = words::time_of_day(app, strip.end_ns);
        put(buffer, chart.right() + 1, row.y, area.right() - 1, &end, theme.style(Role::Text));
    }
    for (x, index) in (chart.x..chart.right()).zip(0..) {
        let (sign, style) = sign(strip, marks, index, theme);
        put(buffer, x, row.y, 1, sign, style);
    }
    draw_position(app, marks, chart, row, theme, buffer);
}

/// What stands on the axis in a column: what is rare goes before what is common.
fn sign(strip: &Strip, marks: &Marks, index: usize, theme: &Theme) -> (&'static str, Style) {
    let column = strip.columns.get(index).copied().unwrap_or_default();
    let shown = marks.shows(index);
    match index {
        _ if index == marks.position && column.lost => ("◈", theme.style(Role::Bad)),
        _ if index == marks.position => ("◆", theme.style(Role::Key)),
        _ if column.lost => ("!", theme.style(Role::Bad)),
        _ if marks.start == Some(index) => ("[", theme.style(Role::Key)),
        _ if marks.end == Some(index) => ("]", theme.style(Role::Key)),
        _ if column.gap && shown => ("╍", theme.style(Role::Warn)),
        _ if column.gap => ("┄", theme.style(Role::Warn)),
        _ if shown => ("━", theme.style(Role::Strong)),
        _ => ("─", theme.style(Role::Rule)),
    }
}

/// The time of the position, beside its mark, where nothing else would be hidden.
fn draw_position(
    app: &App,
    marks: &Marks,
    chart: Rect,
    row: Rect,
    theme: &Theme,
    buffer: &mut Buffer,
) {
    let time = app.time.position().map_or(0, |position| app.time.timeline.time_at(position));
    let said = format!(" {} ", words::time_of_day(app, time));
    let width = said.len() as u16;
    if chart.width < 4 * width {
        return;
    }
    let at = chart.x + marks.position as u16;
    let right = (at + 1 + width <= chart.right()).then_some(at + 1);
    let left = at.checked_sub(width).filter(|x| *x >= chart.x);
    let plain = |x: &u16| (*x..x + width).all(|x| matches!(buffer[(x, row.y)].symbol(), "━" | "─"));
    if let Some(x) = right.filter(plain).or(left.filter(plain)) {
        buffer.set_style(Rect { x, width, ..row }, Style::reset());
        put(buffer, x, row.y, width, &said, theme.style(Role::Strong));
    }
}
