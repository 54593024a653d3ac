//! The footer: the keys that work now, what there is to say, or the line that is typed.

use super::theme::{Role, Theme};
use super::widgets::put;
use crate::app::App;
use crate::app::keymap::{Action, BINDINGS, Binding};
use crate::app::line::Line;
use crate::app::state::Typing;
use crate::app::time::Moment;
use crate::app::typing::refusal;
use crate::app::wrap::wrap_text;
use crate::filter::ParseError;
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation;

/// Draws the footer; `unsaid` is what the header had no room for.
pub fn draw(app: &App, unsaid: &[String], area: Rect, theme: &Theme, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    match &app.typing {
        Some(Typing::Filter { line, error, refused, .. }) => {
            draw_typing(app, "filter: ", line, error.as_ref(), area, theme, buffer);
            if let Some(error) = error.as_ref().filter(|_| *refused) {
                draw_refusal(app, error, area, theme, buffer);
            }
        }
        Some(Typing::Search { line, .. }) => {
            draw_typing(app, "search: ", line, None, area, theme, buffer);
        }
        None => match &app.notice {
            Some(notice) => {
                let role = if notice.bad { Role::Bad } else { Role::Strong };
                let sign = if notice.bad { "! " } else { "" };
                let said = format!("{sign}{}", text::visible(&notice.text));
                put(buffer, area.x + 1, area.y, area.width - 1, &said, theme.style(role));
            }
            None if app.time.slow => {
                put(
                    buffer,
                    area.x + 1,
                    area.y,
                    area.width - 1,
                    "seeking…",
                    theme.style(Role::Warn),
                );
            }
            None => {
                let x = draw_unsaid(unsaid, area, theme, buffer);
                let right = Rect { x, width: area.right().saturating_sub(x), ..area };
                draw_keys(app, right, theme, buffer);
            }
        },
    }
}

/// What is filtered; gives the column after it.
fn draw_unsaid(unsaid: &[String], area: Rect, theme: &Theme, buffer: &mut Buffer) -> u16 {
    unsaid.iter().fold(area.x, |x, said| {
        let room = area.right().saturating_sub(x + 1);
        let said = text::fit(said, text::width(said).min(room.into()));
        put(buffer, x + 1, area.y, room, &said, theme.style(Role::Strong)) + 1
    })
}

/// The keys that do something now, as many as there is room for.
fn draw_keys(app: &App, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let context = app.context();
    let shown = BINDINGS.iter().filter(|binding| {
        !binding.short.is_empty() && binding.context.meets(context) && app.works(binding.action)
    });
    let mut shown: Vec<_> = shown.collect();
    if app.shows_timeline() {
        // What one does there goes before what one does elsewhere.
        let always = |action| matches!(action, Action::Quit | Action::Help | Action::Back);
        shown.sort_by_key(|binding| match binding.action {
            action if always(action) => 0,
            Action::Record | Action::SaveHistory => 2,
            action if action.is_of_time() => 1,
            _ => 2,
        });
    }
    let mut x = area.x + 1;
    for binding in shown {
        let short = short(app, binding);
        let width = text::width(binding.label) + 1 + text::width(short);
        if usize::from(x) + width > usize::from(area.right()) {
            continue;
        }
        let room = |x: u16| area.right().saturating_sub(x);
        x = put(buffer, x, area.y, room(x), binding.label, theme.style(Role::Key)) + 1;
        x = put(buffer, x, area.y, room(x), short, theme.style(Role::Text)) + 2;
    }
}

/// What a key does, where that depends on what it did before.
fn short(app: &App, binding: &Binding) -> &'static str {
    let view = app.view();
    match binding.action {
        Action::Pause if app.is_playing() => "pause",
        Action::Pause => match app.moment() {
            Moment::Live => "pause",
            Moment::Paused(_) => "resume",
            Moment::Past(_) | Moment::Replay => "play",
        },
        Action::JumpTime(_) if !app.shows_timeline() => "past",
        Action::TimeEnd if !app.time.is_replay() => "back to now",
        Action::Record if app.time.recording.is_some() => "end recording",
        Action::Maximize if view.maximized => "all panes",
        Action::FailedOnly if view.failed_only => "all opens",
        Action::Functions if view.functions => "flame graph",
        Action::Functions => "top functions",
        Action::Wall if view.wall => "CPU only",
        _ => binding.short,
    }
}

