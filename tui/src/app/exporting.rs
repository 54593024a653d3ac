//! Exporting the flame graph that is shown.

use super::pane::Pane;
use super::state::App;
use super::update::Effect;
use crate::flame::FlameTree;
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
    /// When its last sample was taken, in ns since the Unix epoch.
    pub time_ns: i64,
    /// The process, where it is of one.
    pub process: Option<(u32, String)>,
}

impl App {
    /// Exports the graph: at once, or as soon as its functions have names.
    pub(super) fn export(&mut self) -> Option<Effect> {
        self.renew_graph();
        if self.tree().is_empty() {
            self.say("no samples to export yet", true);
            return None;
        }
        // Where nothing new comes, waiting would be in vain.
        if self.paused_ns().is_none() && !self.ended && lacks_symbols(self.tree()) {
            self.export_since_ns = Some(self.live().now_ns);
            self.say("the flame graph is written as soon as its symbols are looked up…", false);
            return None;
        }
        Some(self.export_now())
    }

    /// After a batch: exports the graph that was asked for, if it need not wait any longer.
    pub(super) fn export_when_ready(&mut self) -> Option<Effect> {
        let since_ns = self.export_since_ns?;
        self.renew_graph();
        let waited_ns = self.live().now_ns.saturating_sub(since_ns);
        let wait = lacks_symbols(self.tree()) && waited_ns < PATIENCE_NS;
        if wait || self.tree().is_empty() {
            return None;
        }
        Some(self.export_now())
    }

    fn renew_graph(&mut self) {
        self.derived.profile.expire();
        self.sort_changed(Pane::Profile);
        self.derive(Pane::Profile);
    }

    fn export_now(&mut self) -> Effect {
        self.export_since_ns = None;
        let model = self.model();
        let name = |key| model.processes.get(key).map_or("?", |process| process.comm.as_str());
        let process = self.view().process.map(|key| (key.pid, name(key).to_owned()));
        let subject = match (&process, self.filter.text()) {
            (Some((pid, comm)), _) => format!("{comm} ({pid})"),
            (None, "") => "all processes".to_owned(),
            (None, filter) => filter.to_owned(),
        };
        let time_ns = model.watched.realtime_offset_ns.saturating_add_unsigned(model.now_ns);
        let tree = Arc::clone(&self.derived.profile.tree);
        Effect::Export(Export { tree, subject, time_ns, process })
    }
}

/// Whether more than a few samples of a graph have no frames yet.
fn lacks_symbols(tree: &FlameTree) -> bool {
    let pending = tree.nodes.iter().filter(|node| Stacks::is_pending(&node.frame));
    pending.map(|node| node.own).sum::<u64>() * FEW > tree.total()
}
