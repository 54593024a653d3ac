//! The header: which machine, is it live, what does watching cost, was something lost; and in the
//! detail of a process, who it is.

use super::panes::counted;
use super::theme::{Role, Theme};
use super::widgets::put;
use crate::app::App;
use crate::app::derive::Rates;
use crate::app::pane::Pane;
use crate::app::time::{Moment, words};
use crate::model::{Model, Process};
use crate::source::{Health, ProbeHealth};
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::borrow::Cow;

/// A piece of the header.
struct Piece {
    text: String,
    role: Role,
    /// What to say where room is short, before anything is left out.
    short: Option<String>,
    /// Where room is short, pieces with higher numbers go first; 0 stays.
    drop: u8,
    /// What is said instead before this is left out; and if it is, elsewhere.
    sign: Option<String>,
}

fn piece(drop: u8, role: Role, text: impl Into<String>) -> Piece {
    Piece { text: text.into(), role, short: None, drop, sign: None }
}

/// Draws the header. Gives what had no room there and must be said elsewhere: what is filtered.
pub fn draw(app: &App, area: Rect, theme: &Theme, buffer: &mut Buffer) -> Vec<String> {
    let line = |y| Rect { y, height: 1, ..area };
    match area.height {
        0 => state(app).into_iter().filter_map(|piece| piece.sign).collect(),
        1 => {
            let mut pieces = state(app);
            pieces.extend(rates(app));
            pieces.extend(machine(app));
            draw_line(pieces, line(area.y), theme, buffer)
        }
        _ => {
            let mut first = vec![piece(1, Role::Strong, "syscope")];
            first.extend(machine(app));
            first.extend(rates(app));
            draw_line(first, line(area.y), theme, buffer);
            draw_line(state(app), line(area.y + 1), theme, buffer)
        }
    }
}

/// What is shown, what was lost, what it costs, and what is filtered.
fn state(app: &App) -> Vec<Piece> {
    let model = app.health_model();
    let health = &model.health;
    let mut pieces = moment(app);
    pieces.push(lost(model));
    let bpf = health.overhead.bpf_share.map_or("-".to_owned(), text::percent);
    let own = text::percent(health.overhead.self_cpu);
    if !app.time.is_replay() {
        pieces.push(piece(2, Role::Text, format!("self {own} · bpf {bpf}")));
    }
    let sparing: Vec<_> = health.probes.iter().filter_map(ProbeHealth::sparing).collect();
    if !sparing.is_empty() {
        let long = format!("sparing for budget: {}", sparing.join(" · "));
        let short = Some("sparing".to_owned());
        pieces.push(Piece { short, ..piece(3, Role::Warn, long) });
    }
    if model.late_ticks() > 0 {
        let late = format!("late ticks {}", text::count(model.late_ticks()));
        pieces.push(piece(4, Role::Warn, late));
    }
    if !app.filter.is_empty() {
        let long = format!("filter: {}", cut(app.filter.text(), 40));
        let sign = format!("/{}", cut(app.filter.text(), SIGN));
        pieces.push(Piece { sign: Some(sign), ..piece(1, Role::Strong, long) });
    }
    if app.time.is_replay() {
        pieces.extend(recorded_filter(health));
    } else if let Some(pids) = health.pushed_down {
        let watched = counted(pids as u64, "PID");
        pieces.push(Piece {
            short: Some(watched.clone()),
            ..piece(4, Role::Text, format!("kernel watches {watched}"))
        });
    }
    pieces
}

/// What the recording left out already.
fn recorded_filter(health: &Health) -> Option<Piece> {
    let filter = Some(health.filter.as_str()).filter(|filter| !filter.trim().is_empty())?;
    let long = format!("recorded with filter: {}", cut(filter, 40));
    let sign = format!("rec /{}", cut(filter, SIGN));
    Some(Piece { sign: Some(sign), ..piece(4, Role::Warn, long) })
}

/// Columns of a filter where room is short.
const SIGN: usize = 14;

fn cut(filter: &str, columns: usize) -> String {
    text::fit(filter, text::width(&text::visible(filter)).min(columns))
}

