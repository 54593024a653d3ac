//! The off-CPU pane.

use super::{comm, counted, ended, least, some_duration, table};
use crate::app::App;
use crate::app::derive::waits::{short_name, telling_frames};
use crate::app::page::state_name;
use crate::app::pane::Pane;
use crate::model::{OffcpuStats, Place};
use crate::source::FrameKind;
use crate::text;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::table::{Cell, Table};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(super) fn totals(app: &App) -> Vec<(String, Role)> {
    let total = &app.derived.offcpu.total;
    let least = least(app);
    vec![
        (format!(" {least}{} blocked ", text::duration(total.blocked_ns)), Role::Strong),
        (format!("· {least}{} runq ", text::duration(total.runqueue_ns)), Role::Text),
        (format!("· {least}{} ", counted(total.waits, "wait")), Role::Text),
    ]
}

pub(super) fn draw(app: &App, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let rows = &app.derived.offcpu;
    let rule_below = rows.idle_from.map(|first| first - 1);
    let table = Table { rule_below, ..table(app, Pane::Offcpu) };
    if app.view().process.is_none() {
        table.draw(area, theme, buffer, |row, title| {
            let Some(row) = rows.processes.get(row) else {
                return rows.ended.map_or(Cell::new(""), |row| match title {
                    "PID" => ended(row.processes),
                    "DISK" => some_duration(row.disk_ns),
                    "WHERE" => Cell::new(""),
                    _ => stats(&row.stats, title),
                });
            };
            let cell = match title {
                "PID" => Cell::new(row.key.pid.to_string()),
                "COMM" => comm(app, row.key),
                "DISK" => some_duration(row.disk_ns),
                // It had no run-queue time.
                "RUNQ" if row.idle => Cell::new("idle"),
                "WHERE" => row.hottest.map_or(Cell::new("-"), |place| whence(app, &place)),
                _ => stats(&row.stats, title),
            };
            if row.idle { Cell { role: Role::Quiet, ..cell } } else { cell }
        });
        return;
    }
    table.draw(area, theme, buffer, |row, title| {
        let row = &rows.places[row];
        match title {
            "STATE" => Cell::new(state_name(row.place.state)),
            "WHERE" => whence(app, &row.place),
            _ => stats(&row.stats, title),
        }
    });
}

fn stats(stats: &OffcpuStats, title: &str) -> Cell<'static> {
    match title {
        "BLOCKED" => some_duration(stats.blocked_ns),
        "RUNQ" => some_duration(stats.runqueue_ns),
        "WAITS" => count(stats.waits),
        _ => count(stats.waiting),
    }
}

fn whence<'a>(app: &'a App, place: &Place) -> Cell<'a> {
    match telling_frames(&app.model().stacks, place) {
        (None, None) => Cell::of(Role::Quiet, "no stack"),
        (Some(leaf), Some(caller)) => {
            Cell::new(format!("{} ← {}", short_name(&leaf.name), short_name(&caller.name)))
        }
        (Some(frame), None) | (None, Some(frame)) => {
            let role = if matches!(frame.kind, FrameKind::Note | FrameKind::End) {
                Role::Quiet
            } else {
                Role::Text
            };
            Cell::of(role, short_name(&frame.name))
        }
    }
}

fn count(count: u64) -> Cell<'static> {
    let role = if count == 0 { Role::Quiet } else { Role::Text };
    Cell::of(role, text::count(count))
}
