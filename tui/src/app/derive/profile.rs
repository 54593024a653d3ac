//! What the profile pane shows: the flame graph's tree, and the functions in it.

use super::{Scope, sort_rows};
use crate::app::table::{Column, Order, Sort};
use crate::flame::{self, FlameTree, Function, TopRow, Unit};
use crate::model::{Model, ProcKey};
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

/// What a graph was made of; the same again gives the same graph.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    samples: u64,
    stacks: u64,
    since_ns: u64,
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
    origin: Option<Origin>,
    sort: Option<Sort>,
}

impl Default for Graph {
    fn default() -> Self {
        Self {
            tree: Arc::new(FlameTree { nodes: Vec::new(), unit: Unit::Samples }),
            functions: Vec::new(),
            samples: 0,
            rate: 0.0,
            origin: None,
            sort: None,
        }
    }
}

impl Graph {
    /// Makes the graph anew where what it is made of has changed.
    pub fn update(&mut self, model: &Model, scope: Scope<'_>, sort: Sort) {
        self.sum(model, scope);
        let origin = Some(Origin::of(model, scope));
        if self.origin != origin {
            self.tree = Arc::new(flame::cpu(model, |key| scope.accepts(key)));
            self.functions = self.tree.top();
            self.origin = origin;
            self.sort = None;
        }
        if self.sort != Some(sort) {
            sort_functions(&mut self.functions, sort);
            self.sort = Some(sort);
        }
    }

    fn sum(&mut self, model: &Model, scope: Scope<'_>) {
        if scope.is_everything() {
            self.samples = model.profile.total;
            self.rate = model.profile.rate.per_second(&model.ticks);
            return;
        }
        (self.samples, self.rate) = (0, 0.0);
        for (_, samples) in model.profile.iter().filter(|(key, _)| scope.accepts(*key)) {
            self.samples += samples.total;
            self.rate += samples.rate.per_second(&model.ticks);
        }
    }
}

impl Origin {
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
