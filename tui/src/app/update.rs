//! What happens to the state when something happens.

use super::derive;
use super::exporting::Export;
use super::flame::Motion;
use super::keymap::{self, Action, Context};
use super::line::Line;
use super::page::{Page, Subject};
use super::pane::Pane;
use super::state::{App, Typing};
use super::table::{Move, RowId};
use super::time::{Recorded, Sought};
use crate::filter::Filter;
use crate::history::Span;
use crate::source::Batch;
use crate::source::record::Status;
use crossterm::event::{KeyEvent, KeyEventKind, MouseEvent};
use ratatui::layout::Size;
use std::path::PathBuf;

/// Something that happened.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something, so many ms after the start.
    Mouse(MouseEvent, u64),
    /// The terminal has another size.
    Resize(Size),
    /// The source read the kernel.
    Batch(Box<Batch>),
    /// The source has ended.
    Ended,
    /// A flame graph was written, or not.
    Exported(Result<PathBuf, String>),
    /// An answer to [`Effect::Seek`].
    Seeked(Box<Sought>),
    /// An answer to [`Effect::Seek`] takes long enough that it must be said.
    SeekIsSlow,
    /// So many ms have passed. Comes only while [`App::is_playing`].
    Elapsed(u64),
    /// What the recorder does, after a batch.
    Recorder(Status),
    /// What became of a wish to the recorder.
    Recorded(Recorded),
}

/// Something to do outside the state.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Ask the source to watch only what the filter accepts.
    SetFilter(Filter),
    /// Ask the source to measure the BPF programs without a pause, or now and then only.
    Measure(bool),
    /// Write a flame graph.
    Export(Export),
    /// Make the model of a span; what was wished for before need not be answered any more.
    Seek(Span),
    /// Record to a file in the current folder.
    StartRecording,
    /// End that.
    StopRecording,
    /// Write what is kept of the past to a file in the current folder.
    SaveHistory,
    /// Stop the program until it is told to go on.
    Suspend,
    /// End the program.
    Quit,
}

impl App {
    /// Takes notice of something that happened.
    pub fn update(&mut self, message: Message) -> Option<Effect> {
        let effect = self.react(message);
        effect.or_else(|| self.push_filter()).or_else(|| self.push_measuring())
    }

    /// Asks the source to measure closely what watching costs while that is looked at.
    fn push_measuring(&mut self) -> Option<Effect> {
        if self.time.is_replay() {
            return None;
        }
        let shown = self.page.as_ref().is_some_and(|page| page.subject == Subject::Health);
        let changed = std::mem::replace(&mut self.measured, shown) != shown;
        changed.then_some(Effect::Measure(shown))
    }

    /// Asks the source to apply the filter, unless the past is looked at: what happens now is to be
    /// kept as it was, whatever is searched for there.
    fn push_filter(&mut self) -> Option<Effect> {
        if self.time.is_chosen() || self.pushed == self.filter {
            return None;
        }
        self.pushed = self.filter.clone();
        Some(Effect::SetFilter(self.filter.clone()))
    }

    fn react(&mut self, message: Message) -> Option<Effect> {
        match message {
            Message::Key(key) if key.kind != KeyEventKind::Release => self.press(&key),
            Message::Key(_) => None,
            Message::Mouse(mouse, at_ms) => self.mouse(mouse, at_ms),
            Message::Resize(size) => {
                self.resize(size);
                None
            }
            Message::Batch(batch) => {
                self.take_batch(batch);
                self.export_when_ready()
            }
            Message::Ended => {
                self.fold_held();
                self.ended = true;
                self.say("the source has ended: nothing new will come", true);
                None
            }
            Message::Exported(result) => {
                match result {
                    Ok(path) => self.say(format!("wrote {}", path.display()), false),
                    Err(reason) => self.say(format!("not exported: {reason}"), true),
                }
                None
            }
            Message::Seeked(sought) => self.take_sought(*sought),
            Message::SeekIsSlow => {
                self.time.slow = self.time.is_seeking();
                self.changed = true;
                None
            }
            Message::Elapsed(ms) => self.elapse(ms),
            Message::Recorder(status) => self.take_status(status),
            Message::Recorded(recorded) => {
                self.take_recorded(recorded);
                None
            }
        }
    }

    /// Whether the timeline is being played: then it must be told how time passes.
    pub fn is_playing(&self) -> bool {
        self.time.play.is_on()
    }

    fn press(&mut self, key: &KeyEvent) -> Option<Effect> {
        // Keys may come faster than frames: each acts on what the one before it made.
        self.refresh();
        let action = keymap::action(key, self.context())?;
        self.changed = true;
        self.notice = None;
        self.act(action)
    }

