//! The pane of file opens.

use super::{counted, table, thread};
use crate::app::App;
use crate::app::derive::opens::{TIME, open};
use crate::app::page::clock;
use crate::app::pane::Pane;
use crate::source::OpenPath;
use crate::text;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::table::Cell;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::borrow::Cow;

pub(super) fn totals(app: &App) -> Vec<(String, Role)> {
    let rows = &app.derived.opens;
    let spared = app.model().health.probe("opens").map_or(0, |probe| probe.spared);
    // Of some of the processes, only those that are kept could be counted; others were left out.
    let least = if rows.partial || spared > 0 { "≥" } else { "" };
    let mut totals = vec![(format!(" {} ", text::rate(rows.rate)), Role::Strong)];
    if spared > 0 {
        totals.push((format!("· {} left out ", text::count(spared)), Role::Warn));
    }
    if app.view().failed_only {
        totals.push(("· failed only ".to_owned(), Role::Warn));
    }
    if app.view().table(Pane::Opens).anchor.is_some() {
        totals.push(("‖ not following ".to_owned(), Role::Warn));
    }
    totals.extend([
        (format!("· {least}{} failed ", text::count(rows.failed)), Role::Text),
        (format!("· {least}{} ", counted(rows.total, "open")), Role::Text),
    ]);
    totals
}

pub(super) fn draw(app: &App, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let rows = &app.derived.opens;
    table(app, Pane::Opens).draw(area, theme, buffer, |row, title| {
        let Some(row) = open(app.model(), rows.number(row)) else { return Cell::new("") };
        let event = &row.event;
        match title {
            "TIME" => Cell::of(Role::Quiet, time(app, event.time_ns, area.width)),
            "PID" => Cell::new(event.pid.to_string()),
            "COMM" => thread(app, row.process, &event.comm),
            "RESULT" => match event.result {
                Ok(fd) => Cell::new(format!("fd {fd}")),
                Err(errno) => Cell::of(Role::Bad, text::errno_name(errno)),
            },
            "DUR" => Cell::new(text::open_duration(event.duration_ns)),
            _ => path(&event.path),
        }
    });
}

/// The time of day, as precise as the column is wide.
fn time(app: &App, monotonic_ns: u64, table_width: u16) -> String {
    let mut clock = clock(app, monotonic_ns);
    clock.truncate(TIME.widths(table_width).0.into());
    clock
}

fn path(path: &OpenPath) -> Cell<'_> {
    if path.unreadable {
        return Cell::of(Role::Warn, "(unreadable)");
    }
    let text: Cow<'_, str> = match (path.unresolved, path.cut) {
        (false, false) => path.text.as_str().into(),
        (unresolved, cut) => {
            let (before, after) = (if unresolved { "?" } else { "" }, if cut { "…" } else { "" });
            format!("{before}{}{after}", path.text).into()
        }
    };
    Cell::new(text)
}
