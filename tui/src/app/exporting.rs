//! Exporting a flame graph: of the time off the CPU in its pane, elsewhere that of the profile pane.

use super::pane::Pane;
use super::state::App;
use super::time::words;
use super::update::Effect;
use crate::flame::{self, FlameTree, Measure, Role};
use crate::model::Stacks;
use std::sync::Arc;

/// An export waits at most this long, in ns, for symbols that are being looked up.
const PATIENCE_NS: u64 = 3_000_000_000;
/// One sample in so many may be without symbols: on a busy machine there are always new stacks.
const FEW: u64 = 50;

/// A flame graph to write.
#[derive(Clone, Debug)]
pub struct Export {
    /// The graph.
    pub tree: Arc<FlameTree>,
    /// What it shows, for its title.
    pub subject: String,
    /// From when it shows what happened, in ns since the Unix epoch; `None`: from the start of the
    /// watch, or the last clearing.
    pub since_ns: Option<i64>,
    /// Until when, in ns since the Unix epoch.
    pub time_ns: i64,
    /// The process, where it is of one.
    pub process: Option<(u32, String)>,
}

/// An export that was asked for and waits for symbols.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    measure: Measure,
    /// When it was asked for, in ns of the model.
    since_ns: u64,
}

impl App {
    /// Exports the graph that the focused pane is about: at once, or as soon as its functions have
    /// names.
    pub(super) fn export(&mut self) -> Option<Effect> {
        let (measure, what) = match self.view().focus {
            Pane::Offcpu => (Measure::OffCpu, "waits"),
            _ => match self.view().measure() {
                Measure::Wall => (Measure::Wall, "time"),
                measure => (measure, "samples"),
            },
        };
        self.awaited_export = None;
        let tree = self.graph_of(measure);
        if tree.is_empty() {
            self.say(format!("no {what} to export{}", words::so_far(self)), true);
            return None;
        }
        // Where nothing new comes, waiting would be in vain.
        if !self.shows_timeline() && !self.ended && lacks_symbols(&tree) {
            self.awaited_export = Some(Awaited { measure, since_ns: self.live().now_ns });
            self.say("the flame graph is written as soon as its symbols are looked up…", false);
            return None;
        }
        Some(self.export_now(tree))
    }

    /// After a batch: exports the graph that was asked for, if it need not wait any longer.
    pub(super) fn export_when_ready(&mut self) -> Option<Effect> {
        let Awaited { measure, since_ns } = self.awaited_export?;
        let tree = self.graph_of(measure);
        let waited_ns = self.live().now_ns.saturating_sub(since_ns);
        let wait = lacks_symbols(&tree) && waited_ns < PATIENCE_NS;
        if wait || tree.is_empty() {
            return None;
        }
        Some(self.export_now(tree))
    }

    /// The graph as it is now, all of it; where it is that of the profile pane, that is made anew, too.
    fn graph_of(&mut self, measure: Measure) -> Arc<FlameTree> {
        if measure == self.view().measure() {
            self.derived.profile.expire();
            self.sort_changed(Pane::Profile);
            self.derive(Pane::Profile);
        }
        self.renew_matching();
        let scope = self.scope();
        let stacks = flame::weigh(self.model(), measure, |key| scope.accepts(key));
        Arc::new(flame::fold(measure, &stacks))
    }

    fn export_now(&mut self, tree: Arc<FlameTree>) -> Effect {
        self.awaited_export = None;
        let model = self.model();
        let name = |key| model.processes.get(key).map_or("?", |process| process.comm.as_str());
        let process = self.view().process.map(|key| (key.pid, name(key).to_owned()));
        let subject = match (&process, self.filter.text()) {
            (Some((pid, comm)), _) => format!("{comm} ({pid})"),
            (None, "") => "all processes".to_owned(),
            (None, filter) => filter.to_owned(),
        };
        let real = |ns| model.watched.realtime_offset_ns.saturating_add_unsigned(ns);
        let since_ns = self.time.is_chosen().then(|| real(model.since_ns));
        Effect::Export(Export { tree, subject, since_ns, time_ns: real(model.now_ns), process })
    }
}

/// Whether more than a few samples (or ns) of a graph have no frames yet. A state, which is above
/// its stack, counts with that.
fn lacks_symbols(tree: &FlameTree) -> bool {
    let pending = tree.nodes.iter().filter(|node| match node.role {
        Role::State(_) => Stacks::is_pending(&tree.nodes[node.parent].frame),
        _ => Stacks::is_pending(&node.frame),
    });
    pending.map(|node| node.own).sum::<u64>() * FEW > tree.total()
}
