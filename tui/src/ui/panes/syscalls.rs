//! The syscalls pane.

use super::{comm, counted, duration, ended, least, table};
use crate::app::App;
use crate::app::derive::syscalls::Counts;
use crate::app::pane::Pane;
use crate::model::CallStats;
use crate::text;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::table::Cell;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(super) fn totals(app: &App) -> Vec<(String, Role)> {
    let rows = &app.derived.syscalls;
    let least = least(app);
    vec![
        (format!(" {} ", text::rate(rows.rate)), Role::Strong),
        (format!("· {least}{} ", counted(rows.errors, "error")), Role::Text),
        (format!("· {least}{} ", counted(rows.total, "call")), Role::Text),
    ]
}

pub(super) fn draw(app: &App, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let rows = &app.derived.syscalls;
    let table = table(app, Pane::Syscalls);
    let name = |nr| text::syscall_name(&app.model().watched.arch, nr);
    if app.view().process.is_none() {
        table.draw(area, theme, buffer, |row, title| {
            let Some(row) = rows.processes.get(row) else {
                return rows.ended.map_or(Cell::new(""), |row| match title {
                    "PID" => ended(row.processes),
                    "TOP CALL" => Cell::new(""),
                    _ => counts(&row.counts, title),
                });
            };
            match title {
                "PID" => Cell::new(row.key.pid.to_string()),
                "COMM" => comm(app, row.key),
                "TOP CALL" => Cell::new(row.top.map_or("-".into(), name)),
                _ => counts(&row.counts, title),
            }
        });
        return;
    }
    table.draw(area, theme, buffer, |row, title| {
        let row = &rows.calls[row];
        match title {
            "CALL" => Cell::new(name(row.nr)),
            "ERRORS" => Cell::new(errors(app, row.nr)),
            _ => counts(&row.counts, title),
        }
    });
}

fn counts(counts: &Counts, title: &str) -> Cell<'static> {
    match title {
        "CALL/s" => Cell::new(text::rate(counts.rate).trim_end_matches("/s").to_owned()),
        "CALLS" => Cell::new(text::count(counts.calls)),
        "ERR" => Cell::of(error_role(counts), text::count(counts.errors)),
        "P50" => Cell::new(duration(counts.p50_ns)),
        "P99" => Cell::new(duration(counts.p99_ns)),
        _ => Cell::new(text::duration(counts.total_ns)),
    }
}

/// Programs ask for what is not there all the time: errors stand out where they are the rule.
fn error_role(counts: &Counts) -> Role {
    match counts.errors {
        0 => Role::Quiet,
        errors if errors > 10 && errors * 2 > counts.calls => Role::Bad,
        _ => Role::Text,
    }
}

/// The errors of a call, the most frequent first.
fn errors(app: &App, nr: u32) -> String {
    let process = app.view().process.and_then(|key| app.model().syscalls.of(key));
    process.and_then(|calls| calls.by_nr.get(&nr)).map_or_else(String::new, errnos)
}

fn errnos(stats: &CallStats) -> String {
    let mut errnos: Vec<_> = stats.errnos.iter().collect();
    errnos.sort_by_key(|(errno, count)| (std::cmp::Reverse(**count), **errno));
    let named = |(errno, count): (&u32, &u64)| {
        format!("{} {}", text::count(*count), text::errno_name(*errno))
    };
    errnos.into_iter().map(named).collect::<Vec<_>>().join(", ")
}
