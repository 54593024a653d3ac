//! What the profile pane shows: the flame graph's tree, and the functions in it.

mod functions;
mod parts;
#[cfg(test)]
mod properties;

use super::Scope;
use crate::app::flame::{self as flame_view, FlameView};
use crate::app::table::{Column, Order, Sort};
use crate::flame::{FlameTree, Function, Measure, Opening, Times, TopRow};
use crate::model::{Model, ProcKey, ProcessSamples, StackEnds};
use crate::sums;
use parts::Parts;
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
    /// What tells a set of processes from another.
    matching: Option<u64>,
    process: Option<ProcKey>,
}

/// What is looked at of a graph.
#[derive(Clone, Copy, Debug)]
pub enum Look<'a> {
    /// Boxes, drawn in so many columns.
    Boxes(&'a FlameView, u16),
    /// Its functions, in this order.
    Functions(Sort),
}

/// The flame graph and its functions.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The flame graph: as far as it is looked at, see [`Opening`].
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
    has_functions: bool,
    /// What the boxes were opened for.
    searched: String,
    parts: Parts,
}

impl Default for Graph {
    fn default() -> Self {
        Self {
            tree: Arc::new(FlameTree::empty(Measure::Cpu)),
            functions: Vec::new(),
            samples: 0,
            rate: 0.0,
            ends: StackEnds::default(),
            times: Times::default(),
            origin: None,
            sort: None,
            has_functions: false,
            searched: String::new(),
            parts: Parts::default(),
        }
    }
}

impl Graph {
    /// Makes the graph anew where what it is made of has changed; the functions only when they are
    /// shown, by the order they are shown in.
    pub fn update(&mut self, model: &Model, scope: Scope<'_>, measure: Measure, look: Look<'_>) {
        self.sum(model, scope);
        let origin = Origin::of(model, scope, measure);
        if self.origin.as_ref().is_none_or(|old| old.is_outdated(&origin, self.tree.total())) {
            self.renew(model, scope, measure, look);
        }
        self.sort(look);
    }

    /// Makes the graph ready for what is looked at now: boxes that were not seen before, or functions.
    pub fn show(&mut self, model: &Model, scope: Scope<'_>, measure: Measure, look: Look<'_>) {
        let ready = match look {
            Look::Boxes(view, columns) => {
                (view.search().is_empty() || self.searched == view.search())
                    && flame_view::is_seen_open(&self.tree, view, columns)
            }
            Look::Functions(_) => self.has_functions,
        };
        if !ready {
            self.renew(model, scope, measure, look);
        }
        self.sort(look);
    }

    fn sort(&mut self, look: Look<'_>) {
        if let Look::Functions(sort) = look
            && self.sort != Some(sort)
        {
            sort_functions(&mut self.functions, sort);
            self.sort = Some(sort);
        }
    }

    fn renew(&mut self, model: &Model, scope: Scope<'_>, measure: Measure, look: Look<'_>) {
        self.origin = Some(Origin::of(model, scope, measure));
        let functions = matches!(look, Look::Functions(_));
        let sums = self.parts.update(model, scope, measure, functions);
        (self.ends, self.times) = (sums.ends, sums.times);
        (self.has_functions, self.sort) = (functions, None);
        self.searched.clear();
        self.functions.clear();
        self.tree = Arc::new(match look {
            Look::Boxes(view, columns) => {
                let mut graph = Opening::new(model, measure, self.parts.labelled());
                flame_view::open_seen(&mut graph, view, columns);
                view.search().clone_into(&mut self.searched);
                graph.finish()
            }
            Look::Functions(_) => {
                self.functions = self.parts.functions(model);
                FlameTree::closed(measure, sums.total)
            }
        });
    }

    /// The next update makes the graph anew, however little has changed.
    pub fn expire(&mut self) {
        self.origin = None;
    }

    /// Another model is shown from now on: what was found out about processes is not true of it.
    pub fn model_replaced(&mut self) {
        self.parts.distrust();
    }

    fn sum(&mut self, model: &Model, scope: Scope<'_>) {
        self.rate = rate(model, scope);
        self.samples = match scope.is_everything() {
            true => model.profile.total,
            false => sums::sum(sampled(model, scope).map(|samples| samples.total)),
        };
    }
}

/// Samples a second.
pub(super) fn rate(model: &Model, scope: Scope<'_>) -> f64 {
    if scope.is_everything() {
        return model.profile.rate.per_second(&model.ticks);
    }
    sampled(model, scope).map(|samples| samples.rate.per_second(&model.ticks)).sum()
}

/// The samples of the processes in scope, where not all are.
fn sampled<'m>(model: &'m Model, scope: Scope<'m>) -> impl Iterator<Item = &'m ProcessSamples> {
    scope.chosen().filter_map(|key| model.profile.of(key))
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
            let has_stacks = |key: &&ProcKey| {
                let waits = || measure == Measure::Wall && model.offcpu.has(**key);
                model.profile.of(**key).is_some() || waits()
            };
            keys.iter().filter(has_stacks).map(mixed).fold(0, u64::wrapping_add)
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

/// The same for the same process; sums of these are those of the same set of processes.
fn mixed(key: &ProcKey) -> u64 {
    let mixed =
        (key.start_ns ^ u64::from(key.pid).rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// Names a row of the top functions.
pub fn function_id(row: &TopRow) -> u64 {
    let mut hasher = FxHasher::default();
    Function::of(&row.frame).hash(&mut hasher);
    hasher.finish()
}

fn sort_functions(functions: &mut [TopRow], sort: Sort) {
    let title = COLUMNS[sort.column].title;
    functions.sort_unstable_by(|a, b| {
        let order = match title {
            "SELF" => (a.own, a.total).cmp(&(b.own, b.total)),
            "TOTAL" => (a.total, a.own).cmp(&(b.total, b.own)),
            "FUNCTION" => a.frame.name.cmp(&b.frame.name),
            _ => a.frame.module.cmp(&b.frame.module),
        };
        let order = if sort.descending { order.reverse() } else { order };
        let order = order.then_with(|| a.frame.name.cmp(&b.frame.name));
        // Equal ones by something, so that they do not dance.
        order.then_with(|| function_id(a).cmp(&function_id(b)))
    });
}
