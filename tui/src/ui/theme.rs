//! The only place with colours. Text has the terminal's own sixteen, which its user has chosen to
//! be readable on its background; boxes bring a background of their own. What colours mean is
//! always said in another way too.

use super::widgets::flame::FlamePalette;
use crate::app::ColourChoice;
use ratatui::style::{Color, Modifier, Style};

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing special.
    Text,
    /// Less important than the rest.
    Quiet,
    /// More important than the rest.
    Strong,
    /// Title of a pane.
    Title,
    /// Title of the pane that has the keys.
    TitleFocused,
    /// Lines between panes.
    Rule,
    /// Head of a column.
    Head,
    /// Head of the column that sorts.
    HeadSorted,
    /// The row under the cursor, in the pane that has the keys.
    Cursor,
    /// The row under the cursor, in another pane.
    CursorIdle,
    /// Something is well.
    Good,
    /// Something to look at.
    Warn,
    /// An error, or something lost.
    Bad,
    /// A key that works.
    Key,
    /// The part of a typed line that is wrong.
    Wrong,
    /// Something the user asked for was refused: a bar.
    Refused,
    /// The cursor in a typed line.
    Caret,
    /// Bars and the like.
    Bar,
}

/// The look of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// With colours or without.
    pub fn new(choice: ColourChoice) -> Self {
        let colour = match choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            // https://no-color.org: set and not empty.
            ColourChoice::Auto => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self { colour }
    }

    /// The style of what a text means.
    pub fn style(&self, role: Role) -> Style {
        let (colour, modifier) = match role {
            Role::Text => (None, Modifier::empty()),
            Role::Quiet | Role::Rule => (None, Modifier::DIM),
            Role::Strong | Role::Title | Role::CursorIdle => (None, Modifier::BOLD),
            Role::TitleFocused | Role::Key => (Some(Color::Cyan), Modifier::BOLD),
            Role::Head => (None, Modifier::UNDERLINED),
            Role::HeadSorted => (Some(Color::Cyan), Modifier::UNDERLINED | Modifier::BOLD),
            Role::Cursor | Role::Caret => (None, Modifier::REVERSED),
            Role::Good => (Some(Color::Green), Modifier::empty()),
            Role::Warn => (Some(Color::Yellow), Modifier::BOLD),
            Role::Bad => (Some(Color::Red), Modifier::BOLD),
            Role::Refused => (Some(Color::Red), Modifier::BOLD | Modifier::REVERSED),
            Role::Wrong => (Some(Color::Red), Modifier::UNDERLINED),
            Role::Bar => (Some(Color::Blue), Modifier::empty()),
        };
        let style = Style::new().add_modifier(modifier);
        match colour {
            Some(colour) if self.colour => style.fg(colour),
            _ => style,
        }
    }

    /// The styles of a flame graph.
    pub fn flame(&self) -> FlamePalette {
        if !self.colour {
            return FlamePalette::PLAIN;
        }
        // Of xterm's 256, which look the same in every theme: so black text can be read on them.
        const BLACK: Color = Color::Indexed(16);
        const WHITE: Color = Color::Indexed(231);
        const BLUE: Color = Color::Indexed(26);
        let on = |colour| Style::new().fg(BLACK).bg(Color::Indexed(colour));
        FlamePalette {
            kernel: [on(214), on(208)],
            user: [on(114), on(77)],
            inlined: [on(116), on(80)],
            note: [on(252), on(248)],
            running: [on(203), on(210)],
            waiting: [on(228), on(221)],
            blocked: [on(111), on(147)],
            merged: Style::new().add_modifier(Modifier::DIM),
            edge: Style::new(),
            end: Style::new().add_modifier(Modifier::DIM),
            below_zoom: Style::new().add_modifier(Modifier::DIM),
            matched: on(213).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            // The one colour no other box has, and neither background.
            selected: Style::new()
                .fg(WHITE)
                .bg(BLUE)
                .add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            more: Style::new().add_modifier(Modifier::DIM),
        }
    }
}
