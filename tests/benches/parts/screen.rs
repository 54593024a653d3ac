//! The screen of a crowd, drawn as in use, but for the terminal: what would be written to it is thrown
//! away.

use super::crowd::Crowd;
use jiff::tz::TimeZone;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::io::{Sink, sink};
use syscope::app::update::Message;
use syscope::app::{App, ColourChoice, script};
use syscope::filter::Filter;
use syscope::source::Batch;
use syscope::ui::{self, theme::Theme};

/// The screen.
pub struct Screen {
    app: App,
    theme: Theme,
    terminal: Terminal<CrosstermBackend<Sink>>,
}

impl Screen {
    /// An empty one, so many columns wide and lines high.
    pub fn new(width: u16, height: u16) -> Self {
        let mut app = App::new(Crowd::watched(), Filter::default(), TimeZone::UTC);
        app.update(Message::Resize(Size { width, height }));
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        let terminal =
            Terminal::with_options(CrosstermBackend::new(sink()), TerminalOptions { viewport });
        let terminal = terminal.expect("nothing is asked of a terminal");
        Self { app, theme: Theme::new(ColourChoice::Always), terminal }
    }

    /// Takes a batch in.
    pub fn fold(&mut self, batch: Box<Batch>) {
        self.app.update(Message::Batch(batch));
    }

    /// Presses the keys of a script.
    pub fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace().flat_map(script::keys) {
            self.app.update(Message::Key(key));
        }
    }

    /// Draws a frame: makes ready what has changed, draws it, and writes what is not on the terminal.
    pub fn draw(&mut self) {
        let (app, theme) = (&mut self.app, &self.theme);
        let drawn = self.terminal.draw(|frame| {
            app.take_changed();
            app.refresh();
            ui::render(app, theme, frame.area(), frame.buffer_mut());
        });
        drawn.expect("everything can be thrown away");
    }
}
