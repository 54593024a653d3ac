//! The CPU profile pane: flame graph or top functions.

use super::{counted, least, table};
use crate::app::App;
use crate::app::flame::{BoxInfo, info, layout, search_summary};
use crate::app::layout::PaneArea;
use crate::app::pane::Pane;
use crate::flame::Measure;
use crate::text;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::flame;
use crate::ui::widgets::put;
use crate::ui::widgets::table::Cell;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(super) fn totals(app: &App) -> Vec<(String, Role)> {
    let graph = &app.derived.profile;
    let least = least(app);
    if app.view().wall {
        return wall_totals(app, least);
    }
    let samples = (format!(" {least}{} ", counted(graph.samples, "sample")), Role::Strong);
    let mut totals = match graph.ends.complete_share() {
        // Whatever else has no room then.
        Some(share) if share < COMPLETE_ENOUGH => {
            let warning = format!(" stacks {} complete ", text::percent(share));
            vec![(warning, Role::Warn), (format!("·{}", samples.0), samples.1)]
        }
        Some(share) => {
            vec![samples, (format!("· stacks {} complete ", text::percent(share)), Role::Text)]
        }
        None => vec![samples],
    };
    totals.extend([
        (format!("· {} Hz ", app.model().watched.frequency_hz), Role::Text),
        (format!("· {} ", text::rate(graph.rate)), Role::Text),
    ]);
    totals
}

/// Below this share of complete stacks the graph misleads.
const COMPLETE_ENOUGH: f64 = 0.95;

/// All time of the threads, and how much of it in which state.
fn wall_totals(app: &App, least: &str) -> Vec<(String, Role)> {
    let (graph, model) = (&app.derived.profile, app.model());
    let (total, times) = (graph.tree.total(), graph.times);
    // What processes had that are forgotten is in no flame graph.
    let forgotten = model.profile.forgotten > 0 || model.offcpu.forgotten.processes > 0;
    let least = if forgotten && app.view().process.is_none() { "≥" } else { least };
    let share = |ns: u64| text::percent(ns as f64 / total.max(1) as f64);
    let mut pieces = vec![(format!(" wall clock {least}{} ", text::duration(total)), Role::Strong)];
    if app.off_reason(Pane::Offcpu).is_some() {
        pieces.push(("· running only: the off-CPU probe is off ".to_owned(), Role::Warn));
        return pieces;
    }
    for (ns, name) in
        [(times.running, "running"), (times.waiting, "runq"), (times.blocked, "blocked")]
    {
        pieces.push((format!("· {} {name} ", share(ns)), Role::Text));
    }
    pieces
}

pub(super) fn draw(app: &App, area: &PaneArea, theme: &Theme, buffer: &mut Buffer) {
    if app.view().functions {
        draw_functions(app, area.body, theme, buffer);
        return;
    }
    let boxes = layout(app.tree(), area.flame(), &app.view().flame);
    flame::draw(&boxes, &theme.flame(), buffer);
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

/// Columns that the name of a box gets at least.
const NAME_MIN: usize = 10;

/// The selected box: numbers and name in the first line, where it is from in the second.
fn draw_foot(app: &App, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let (tree, view) = (app.tree(), &app.view().flame);
    let Some(selected) = info(tree, view).filter(|_| !area.is_empty()) else { return };
    let mut x = area.x;
    let mut write = |x: &mut u16, y: u16, text: &str, role| {
        *x = put(buffer, *x, y, area.right().saturating_sub(*x), text, theme.style(role));
    };
    if let Some(found) = search_summary(tree, view) {
        write(&mut x, area.y, &format!("{found} · "), Role::Warn);
    }
    let numbers = format!(
        "{} total, {} self · ",
        text::percent(selected.total_share),
        text::percent(selected.own_share)
    );
    // Where the name has no room beside what the search found, the name tells more.
    if text::width(&numbers) + NAME_MIN <= usize::from(area.right().saturating_sub(x)) {
        write(&mut x, area.y, &numbers, Role::Text);
    }
    let room = usize::from(area.right().saturating_sub(x));
    let name = match text::width(&selected.name) > room {
        true => text::fit(&selected.name, room),
        false => selected.name.clone(),
    };
    write(&mut x, area.y, &name, Role::Strong);
    let (mut x, y) = match area.height {
        1 => (x + 2, area.y),
        _ => (area.x, area.y + 1),
    };
    // What is cut in the middle says something else, or nothing.
    let mut gap = "";
    for part in origin(&selected) {
        let part = format!("{gap}{part}");
        if text::width(&part) > usize::from(area.right().saturating_sub(x)) {
            continue;
        }
        write(&mut x, y, &part, Role::Quiet);
        gap = " · ";
    }
}

fn origin(info: &BoxInfo) -> Vec<String> {
    let mut parts: Vec<_> = info.module.iter().chain(&info.location).cloned().collect();
    if parts.is_empty() && info.kind != info.name {
        parts.push(info.kind.to_owned());
    }
    parts.push(match info.measure {
        Measure::Cpu => {
            format!("{}, {} self", counted(info.total, "sample"), text::count(info.own))
        }
        Measure::OffCpu | Measure::Wall => {
            format!("{}, {} self", text::duration(info.total), text::duration(info.own))
        }
    });
    parts
}
