//! The typing of a filter or a search.

use super::line::{Edit, Line};
use super::state::{App, Typing};
use super::update::Effect;
use crate::filter::Filter;

impl App {
    pub(super) fn type_filter(&mut self) {
        let before = self.filter.clone();
        self.typing = Some(Typing::Filter { line: Line::new(before.text()), error: None, before });
    }

    pub(super) fn line_edit(&mut self, edit: Edit) -> Option<Effect> {
        match self.typing.as_mut()? {
            Typing::Filter { line, error, .. } => {
                line.edit(edit);
                match Filter::parse(line.text()) {
                    Ok(filter) => {
                        *error = None;
                        self.apply(filter)
                    }
                    Err(wrong) => {
                        *error = Some(wrong);
                        None
                    }
                }
            }
            Typing::Search { line, .. } => {
                if line.edit(edit) {
                    let text = line.text().to_owned();
                    self.search(&text);
                }
                None
            }
        }
    }

    /// A filter that is wrong stays on the line, with what is wrong with it.
    pub(super) fn line_accept(&mut self) {
        if !matches!(&self.typing, Some(Typing::Filter { error: Some(_), .. })) {
            self.typing = None;
        }
    }

    pub(super) fn line_cancel(&mut self) -> Option<Effect> {
        match self.typing.take()? {
            Typing::Filter { before, .. } => self.apply(before),
            Typing::Search { before, .. } => {
                self.search(&before);
                None
            }
        }
    }
}
