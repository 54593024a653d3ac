//! A page of text over the panes.

use super::theme::{Role, Theme};
use super::widgets::put;
use crate::app::page::{LABEL_WIDTH, Page, Tone};
use crate::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws a page over everything but the last line, which names the keys.
pub fn draw(page: &Page, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    for y in area.y..area.bottom() {
        let blank = " ".repeat(area.width.into());
        put(buffer, area.x, y, area.width, &blank, theme.style(Role::Text));
        buffer.set_style(Rect { y, height: 1, ..area }, ratatui::style::Style::reset());
    }
    let rule = "━".repeat(area.width.into());
    put(buffer, area.x, area.y, area.width, &rule, theme.style(Role::TitleFocused));
    let title = format!(" {} ", text::visible(&page.title));
    let room = area.width.saturating_sub(2);
    put(buffer, area.x + 1, area.y, room, &title, theme.style(Role::TitleFocused));
    let visible = usize::from(area.height - 1);
    if page.lines.len() > visible {
        let position = format!(" {}/{} ", page.scroll + visible, page.lines.len());
        let width = (text::width(&position) as u16).min(area.width);
        put(buffer, area.right() - width, area.y, width, &position, theme.style(Role::Quiet));
    }
    let shown = page.lines.iter().skip(page.scroll);
    for (y, line) in (area.y + 1..area.bottom()).zip(shown) {
        let role = match line.tone {
            Tone::Plain => Role::Text,
            Tone::Heading => Role::Title,
            Tone::Quiet => Role::Quiet,
        };
        let mut x = area.x + 2;
        if !line.label.is_empty() {
            put(buffer, x, y, area.right().saturating_sub(x), &line.label, theme.style(Role::Key));
            x += LABEL_WIDTH as u16;
        }
        put(buffer, x, y, area.right().saturating_sub(x), &line.text, theme.style(role));
    }
}