/// Live, paused, past or replay; and when.
fn moment(app: &App) -> Vec<Piece> {
    let now_ns = app.model().now_ns;
    let mut pieces = match app.moment() {
        Moment::Replay => replay(app),
        Moment::Past(ago) => {
            let at = words::time_of_day(app, now_ns);
            let ago = text::duration(ago);
            let short = Some(format!("PAST {at}"));
            let when = piece(0, Role::Warn, format!("PAST {at}, {ago} ago"));
            let over = text::duration(app.model().span_ns());
            vec![Piece { short, ..when }, piece(5, Role::Text, format!("counters over {over}"))]
        }
        _ if app.ended => vec![piece(2, Role::Warn, "ENDED")],
        Moment::Paused(ago) => {
            vec![piece(2, Role::Warn, format!("PAUSED {}", text::duration(ago)))]
        }
        Moment::Live => vec![piece(2, Role::Good, "LIVE")],
    };
    pieces.extend(range(app));
    if app.time.play.is_on() && !app.time.is_replay() {
        pieces.push(piece(2, Role::Good, "playing"));
    }
    if app.time.play.speed() != 1.0 && app.shows_timeline() {
        pieces.push(piece(1, Role::Strong, words::speed(app.time.play.speed())));
    }
    if let Some(recording) = &app.time.recording {
        let span = words::clock_of_windows(recording.span_ns);
        let size = text::bytes(recording.bytes);
        let rec = piece(0, Role::Bad, format!("REC {span} {size}"));
        pieces.push(Piece { short: Some(format!("REC {span}")), ..rec });
    }
    pieces
}

/// Which capture, where in it, and what is wrong with it.
fn replay(app: &App) -> Vec<Piece> {
    let Some(replayed) = &app.time.replayed else { return Vec::new() };
    let (timeline, now_ns) = (&app.time.timeline, app.model().now_ns);
    let start_ns = timeline.time_at(timeline.first());
    let total = words::clock(timeline.time_at(timeline.end()).saturating_sub(start_ns));
    let elapsed = words::clock(now_ns.saturating_sub(start_ns));
    let (word, role) = match app.time.play.is_on() {
        true => ("REPLAY", Role::Good),
        false => ("REPLAY paused", Role::Warn),
    };
    let mut pieces = vec![piece(0, role, word)];
    let wrong = replayed.wrong();
    if !wrong.is_empty() {
        pieces.push(piece(0, Role::Bad, wrong.join(" ")));
    }
    let time = words::moment(app, now_ns, "%F %T");
    let short = Some(words::time_of_day(app, now_ns));
    pieces.extend([
        Piece { short, ..piece(1, Role::Strong, time) },
        piece(2, Role::Text, format!("{elapsed} / {total}")),
        piece(6, Role::Text, text::visible(&replayed.name).into_owned()),
    ]);
    pieces
}

/// The marked range.
fn range(app: &App) -> Option<Piece> {
    let marks = app.time.marks;
    let time = |boundary| words::time_of_day(app, app.time.timeline.time_at(boundary));
    let said = match (marks.start, marks.end) {
        (None, None) => return None,
        (Some(start), None) => format!("range from {}", time(start)),
        (None, Some(end)) => format!("range until {}", time(end)),
        (Some(start), Some(end)) => format!("range {}–{}", time(start), time(end)),
    };
    Some(Piece { short: Some("range".to_owned()), ..piece(1, Role::Strong, said) })
}

/// Numbers that are too small are worse than waits whose stack is not known.
fn lost(model: &Model) -> Piece {
    let stacks = match model.lost_stacks() {
        0 => String::new(),
        stacks => format!(" · {}", counted(stacks, "stack")),
    };
    match (model.lost_events(), stacks.as_str()) {
        (0, "") => piece(0, Role::Text, "lost 0"),
        (0, _) => piece(0, Role::Warn, format!("lost 0{stacks}")),
        (events, _) => piece(0, Role::Bad, format!("lost {}!{stacks}", text::count(events))),
    }
}

fn rates(app: &App) -> Vec<Piece> {
    let Rates { calls, opens, samples } = app.rates;
    let rate = |drop, what, pane, rate| match app.off_reason(pane) {
        // Nobody counted: that is not zero.
        Some(_) => piece(drop, Role::Warn, format!("{what} off")),
        None => piece(drop, Role::Text, format!("{what} {}", text::rate(rate))),
    };
    vec![
        rate(5, "calls", Pane::Syscalls, calls),
        rate(6, "opens", Pane::Opens, opens),
        rate(9, "samples", Pane::Profile, samples),
    ]
}

fn machine(app: &App) -> Vec<Piece> {
    let model = app.model();
    let watched = &model.watched;
    let plural = if watched.cpus == 1 { "" } else { "s" };
    let up = text::duration(model.now_ns.saturating_add(watched.boottime_offset_ns));
    vec![
        piece(7, Role::Strong, text::visible(&watched.host).into_owned()),
        piece(10, Role::Text, format!("Linux {}", text::visible(&watched.kernel))),
        piece(8, Role::Text, format!("{} CPU{plural}", watched.cpus)),
        piece(11, Role::Text, format!("up {up}")),
    ]
}