    pub(super) fn act(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Help => self.toggle_page(Subject::Help),
            Action::Health => self.toggle_page(Subject::Health),
            Action::FocusNext => self.focus_step(1),
            Action::FocusPrevious => self.focus_step(3),
            Action::Focus(index) => self.view_mut().focus = Pane::ALL[index],
            Action::Enter => self.enter(),
            Action::Back => return self.back(),
            Action::Maximize => {
                let view = self.view_mut();
                view.maximized = !view.maximized;
            }
            Action::Go(step) => self.go(step),
            Action::Left => self.sideways(-1),
            Action::Right => self.sideways(1),
            Action::Filter => self.type_filter(),
            Action::FilterSelected => self.filter_selected(),
            Action::FilterClear => self.clear_filter(),
            Action::SortNext => self.sort_next(),
            Action::SortReverse => {
                let pane = self.view().focus;
                let table = self.view_mut().table_mut(pane);
                table.sort = table.sort.reversed();
                self.sort_changed(pane);
            }
            Action::Pause => return self.toggle_pause(),
            Action::Clear => return self.clear_counters(),
            Action::StepTime(ticks) => return self.step_time(ticks),
            Action::JumpTime(forward) => return self.travel(|time| time.jump(forward)),
            Action::TimeStart => return self.go_to_start(),
            Action::TimeEnd => return self.go_to_end(),
            Action::MarkStart => return self.mark_start(),
            Action::MarkEnd => return self.mark_end(),
            Action::Faster => self.change_speed(2.0),
            Action::Slower => self.change_speed(0.5),
            Action::Record => return self.toggle_recording(),
            Action::SaveHistory => return self.save_history(),
            Action::Export => return self.export(),
            Action::Functions => {
                let view = self.view_mut();
                view.functions = !view.functions;
                self.sort_changed(Pane::Profile);
            }
            Action::Wall => {
                let view = self.view_mut();
                view.wall = !view.wall;
                self.sort_changed(Pane::Profile);
            }
            Action::FailedOnly => self.toggle_failed_only(),
            Action::Search => {
                let before = self.view().flame.search().to_owned();
                self.view_mut().functions = false;
                self.typing = Some(Typing::Search { line: Line::new(&before), before });
            }
            Action::SearchNext => self.step_match(Motion::NextMatch),
            Action::SearchPrevious => self.step_match(Motion::PreviousMatch),
            Action::LineAccept => self.line_accept(),
            Action::LineCancel => self.line_cancel(),
            Action::LineEdit(edit) => self.line_edit(edit),
        }
        None
    }

    fn toggle_page(&mut self, subject: Subject) {
        let shown = self.page.take().map(|page| page.subject);
        if shown != Some(subject) {
            self.page = Some(Page::new(subject));
        }
    }

    fn focus_step(&mut self, step: usize) {
        let view = self.view_mut();
        view.focus = Pane::ALL[(view.focus.index() + step) % Pane::ALL.len()];
    }

    fn enter(&mut self) {
        let process = self.view().process;
        if self.context() == Context::FLAME {
            return self.enter_box();
        }
        match (self.selected_row(), process) {
            (Some(RowId::Function(_)), _) => self.find_function(),
            (Some(RowId::Call(nr)), Some(key)) => {
                self.page = Some(Page::new(Subject::Call(key, nr)));
            }
            (Some(RowId::Place(place)), Some(key)) => {
                self.page = Some(Page::new(Subject::Place(key, place)));
            }
            (Some(RowId::Open(number)), Some(_)) => {
                self.page = Some(Page::new(Subject::Open(number)));
            }
            (Some(_), None) => {
                if let Some(key) = self.selected_process() {
                    self.open_detail(key);
                }
            }
            _ => {}
        }
    }

    fn back(&mut self) -> Option<Effect> {
        if self.page.take().is_some() {
            return None;
        }
        if self.context() == Context::FLAME && self.view().flame.is_zoomed() {
            self.move_in_flame(Motion::ZoomOut);
            return None;
        }
        let view = self.view_mut();
        if view.focus == Pane::Profile && !view.flame.search().is_empty() {
            view.flame.set_search("");
        } else if view.maximized {
            view.maximized = false;
        } else if !self.close_detail() {
            if !self.time.marks.is_empty() {
                return self.clear_marks();
            }
            self.return_live();
        }
        None
    }

    pub(super) fn go(&mut self, step: Move) {
        if let Some(page) = &mut self.page {
            return page.go(step);
        }
        let pane = self.view().focus;
        if self.context() == Context::FLAME {
            return self.go_in_flame(step);
        }
        self.go_in_table(pane, step);
    }

    pub(super) fn go_in_table(&mut self, pane: Pane, step: Move) {
        let height = self.height_of(pane);
        let mut table = *self.view().table(pane);
        table.go(step, self.derived.len(pane), height, |index| self.derived.id(pane, index));
        *self.view_mut().table_mut(pane) = table;
    }

    fn sideways(&mut self, step: isize) {
        if self.context() == Context::FLAME {
            return self.move_in_flame(if step < 0 { Motion::Left } else { Motion::Right });
        }
        let focus = self.view().focus.index();
        let right = focus % 2 == 1;
        if right == (step < 0) {
            self.view_mut().focus = Pane::ALL[focus.saturating_add_signed(step)];
        }
    }

    fn toggle_failed_only(&mut self) {
        let chosen = self.view().table(Pane::Opens).anchor;
        let failed = match chosen {
            Some(RowId::Open(number)) => derive::opens::open(self.model(), number)
                .is_some_and(|row| row.event.result.is_err()),
            _ => false,
        };
        let view = self.view_mut();
        view.failed_only = !view.failed_only;
        if view.failed_only && !failed {
            // The row that was chosen is not there any more: the tail is followed again.
            view.table_mut(Pane::Opens).anchor = None;
        }
        self.sort_changed(Pane::Opens);
    }

    fn sort_next(&mut self) {
        let pane = self.view().focus;
        let columns = self.view().columns(pane);
        let width = self.layout.panes[pane.index()].map_or(0, |area| area.body.width);
        let table = self.view_mut().table_mut(pane);
        table.sort = table.sort.next(columns, width);
        self.sort_changed(pane);
    }

    fn filter_selected(&mut self) {
        if let Some(key) = self.selected_process() {
            self.apply(Filter::with_pid(key.pid));
        }
    }

    fn clear_filter(&mut self) {
        if self.filter.text().is_empty() {
            return;
        }
        let said = match self.time.is_replay() || self.pushed.is_empty() {
            true => "no filter",
            false => "no filter; what was filtered out was not counted in the meantime",
        };
        self.say(said, false);
        self.apply(Filter::default());
    }

    pub(super) fn apply(&mut self, filter: Filter) {
        if filter != self.filter {
            self.set_filter(filter);
        }
    }
}
