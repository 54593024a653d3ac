//! The state of the screen: the model, what is shown of it, and what the user is doing.

use super::derive::{self, Derived, Rates, Scope};
use super::exporting::Awaited;
use super::keymap::{Action, Context};
use super::layout::Layout;
use super::line::Line;
use super::page::Page;
use super::pane::{Pane, View};
use super::table::RowId;
use super::time::{Moment, Still, Time};
use crate::filter::{Filter, ParseError};
use crate::flame::{FlameTree, Role};
use crate::model::{Bounds, Model, ProcKey, Watched};
use crate::source::{Batch, ProbeStatus};
use jiff::tz::TimeZone;
use ratatui::layout::Size;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// A line that is being typed.
#[derive(Clone, Debug)]
pub enum Typing {
    /// A filter.
    Filter {
        /// What is typed.
        line: Line,
        /// What is wrong with it; then the last filter that was right stays.
        error: Option<ParseError>,
        /// The user wanted to keep it although it is wrong: that is said until the next edit.
        refused: bool,
        /// The filter before.
        before: Filter,
    },
    /// What to search for in the flame graph.
    Search {
        /// What is typed.
        line: Line,
        /// The search before.
        before: String,
    },
}

/// Something to say, until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub text: String,
    /// It is an error.
    pub bad: bool,
}

/// A click, to tell a double click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Click {
    pub at_ms: u64,
    pub column: u16,
    pub row: u16,
}

/// All state above the model.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) live: Arc<Model>,
    /// What is shown instead, where the screen stands still or is in the past.
    pub(super) still: Option<Still>,
    /// Where on the timeline that is.
    pub time: Time,
    /// What is live can be recorded.
    pub records: bool,
    pub(super) awaits_recorder: bool,
    /// Column of the timeline where a range is being marked from.
    pub(super) drag: Option<u16>,
    /// The source has ended: nothing comes any more.
    pub ended: bool,
    /// The filter that is applied.
    pub filter: Filter,
    /// The filter that the source applies.
    pub(super) pushed: Filter,
    /// The source measures closely what watching costs.
    pub(super) measured: bool,
    /// The line that is being typed.
    pub typing: Option<Typing>,
    /// A page of text over the panes.
    pub page: Option<Page>,
    /// Something to say.
    pub notice: Option<Notice>,
    /// What the panes show.
    pub derived: Derived,
    /// What happens a second, of what the filter accepts.
    pub rates: Rates,
    /// Where times of day are shown.
    pub time_zone: TimeZone,
    /// What stands where.
    pub layout: Layout,
    /// An export that was asked for and waits for symbols.
    pub(super) awaited_export: Option<Awaited>,
    /// Something changed since the last drawing.
    pub(super) changed: bool,
    /// A batch that changes numbers only, and waits for the next.
    pub(super) held: Option<Box<Batch>>,
    pub(super) last_click: Option<Click>,
    pub(super) size: Size,
    pub(super) overview: View,
    pub(super) detail: Option<View>,
    pub(super) matching: Option<FxHashSet<ProcKey>>,
    pub(super) stale: [bool; 4],
    pub(super) stale_matching: bool,
}

impl App {
    /// The state at the start.
    pub fn new(watched: Watched, filter: Filter, time_zone: TimeZone) -> Self {
        Self {
            live: Arc::new(Model::new(watched, Bounds::LIVE)),
            still: None,
            time: Time::live(),
            records: false,
            awaits_recorder: false,
            drag: None,
            ended: false,
            pushed: filter.clone(),
            measured: false,
            filter,
            typing: None,
            page: None,
            notice: None,
            derived: Derived::default(),
            rates: Rates::default(),
            time_zone,
            layout: Layout::default(),
            awaited_export: None,
            changed: true,
            held: None,
            last_click: None,
            size: Size::default(),
            overview: View::new(None, Pane::Syscalls),
            detail: None,
            matching: None,
            stale: [true; 4],
            stale_matching: true,
        }
    }

    /// The model as it is shown.
    pub fn model(&self) -> &Model {
        self.still.as_ref().map_or(&self.live, |still| &still.model)
    }

    /// The model as it is, shown or not.
    pub fn live(&self) -> &Model {
        &self.live
    }

    pub(super) fn live_mut(&mut self) -> &mut Model {
        Arc::make_mut(&mut self.live)
    }

    /// What the user looks at.
    pub fn view(&self) -> &View {
        self.detail.as_ref().unwrap_or(&self.overview)
    }

    pub(super) fn view_mut(&mut self) -> &mut View {
        self.detail.as_mut().unwrap_or(&mut self.overview)
    }

    /// Goes into the detail of a process.
    pub(super) fn open_detail(&mut self, process: ProcKey) {
        let view = View::new(Some(process), self.overview.focus);
        self.detail = Some(View { wall: self.overview.wall, ..view });
        self.scope_changed();
    }

    /// Goes back to all processes. Whether there was a detail to leave.
    pub(super) fn close_detail(&mut self) -> bool {
        let was_open = self.detail.take().is_some();
        if was_open {
            self.scope_changed();
        }
        was_open
    }

