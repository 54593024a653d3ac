//! The CPU profile pane: flame graph or top functions.

use super::{counted, table};
use crate::app::App;
use crate::app::layout::PaneArea;
use crate::app::pane::Pane;
use crate::text;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::flame::{self, BoxInfo};
use crate::ui::widgets::put;
use crate::ui::widgets::table::Cell;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(super) fn totals(app: &App) -> Vec<(String, Role)> {
    let graph = &app.derived.profile;
    vec![
        (format!(" {} ", counted(graph.samples, "sample")), Role::Strong),
        (format!("· {} Hz ", app.model().watched.frequency_hz), Role::Text),
        (format!("· {} ", text::rate(graph.rate)), Role::Text),
    ]
}

pub(super) fn draw(app: &App, area: &PaneArea, theme: &Theme, buffer: &mut Buffer) {
    if app.view().functions {
        draw_functions(app, area.body, theme, buffer);
        return;
    }
    let layout = flame::layout(app.tree(), area.flame(), &app.view().flame);
    flame::draw(&layout, &theme.flame(), buffer);
    draw_foot(app, area.foot(), theme, buffer);
}

fn draw_functions(app: &App, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let graph = &app.derived.profile;
    let total = graph.tree.total().max(1) as f64;
    table(app, Pane::Profile).draw(area, theme, buffer, |row, title| {
        let row = &graph.functions[row];
        match title {
            "SELF" => Cell::new(text::percent(row.own as f64 / total)),
            "TOTAL" => Cell::new(text::percent(row.total as f64 / total)),
            // The end of a Rust or C++ path tells more than its start.
            "FUNCTION" if row.frame.name.contains("::") => Cell::new(&*row.frame.name).tail(),
            "FUNCTION" => Cell::new(&*row.frame.name),
            _ => Cell::of(Role::Quiet, row.frame.module.as_deref().unwrap_or("-")).tail(),
        }
    });
}

/// The selected box: numbers and name in the first line, where it is from in the second.
fn draw_foot(app: &App, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let (tree, view) = (app.tree(), &app.view().flame);
    let Some(info) = flame::info(tree, view).filter(|_| !area.is_empty()) else { return };
    let mut x = area.x;
    let mut write = |x: &mut u16, y: u16, text: &str, role| {
        *x = put(buffer, *x, y, area.right().saturating_sub(*x), text, theme.style(role));
    };
    if let Some(found) = flame::search_summary(tree, view) {
        write(&mut x, area.y, &format!("{found} · "), Role::Warn);
    }
    let numbers = format!(
        "{} total, {} self · ",
        text::percent(info.total_share),
        text::percent(info.own_share)
    );
    write(&mut x, area.y, &numbers, Role::Text);
    write(&mut x, area.y, &info.name, Role::Strong);
    let (mut x, y) = match area.height {
        1 => (x + 2, area.y),
        _ => (area.x, area.y + 1),
    };
    write(&mut x, y, &origin(&info), Role::Quiet);
}

fn origin(info: &BoxInfo) -> String {
    let mut parts: Vec<_> = info.module.iter().chain(&info.location).cloned().collect();
    if parts.is_empty() && info.kind != info.name {
        parts.push(info.kind.to_owned());
    }
    let total = counted(info.total, "sample");
    parts.push(format!("{total}, {} self", text::count(info.own)));
    parts.join(" · ")
}
