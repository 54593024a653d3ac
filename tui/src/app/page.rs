//! A page of text over the panes: the help, a stack, all about an open or a call.

mod content;
mod health;
mod help;

pub use content::{clock, state_name};

use super::state::App;
use super::table::Move;
use super::wrap::wrap_text;
use crate::model::{Place, ProcKey};
use crate::text;

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The program.
    Help,
    /// What was lost, and what watching costs.
    Health,
    /// A system call of a process, by number.
    Call(ProcKey, u32),
    /// A place where a process waits.
    Place(ProcKey, Place),
    /// A file open, by number.
    Open(u64),
}

/// How a line of a page is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Begins a section.
    Heading,
    /// Less important than the others.
    Quiet,
}

/// One line of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageLine {
    /// How it is meant.
    pub tone: Tone,
    /// A word that names it, shown in a column of its own.
    pub label: String,
    /// The text, not yet made safe.
    pub text: String,
}

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// What it is about.
    pub subject: Subject,
    /// Its title.
    pub title: String,
    /// Its lines, wrapped to the width of the page.
    pub lines: Vec<PageLine>,
    /// Lines of a second column, where the page is wide enough for one.
    pub beside: Vec<PageLine>,
    /// Index of the first visible line.
    pub scroll: usize,
    height: usize,
}

/// Width of the column of labels, the gap included.
pub const LABEL_WIDTH: usize = 12;

/// From this width on a page may have two columns.
const TWO_COLUMNS: usize = 110;

impl Page {
    /// A page that is not filled yet.
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            title: String::new(),
            lines: Vec::new(),
            beside: Vec::new(),
            scroll: 0,
            height: 0,
        }
    }

    /// Scrolls.
    pub fn go(&mut self, step: Move) {
        let half = (self.height / 2).max(1) as isize;
        self.scroll = match step {
            Move::Lines(lines) => self.scroll.saturating_add_signed(lines),
            Move::Halves(halves) => self.scroll.saturating_add_signed(halves * half),
            Move::Top => 0,
            Move::Bottom => usize::MAX,
        };
        self.clamp();
    }

    fn clamp(&mut self) {
        self.scroll = self.scroll.min(self.len().saturating_sub(self.height));
    }

    /// How many lines it is high.
    pub fn len(&self) -> usize {
        self.lines.len().max(self.beside.len())
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills the page with what is known now.
    pub(super) fn refresh(&mut self, app: &App) {
        let screen = app.layout.screen;
        // The frame around it takes a line and two columns on each side.
        self.height = usize::from(screen.height.saturating_sub(2));
        let width = usize::from(screen.width.saturating_sub(4));
        let (title, mut lines, mut beside) = match self.subject {
            Subject::Help => ("Help".to_owned(), help::keys(app.shows_timeline()), help::shown()),
            subject => {
                let (title, lines) = content::of(app, subject);
                (title, lines, Vec::new())
            }
        };
        let wide = width >= TWO_COLUMNS;
        if !wide && !beside.is_empty() {
            lines.push(plain("", ""));
            lines.append(&mut beside);
        }
        let column = if beside.is_empty() { width } else { width / 2 - 1 };
        let wrapped = |lines: &[PageLine]| lines.iter().flat_map(|l| wrap(l, column)).collect();
        self.title = title;
        self.lines = wrapped(&lines);
        self.beside = wrapped(&beside);
        self.clamp();
    }
}

fn plain(label: &str, text: impl Into<String>) -> PageLine {
    PageLine { tone: Tone::Plain, label: label.to_owned(), text: text.into() }
}

fn quiet(text: impl Into<String>) -> PageLine {
    PageLine { tone: Tone::Quiet, label: String::new(), text: text.into() }
}

fn heading(text: &str) -> PageLine {
    PageLine { tone: Tone::Heading, label: String::new(), text: text.to_owned() }
}

/// Breaks a line into as many as the width asks for: at blanks where there are, else anywhere.
fn wrap(line: &PageLine, width: usize) -> Vec<PageLine> {
    let indent = if line.label.is_empty() { 0 } else { LABEL_WIDTH };
    let room = width.saturating_sub(indent).max(1);
    let mut lines: Vec<PageLine> = Vec::new();
    let safe = text::visible(&line.text).into_owned();
    for part in wrap_text(&safe, room) {
        let label = match lines.is_empty() {
            true => line.label.clone(),
            false if indent > 0 => " ".to_owned(),
            false => String::new(),
        };
        lines.push(PageLine { tone: line.tone, label, text: part });
    }
    lines
}
