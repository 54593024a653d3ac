//! What the profile pane shows: the flame graph's tree, and the functions in it.

use super::{Scope, sort_rows};
use crate::app::table::{Column, Order, Sort};
use crate::flame::{self, FlameTree, Function, Measure, TopRow};
use crate::model::{Model, ProcKey, StackEnds};
use crate::sums;
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
            origin: None,
            sort: None,
        }
    }
}

impl Graph {
    /// Makes the graph anew where what it is made of has changed; the functions only when they are
    /// shown, by the order they are shown in.
    pub fn update(&mut self, model: &Model, scope: Scope<'_>, functions: Option<Sort>) {
        self.sum(model, scope);
        let origin = Origin::of(model, scope);
        if self.origin.as_ref().is_none_or(|old| old.is_outdated(&origin, self.tree.total())) {
            self.tree = Arc::new(flame::cpu(model, |key| scope.accepts(key)));
            self.ends = StackEnds::of(model, |key| scope.accepts(key));
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
        let of = |origin: &Self| (origin.since_ns, origin.process);
        if of(self) != of(now) || self.matching != now.matching {
            return true;
        }
        let grown = (self.samples, self.stacks) != (now.samples, now.stacks);
        // The time may also run backwards: a paused screen goes back.
        let waited = self.now_ns.abs_diff(now.now_ns) >= PATIENCE_NS;
        grown && (waited || samples < MANY_SAMPLES)
    }

    fn of(model: &Model, scope: Scope<'_>) -> Self {
        let matching = scope.matching.map(|keys| {
            let sampled = model.profile.iter().map(|(key, _)| key);
            let mut keys: Vec<_> = sampled.filter(|key| keys.contains(key)).collect();
            keys.sort_unstable();
            keys
        });
        Self {
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
