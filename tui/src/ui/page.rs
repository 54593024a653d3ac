//! A page of text over the panes.

use super::theme::{Role, Theme};
use super::widgets::put;
use crate::app::page::{LABEL_WIDTH, Page, PageLine, Tone};
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
    if page.len() > visible {
        let position = format!(" {}/{} ", page.scroll + visible, page.len());
        let width = (text::width(&position) as u16).min(area.width);
        put(buffer, area.right() - width, area.y, width, &position, theme.style(Role::Quiet));
    }
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    draw_lines(&page.lines, page.scroll, below, theme, buffer);
    if !page.beside.is_empty() {
        let right = Rect { x: area.x + area.width / 2, width: area.width.div_ceil(2), ..below };
        draw_lines(&page.beside, page.scroll, right, theme, buffer);
    }
}

fn draw_lines(lines: &[PageLine], scroll: usize, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(scroll)) {
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