/// A line that is typed, and below it what is wrong with it, or the keys.
fn draw_typing(
    app: &App,
    prompt: &str,
    line: &Line,
    error: Option<&ParseError>,
    area: Rect,
    theme: &Theme,
    buffer: &mut Buffer,
) {
    let y = area.y;
    let x = put(buffer, area.x, y, area.width, &format!(" {prompt}"), theme.style(Role::Strong));
    let room = area.right().saturating_sub(x);
    let start = first_visible(line, usize::from(room));
    let mut columns = Columns { x, end: area.right() };
    let wrong = error.map(|error| error.at.clone());
    let mut caret_x = None;
    for (at, grapheme) in line.text()[start..].grapheme_indices(true) {
        let at = start + at;
        let is_wrong = wrong.as_ref().is_some_and(|wrong| wrong.contains(&at));
        let mut style = theme.style(if is_wrong { Role::Wrong } else { Role::Text });
        if at == line.cursor() {
            style = style.patch(theme.style(Role::Caret));
        }
        if wrong.as_ref().is_some_and(|wrong| wrong.start == at) {
            caret_x = Some(columns.x);
        }
        columns.put(buffer, y, &text::visible(grapheme), style);
    }
    if wrong.is_some_and(|wrong| wrong.start >= line.text().len()) {
        caret_x = Some(columns.x);
    }
    if line.cursor() == line.text().len() {
        columns.put(buffer, y, " ", theme.style(Role::Caret));
    }
    let below = |line| Rect { y: y + line, height: 1, ..area };
    if let Some(error) = error {
        if area.height == 1 {
            columns.x += 1;
            let room = columns.end.saturating_sub(columns.x);
            let said = text::fit(&format!("! {}", error.message), room.into());
            columns.put(buffer, y, &said, theme.style(Role::Bad));
            return;
        }
        let caret_x = caret_x.unwrap_or(x).min(area.right() - 1);
        if !draw_error(&error.message, caret_x, below(1), theme, buffer) {
            let lines = wrap_text(&error.message, usize::from(area.width.saturating_sub(2)));
            for (y, line) in (y + 2..area.bottom()).zip(lines) {
                put(buffer, area.x + 1, y, area.width - 1, &line, theme.style(Role::Bad));
            }
            return;
        }
    } else if area.height > 2 {
        put(buffer, area.x + 1, y + 1, area.width - 1, FILTER_HINT, theme.style(Role::Quiet));
    }
    if area.height > 1 {
        draw_keys(app, below(area.height - 1), theme, buffer);
    }
}

/// In the last lines: the filter was not taken, why, and, where there is room, what is in force.
fn draw_refusal(app: &App, error: &ParseError, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let in_force = match app.filter.text() {
        "" => " · nothing is filtered".to_owned(),
        text => format!(" · still filtered by `{}`", text::visible(text)),
    };
    let mut said = refusal(error);
    for part in [" · Esc restores", &in_force] {
        if text::width(&said) + text::width(part) < area.width.into() {
            said.push_str(part);
        }
    }
    let mut lines = wrap_text(&said, usize::from(area.width.saturating_sub(2)));
    if lines.len() > usize::from(area.height.saturating_sub(2)) {
        lines = vec![said];
    }
    for (y, line) in (area.bottom() - lines.len() as u16..).zip(lines) {
        let line = text::fit(&format!(" {line}"), area.width.into());
        put(buffer, area.x, y, area.width, &line, theme.style(Role::Refused));
    }
}

/// What a filter looks like.
const FILTER_HINT: &str =
    "nginx   pid:123,456   comm:ngin*   !comm:cron   web worker (both)   web or db";

/// Where text is written, and how far it may go.
struct Columns {
    x: u16,
    end: u16,
}

impl Columns {
    fn put(&mut self, buffer: &mut Buffer, y: u16, text: &str, style: ratatui::style::Style) {
        self.x = put(buffer, self.x, y, self.end.saturating_sub(self.x), text, style);
    }
}

/// The first byte of a line that is shown, so that the cursor is too.
fn first_visible(line: &Line, room: usize) -> usize {
    let before = &line.text()[..line.cursor()];
    let mut width = text::width(&text::visible(before));
    let mut graphemes = before.grapheme_indices(true);
    let mut start = 0;
    while width + 1 > room
        && let Some((at, grapheme)) = graphemes.next()
    {
        width -= text::width(&text::visible(grapheme)).min(width);
        start = at + grapheme.len();
    }
    start
}

/// A caret under the place, and the message on a side of it that has room. Whether one has.
fn draw_error(message: &str, caret_x: u16, area: Rect, theme: &Theme, buffer: &mut Buffer) -> bool {
    let style = theme.style(Role::Bad);
    let width = text::width(message) as u16;
    let right = area.right() - caret_x;
    let left = caret_x - area.x;
    put(buffer, caret_x, area.y, 1, "^", style);
    if width + 2 <= right {
        put(buffer, caret_x + 2, area.y, width, message, style);
    } else if width + 2 <= left {
        put(buffer, caret_x - 1 - width, area.y, width, message, style);
    } else {
        return false;
    }
    true
}
