//! The typing of a filter or a search.

use super::line::{Edit, Line};
use super::state::{App, Typing};
use crate::filter::{Filter, ParseError};

impl App {
    pub(super) fn type_filter(&mut self) {
        let before = self.filter.clone();
        // A blank after the filter that is there: what is typed is one more term.
        let line = match before.text() {
            "" => Line::default(),
            text => Line::new(&format!("{text} ")),
        };
        self.typing = Some(Typing::Filter { line, error: None, refused: false, before });
    }

    pub(super) fn line_edit(&mut self, edit: Edit) {
        match &mut self.typing {
            Some(Typing::Filter { line, error, refused, .. }) => {
                line.edit(edit);
                *refused = false;
                match Filter::parse(line.text().trim_end()) {
                    Ok(filter) => {
                        *error = None;
                        self.apply(filter);
                    }
                    Err(wrong) => *error = Some(wrong),
                }
            }
            Some(Typing::Search { line, .. }) => {
                let changed = line.edit(edit);
                let text = line.text().to_owned();
                if changed {
                    self.search(&text);
                }
            }
            None => {}
        }
    }

    /// A filter that is wrong stays on the line, and it is said that it was not taken: nor is the part of it that was
    /// right while it was typed.
    pub(super) fn line_accept(&mut self) {
        match &mut self.typing {
            Some(Typing::Filter { error: Some(_), refused, before, .. }) => {
                *refused = true;
                let before = before.clone();
                self.apply(before);
            }
            _ => self.typing = None,
        }
    }

    pub(super) fn line_cancel(&mut self) {
        match self.typing.take() {
            Some(Typing::Filter { before, .. }) => self.apply(before),
            Some(Typing::Search { before, .. }) => self.search(&before),
            None => {}
        }
    }
}

/// What is said of a filter that is wrong, when the user wants to keep it.
pub fn refusal(error: &ParseError) -> String {
    format!("! not kept: {}", error.message)
}
