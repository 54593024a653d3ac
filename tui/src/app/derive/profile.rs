//! What the profile pane shows: the flame graph's tree, and the functions in it.

use super::{Scope, sort_rows};
use crate::app::table::{Column, Order, Sort};
use crate::flame::{self, FlameTree, Function, Measure, Role, State, TopRow};
use crate::model::{Model, ProcKey, StackEnds};
use crate::sums::{self, AddUp};
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Columns of the top functions.
pub const COLUMNS: &[Column] = &[
    Column::number("SELF", 6, 0),
    Column::number("TOTAL", 6, 1),
    Column::text("FUNCTION", 16, 60, 0, Order::Ascending),
    Column::text("MODULE", 12, u16::MAX, 2, Order::Ascending),
];

/// A graph of this many samples and more is made anew only so often: a few samples more do not
/// show in it, and making it costs.
const MANY_SAMPLES: u64 = 1_000;
/// How often, in ns.
const PATIENCE_NS: u64 = 1_000_000_000;

/// What a graph was made of; the same again gives the same graph.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    measure: Measure,
    samples: u64,
    stacks: u64,
    since_ns: u64,
    now_ns: u64,
    matching: Option<Vec<ProcKey>>,
    process: Option<ProcKey>,
}

/// The flame graph and its functions.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The flame graph.
    pub tree: Arc<FlameTree>,
    /// Its functions, sorted.
    pub functions: Vec<TopRow>,
    /// Samples in it.
    pub samples: u64,
    /// Samples a second.
    pub rate: f64,
    /// How their stacks ended.
    pub ends: StackEnds,
    /// Of wall-clock time, ns of it in each state.
    pub times: Times,
    origin: Option<Origin>,
    sort: Option<Sort>,
}

impl Default for Graph {
    fn default() -> Self {
        Self {
            tree: Arc::new(FlameTree { nodes: Vec::new(), measure: Measure::Cpu }),
            functions: Vec::new(),
            samples: 0,
            rate: 0.0,
            ends: StackEnds::default(),
            times: Times::default(),
            origin: None,
            sort: None,
        }
    }
}

impl Graph {
    /// Makes the graph anew where what it is made of has changed; the functions only when they are
    /// shown, by the order they are shown in.
    pub fn update(
        &mut self,
        model: &Model,
        scope: Scope<'_>,
        measure: Measure,
        functions: Option<Sort>,
    ) {
        self.sum(model, scope);
        let origin = Origin::of(model, scope, measure);
        if self.origin.as_ref().is_none_or(|old| old.is_outdated(&origin, self.tree.total())) {
            let stacks = flame::weigh(model, measure, |key| scope.accepts(key));
            self.tree = Arc::new(flame::fold(measure, &stacks));
            self.ends = StackEnds::of(model, |key| scope.accepts(key));
            self.times = Times::of(&self.tree);
            self.functions.clear();
            self.origin = Some(origin);
            self.sort = None;
        }
        if let Some(sort) = functions.filter(|sort| self.sort != Some(*sort)) {
            if self.sort.is_none() {
                self.functions = self.tree.top();
            }
            sort_functions(&mut self.functions, sort);
            self.sort = Some(sort);
        }
    }

    /// The next update makes the graph anew, however little has changed.
    pub fn expire(&mut self) {
        self.origin = None;
    }

    fn sum(&mut self, model: &Model, scope: Scope<'_>) {
        self.rate = rate(model, scope);
        let shown = model.profile.iter().filter(|(key, _)| scope.accepts(*key));
        self.samples = match scope.is_everything() {
            true => model.profile.total,
            false => sums::sum(shown.map(|(_, samples)| samples.total)),
        };
    }
}

/// Time of threads by state, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// They ran, as far as samples tell.
    pub running: u64,
    /// They waited for a CPU.
    pub waiting: u64,
    /// They were blocked.
    pub blocked: u64,
}

impl Times {
    fn of(tree: &FlameTree) -> Self {
        let mut times = Self::default();
        for node in &tree.nodes {
            match node.role {
                Role::State(State::Running) => times.running.add_up(node.own),
                Role::State(State::WaitingForCpu) => times.waiting.add_up(node.own),
                Role::State(State::Blocked(_)) => times.blocked.add_up(node.own),
                _ => {}
            }
        }
        times
    }
}

/// Samples a second.
pub(super) fn rate(model: &Model, scope: Scope<'_>) -> f64 {
    if scope.is_everything() {
        return model.profile.rate.per_second(&model.ticks);
    }
    let shown = model.profile.iter().filter(|(key, _)| scope.accepts(*key));
    shown.map(|(_, samples)| samples.rate.per_second(&model.ticks)).sum()
}

impl Origin {
    /// Whether a graph of this origin, of so many samples, must be made anew.
    fn is_outdated(&self, now: &Self, samples: u64) -> bool {
        let of = |origin: &Self| (origin.since_ns, origin.process, origin.measure);
        if of(self) != of(now) || self.matching != now.matching {
            return true;
        }
        // Threads wait on and on, whether anything comes in or not.
        let waited_on = now.measure == Measure::Wall && self.now_ns != now.now_ns;
        let grown = (self.samples, self.stacks) != (now.samples, now.stacks) || waited_on;
        // The time may also run backwards: a paused screen goes back.
        let waited = self.now_ns.abs_diff(now.now_ns) >= PATIENCE_NS;
        grown && (waited || samples < MANY_SAMPLES)
    }

    fn of(model: &Model, scope: Scope<'_>, measure: Measure) -> Self {
        let matching = scope.matching.map(|keys| {
            let sampled = model.profile.iter().map(|(key, _)| key);
            let waited = model.offcpu.processes().filter(|_| measure == Measure::Wall);
            let mut keys: Vec<_> = sampled.chain(waited).filter(|k| keys.contains(k)).collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        });
        Self {
            measure,
            samples: model.profile.version(),
            stacks: model.stacks.version(),
            since_ns: model.since_ns,
            now_ns: model.now_ns,
            matching,
            process: scope.process,
        }
    }
}

/// Names a row of the top functions.
pub fn function_id(row: &TopRow) -> u64 {
    let mut hasher = FxHasher::default();
    Function::of(&row.frame).hash(&mut hasher);
    hasher.finish()
}

fn sort_functions(functions: &mut [TopRow], sort: Sort) {
    let title = COLUMNS[sort.column].title;
    let compare = |a: &TopRow, b: &TopRow| match title {
        "SELF" => (a.own, a.total).cmp(&(b.own, b.total)),
        "TOTAL" => (a.total, a.own).cmp(&(b.total, b.own)),
        "FUNCTION" => a.frame.name.cmp(&b.frame.name),
        _ => a.frame.module.cmp(&b.frame.module),
    };
    sort_rows(functions, sort, compare, |row| (row.frame.name.clone(), function_id(row)));
}