    pub(super) fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        self.stale_matching = true;
        self.scope_changed();
    }

    /// Which processes the panes show.
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { process: self.view().process, matching: self.matching.as_ref() }
    }

    /// Whether the filter accepts the process whose detail is shown (true without one).
    pub fn subject_matches(&self) -> bool {
        match (self.view().process, &self.matching) {
            (Some(process), Some(matching)) => matching.contains(&process),
            _ => true,
        }
    }

    /// Whether processes that the filter may accept are forgotten: their numbers are in the sums of all
    /// processes only, and those of some are the least they can be.
    pub fn sums_are_partial(&self) -> bool {
        let model = self.model();
        let forgotten = model.syscalls.forgotten.processes > 0
            || model.offcpu.forgotten.processes > 0
            || model.profile.forgotten > 0;
        self.view().process.is_none() && self.matching.is_some() && forgotten
    }

    /// Whether any process that is known is shown.
    pub fn matches_any(&self) -> bool {
        self.matching.as_ref().is_none_or(|matching| !matching.is_empty())
    }

    /// What has the keys.
    pub fn context(&self) -> Context {
        match (&self.typing, &self.page) {
            (Some(Typing::Filter { .. }), _) => Context::FILTER,
            (Some(Typing::Search { .. }), _) => Context::SEARCH,
            (None, Some(_)) => Context::PAGE,
            (None, None) => match self.view().focus {
                Pane::Opens => Context::STREAM,
                Pane::Profile if self.view().functions => Context::FUNCTIONS,
                Pane::Profile => Context::FLAME,
                _ => Context::TABLE,
            },
        }
    }

    /// Whether an action would do something now: the footer names only those.
    pub fn works(&self, action: Action) -> bool {
        let view = self.view();
        match action {
            Action::Back => {
                self.page.is_some()
                    || view.maximized
                    || view.process.is_some()
                    || (self.context() == Context::FLAME && view.flame.is_zoomed())
                    || (view.focus == Pane::Profile && !view.flame.search().is_empty())
                    || !self.time.marks.is_empty()
                    || matches!(self.moment(), Moment::Paused(_) | Moment::Past(_))
            }
            Action::Enter => match self.context() {
                Context::FLAME => !self.tree().is_empty(),
                _ => self.selected_row().is_some_and(|row| row != RowId::Ended),
            },
            Action::FilterClear => !self.filter.text().is_empty(),
            Action::FilterSelected => self.selected_process().is_some(),
            Action::SearchNext | Action::SearchPrevious => !view.flame.search().is_empty(),
            Action::Go(_) if self.context() == Context::STREAM => {
                view.table(Pane::Opens).anchor.is_some()
            }
            Action::Record | Action::SaveHistory => self.records,
            Action::StepTime(_) | Action::MarkStart | Action::MarkEnd => self.shows_timeline(),
            Action::JumpTime(_) => self.shows_timeline() || !self.time.timeline.is_empty(),
            Action::TimeStart | Action::TimeEnd => self.shows_timeline(),
            Action::Faster | Action::Slower => {
                self.shows_timeline() && (self.time.is_replay() || self.time.is_chosen())
            }
            _ => true,
        }
    }

    /// The flame graph.
    pub fn tree(&self) -> &FlameTree {
        &self.derived.profile.tree
    }

    /// The row under the cursor of the focused pane.
    pub fn selected_row(&self) -> Option<RowId> {
        let pane = self.view().focus;
        let cursor = self.view().table(pane).cursor;
        (cursor < self.derived.len(pane)).then(|| self.derived.id(pane, cursor))
    }

    /// The process that is selected in the focused pane, or whose detail is shown.
    pub fn selected_process(&self) -> Option<ProcKey> {
        let view = self.view();
        if view.process.is_some() {
            return view.process;
        }
        if self.context() == Context::FLAME {
            return self.process_of_box();
        }
        match self.selected_row()? {
            RowId::Process(key) => Some(key),
            RowId::Open(number) => derive::opens::open(self.model(), number).map(|row| row.process),
            _ => None,
        }
    }

    /// The process that the selected box of the flame graph belongs to.
    fn process_of_box(&self) -> Option<ProcKey> {
        let tree = self.tree();
        if tree.is_empty() {
            return None;
        }
        tree.ancestry(self.view().flame.selected(tree)).find_map(|node| {
            match tree.nodes[node].role {
                Role::Process(key) => Some(key),
                _ => None,
            }
        })
    }

    /// Why a pane shows nothing: its probe cannot run.
    pub fn off_reason(&self, pane: Pane) -> Option<&str> {
        let told = self.health_model().health.probe(pane.name()).map(|probe| &probe.status);
        // Before its first batch, a capture says it in its header.
        let recorded = || {
            let probes = &self.time.replayed.as_ref()?.header.probes;
            probes.iter().find(|(name, _)| name == pane.name()).map(|(_, status)| status)
        };
        match told.or_else(recorded)? {
            ProbeStatus::Off(reason) => Some(reason),
            ProbeStatus::On => None,
        }
    }

    /// Whether the panes show a part of what is recorded, and no filter of the source made it so.
    pub fn is_narrowed(&self) -> bool {
        let at_source = &self.health_model().health.filter;
        let filters = !self.filter.is_empty() && self.filter.text() != at_source;
        filters || self.view().process.is_some()
    }

    /// Rows of a pane that are visible at once.
    pub(super) fn height_of(&self, pane: Pane) -> usize {
        self.layout.panes[pane.index()].map_or(0, |area| usize::from(area.rows().height))
    }

    /// The size of the screen.
    pub fn size(&self) -> Size {
        self.size
    }
}
