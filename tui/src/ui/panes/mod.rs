//! The panes: title, rows, and what is said where there are none. One file a pane.

pub mod offcpu;
pub mod opens;
pub mod profile;
pub mod syscalls;

use super::theme::{Role, Theme};
use super::widgets::put;
use super::widgets::table::{Cell, Table};
use crate::app::App;
use crate::app::layout::PaneArea;
use crate::app::pane::Pane;
use crate::app::time::words;
use crate::app::wrap::wrap_text;
use crate::model::ProcKey;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws a pane.
pub fn draw(app: &App, pane: Pane, area: &PaneArea, theme: &Theme, buffer: &mut Buffer) {
    draw_title(app, pane, area, theme, buffer);
    if area.beside {
        for y in area.title.y..area.body.bottom() {
            put(buffer, area.title.x - 1, y, 1, "│", theme.style(Role::Rule));
        }
    }
    if let Some(reason) = app.off_reason(pane) {
        let text = match app.time.is_replay() {
            true => format!("This probe did not run when this was recorded: {reason}"),
            false => format!("This probe is off: {reason}"),
        };
        return draw_text(area.body, &text, Role::Warn, theme, buffer);
    }
    if is_empty(app, pane) {
        return draw_text(area.body, &why_empty(app, pane), Role::Quiet, theme, buffer);
    }
    match pane {
        Pane::Syscalls => syscalls::draw(app, area.body, theme, buffer),
        Pane::Opens => opens::draw(app, area.body, theme, buffer),
        Pane::Offcpu => offcpu::draw(app, area.body, theme, buffer),
        Pane::Profile => profile::draw(app, area, theme, buffer),
    }
}

/// The table of a pane, ready to be drawn.
fn table(app: &App, pane: Pane) -> Table<'_> {
    let view = app.view();
    Table {
        columns: view.columns(pane),
        state: view.table(pane),
        len: app.derived.len(pane),
        focused: view.focus == pane && app.page.is_none(),
        unsorted: pane == Pane::Opens,
        rule_below: None,
    }
}

fn is_empty(app: &App, pane: Pane) -> bool {
    match pane {
        Pane::Profile => app.tree().is_empty(),
        _ => app.derived.len(pane) == 0,
    }
}

fn why_empty(app: &App, pane: Pane) -> String {
    if app.model().ticks.number() == 0 {
        return nothing_read(app).to_owned();
    }
    if app.time.is_chosen() && app.model().span_ns() == 0 {
        return "nothing is between here and where the counters start: . steps on".to_owned();
    }
    let (what, none) = match pane {
        Pane::Syscalls => ("made a system call", "no system calls"),
        Pane::Opens if app.view().failed_only => ("failed to open a file", "no failed opens"),
        Pane::Opens => ("opened a file", "no opens"),
        Pane::Offcpu => ("waited", "no waits"),
        Pane::Profile if app.view().wall => ("run or waited", "no time"),
        Pane::Profile => ("run when a sample was taken", "no samples"),
    };
    let (filter, so_far) = (app.filter.text(), words::so_far(app));
    let forgotten = app.model().opens.forgotten();
    if pane == Pane::Opens && forgotten > 0 && app.matches_any() {
        let kept = app.model().opens.rows().len();
        return format!("none among the last {kept} opens; {forgotten} older ones are not kept");
    }
    match (app.view().process, app.matches_any()) {
        (Some(_), _) => format!("{none} from this process{so_far}"),
        (None, _) if app.filter.is_empty() => format!("{none}{so_far}"),
        (None, true) => {
            format!("no process that matches the filter `{filter}` has {what}{so_far}")
        }
        (None, false) => format!("no process matches the filter `{filter}`"),
    }
}

/// Why there is nothing at all.
fn nothing_read(app: &App) -> &'static str {
    match app.time.is_chosen() {
        _ if app.time.is_seeking() => "reading…",
        true if app.time.timeline.is_empty() => "nothing was recorded",
        true => "nothing up to here: . steps on",
        false if app.ended => "nothing was read",
        false => "waiting for the first data…",
    }
}

fn draw_text(area: Rect, text: &str, role: Role, theme: &Theme, buffer: &mut Buffer) {
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if inner.is_empty() {
        return;
    }
    let safe = text::visible(text);
    for (y, line) in (inner.y..inner.bottom()).zip(wrap_text(&safe, inner.width.into())) {
        put(buffer, inner.x, y, inner.width, &line, theme.style(role));
    }
}