const GAP: &str = " │ ";

/// Draws as many pieces as there is room for. Gives the signs of the others.
fn draw_line(
    mut pieces: Vec<Piece>,
    area: Rect,
    theme: &Theme,
    buffer: &mut Buffer,
) -> Vec<String> {
    let mut left_out = Vec::new();
    let width = |pieces: &[Piece]| {
        let texts: usize = pieces.iter().map(|piece| text::width(&piece.text)).sum();
        texts + text::width(GAP) * pieces.len().saturating_sub(1) + 2
    };
    let too_wide = |pieces: &[Piece]| width(pieces) > area.width.into();
    let shorten = |pieces: &mut [Piece], which: fn(&Piece) -> bool| {
        for piece in pieces.iter_mut().filter(|piece| which(piece)) {
            piece.text = piece.short.take().unwrap_or(std::mem::take(&mut piece.text));
        }
    };
    if too_wide(&pieces) {
        shorten(&mut pieces, |piece| piece.drop > 0);
    }
    while too_wide(&pieces)
        && let Some((at, _)) = pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| piece.drop > 0)
            .max_by_key(|(_, piece)| piece.drop)
    {
        match pieces[at].sign.clone().filter(|sign| *sign != pieces[at].text) {
            Some(sign) => pieces[at].text = sign,
            None => left_out.extend(pieces.remove(at).sign),
        }
    }
    // What stays in any case is said in full as long as it can be.
    if too_wide(&pieces) {
        shorten(&mut pieces, |piece| piece.drop == 0);
    }
    // Where not even the last one has room, a blank at the edge is the first to go.
    let mut x = area.x + u16::from(width(&pieces) <= area.width.into());
    for (index, piece) in pieces.iter().enumerate() {
        let mut write = |text: &str, role| {
            let room = area.right().saturating_sub(x);
            let cut = text::width(text) > room.into();
            // What is cut says so.
            let text = if cut { text::fit(text, room.into()).into() } else { Cow::Borrowed(text) };
            x = put(buffer, x, area.y, room, &text, theme.style(role));
        };
        if index > 0 {
            write(GAP, Role::Rule);
        }
        write(&piece.text, piece.role);
    }
    left_out
}

/// Draws who the process is whose detail is shown.
pub fn draw_subject(app: &App, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let Some(key) = app.view().process.filter(|_| area.height > 0) else { return };
    let Some(process) = app.model().processes.get(key) else {
        let gone = match app.time.is_chosen() {
            true => format!("process {} is not known at this time", key.pid),
            false => format!("process {} ended long ago and is forgotten", key.pid),
        };
        draw_line(vec![piece(0, Role::Warn, gone)], area, theme, buffer);
        return;
    };
    let mut pieces = vec![piece(0, Role::Strong, format!("{} ({})", safe(&process.comm), key.pid))];
    pieces.extend(fate(app, process));
    if !app.subject_matches() {
        let why = "not watched: the filter does not match it";
        pieces.push(piece(2, Role::Warn, why));
    }
    let line = |y| Rect { y, height: 1, ..area };
    let command = if process.cmdline.is_empty() { "no command line" } else { &process.cmdline };
    if area.height > 1 {
        let command = vec![piece(0, Role::Quiet, safe(command))];
        draw_line(command, line(area.y + 1), theme, buffer);
    } else {
        pieces.push(piece(0, Role::Quiet, safe(command)));
    }
    draw_line(pieces, line(area.y), theme, buffer);
}

fn fate(app: &App, process: &Process) -> Vec<Piece> {
    let model = app.model();
    let mut pieces = Vec::new();
    if let Some(at) = process.exited_ns {
        let ago = text::duration(model.now_ns.saturating_sub(at));
        pieces.push(piece(1, Role::Warn, format!("ended {ago} ago")));
    }
    if process.parent != 0 {
        let parent = model.processes.living(process.parent);
        let name = parent.map_or_else(String::new, |parent| format!(" {}", safe(&parent.comm)));
        pieces.push(piece(3, Role::Text, format!("parent {}{name}", process.parent)));
    }
    if process.key.start_ns > 0 {
        let end = process.exited_ns.unwrap_or(model.now_ns);
        let age = text::duration(end.saturating_sub(process.key.start_ns));
        pieces.push(piece(4, Role::Text, format!("age {age}")));
    }
    pieces
}

fn safe(text: &str) -> String {
    text::visible(text).into_owned()
}
