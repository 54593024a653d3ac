//! Drawing: the state in, cells out. Computes nothing that the state could have ready.

mod footer;
mod header;
#[cfg(test)]
mod matrix;
mod page;
pub mod panes;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod theme;
mod timeline;
pub mod widgets;

use crate::app::App;
use crate::app::pane::Pane;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use theme::Theme;

/// Draws the state, which must have been [refreshed](App::refresh).
pub fn render(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let layout = &app.layout;
    // The terminal changed its size since: a frame of the right size comes next.
    if layout.screen.intersection(area) != layout.screen {
        return;
    }
    let unsaid = header::draw(app, layout.header, theme, buffer);
    header::draw_subject(app, layout.subject, theme, buffer);
    for pane in Pane::ALL {
        if let Some(area) = &layout.panes[pane.index()] {
            panes::draw(app, pane, area, theme, buffer);
        }
    }
    if let Some(area) = &layout.timeline {
        timeline::draw(app, area, theme, buffer);
    }
    if let Some(page) = &app.page {
        let above = Rect { height: layout.screen.height - layout.footer.height, ..layout.screen };
        page::draw(page, above, theme, buffer);
    }
    footer::draw(app, &unsaid, layout.footer, theme, buffer);
}