/// The title line: a rule, heavy for the pane that has the keys, with name and totals in it.
fn draw_title(app: &App, pane: Pane, area: &PaneArea, theme: &Theme, buffer: &mut Buffer) {
    let title = area.title;
    let focused = app.view().focus == pane;
    let (rule, name_role) =
        if focused { ("━", Role::TitleFocused) } else { ("─", Role::Title) };
    let rule_role = if focused { Role::TitleFocused } else { Role::Rule };
    let end = title.right();
    let mut x = put(buffer, title.x, title.y, title.width, rule, theme.style(rule_role));
    let mut write = |x: u16, text: &str, role| {
        put(buffer, x, title.y, end.saturating_sub(x), text, theme.style(role))
    };
    let by = hidden_sort(app, pane, area.body.width);
    let names: usize = Pane::ALL.iter().map(|pane| text::width(pane.title()) + 4).sum();
    // A name that is cut tells less than the totals that else stand there.
    let room = names + by.as_ref().map_or(0, |(by, _)| text::width(by)) < title.width.into();
    if area.alone && room {
        for other in Pane::ALL {
            let (open, close) = if other == pane { ("[", "]") } else { (" ", " ") };
            let role = if other == pane { name_role } else { Role::Quiet };
            let name = format!("{open}{} {}{close}", other.index() + 1, other.title());
            x = write(x, &name, role);
        }
    } else {
        x = write(x, &format!(" {} {} ", pane.index() + 1, pane.title()), name_role);
    }
    let pieces = match app.off_reason(pane) {
        Some(_) => vec![(" off ".to_owned(), Role::Warn)],
        None => by.into_iter().chain(totals(app, pane)).collect(),
    };
    for (text, role) in pieces {
        // A total that is cut would be another number.
        if text::width(&text) > usize::from(end.saturating_sub(x)) {
            break;
        }
        x = write(x, &text, role);
    }
    let line = rule.repeat(end.saturating_sub(x).into());
    write(x, &line, rule_role);
    draw_position(app, pane, x, title, theme, buffer);
}

/// What the rows are sorted by, where its column has no room and so no head with a mark.
fn hidden_sort(app: &App, pane: Pane, width: u16) -> Option<(String, Role)> {
    let view = app.view();
    if pane == Pane::Opens || app.derived.len(pane) == 0 {
        return None;
    }
    if pane == Pane::Profile && !view.functions {
        return None;
    }
    let title = view.table(pane).sort.hidden_title(view.columns(pane), width)?;
    Some((format!(" by {title} "), Role::Strong))
}

/// What a pane's rows add up to, in pieces that are shown whole or not at all.
fn totals(app: &App, pane: Pane) -> Vec<(String, Role)> {
    match pane {
        Pane::Syscalls => syscalls::totals(app),
        Pane::Opens => opens::totals(app),
        Pane::Offcpu => offcpu::totals(app),
        Pane::Profile => profile::totals(app),
    }
}

/// At the right end of the title: which row of how many.
fn draw_position(
    app: &App,
    pane: Pane,
    after: u16,
    title: Rect,
    theme: &Theme,
    buffer: &mut Buffer,
) {
    let len = app.derived.len(pane);
    if len == 0 || (pane == Pane::Profile && !app.view().functions) {
        return;
    }
    let position = format!(" {}/{len} ", app.view().table(pane).cursor + 1);
    let width = position.len() as u16;
    if after + width < title.right() {
        let x = title.right() - width - 1;
        buffer.set_style(Rect { x, width, ..title }, Style::reset());
        put(buffer, x, title.y, width, &position, theme.style(Role::Quiet));
    }
}

/// The row for all processes that ended some time ago.
fn ended<'a>(processes: usize) -> Cell<'a> {
    Cell::of(Role::Quiet, format!("… and {processes} ended")).over()
}

/// A duration; a dot where there was none, so that what there was stands out.
fn some_duration<'a>(ns: u64) -> Cell<'a> {
    match ns {
        0 => Cell::of(Role::Quiet, "·"),
        ns => Cell::new(text::duration(ns)),
    }
}

/// Name of a process; marked where it has ended.
fn comm(app: &App, key: ProcKey) -> Cell<'_> {
    match app.model().processes.get(key) {
        Some(process) => named(&process.comm, process.exited_ns.is_some()),
        None => Cell::of(Role::Quiet, "?"),
    }
}

/// Name of a thread of a process, likewise.
fn thread<'a>(app: &App, key: ProcKey, name: &'a str) -> Cell<'a> {
    let process = app.model().processes.get(key);
    named(name, process.is_none_or(|process| process.exited_ns.is_some()))
}

fn named(name: &str, ended: bool) -> Cell<'_> {
    match ended {
        true => Cell::of(Role::Quiet, format!("†{name}")),
        false => Cell::new(name),
    }
}

/// Before a sum that is the least it can be: see [`App::sums_are_partial`].
fn least(app: &App) -> &'static str {
    if app.sums_are_partial() { "≥" } else { "" }
}

/// How many there are of something, in words.
pub(super) fn counted(count: u64, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {name}{plural}", text::count(count))
}

/// A duration, or a dash where there is none.
fn duration(ns: Option<u64>) -> String {
    ns.map_or_else(|| "-".to_owned(), text::duration)
}
