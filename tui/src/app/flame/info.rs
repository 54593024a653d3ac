//! What is said about the selected box.

use super::FlameView;
use crate::flame::{FlameTree, Measure, Role};
use crate::source::FrameKind;
use crate::text;

/// The selected box in words. All text is safe to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxInfo {
    /// Full name.
    pub name: String,
    /// `kernel`, `user`, `inlined`, `process`, `thread`, `state`, `note`, or `all`.
    pub kind: &'static str,
    /// The file the code is from.
    pub module: Option<String>,
    /// Source file and line, `file:line`.
    pub location: Option<String>,
    /// Samples (or ns) in the box alone.
    pub own: u64,
    /// Samples (or ns) in the box and all above it.
    pub total: u64,
    /// What the numbers measure.
    pub measure: Measure,
    /// `own` as a share (1.0 is all) of the whole graph, whatever is zoomed into.
    pub own_share: f64,
    /// `total` as a share of the whole graph.
    pub total_share: f64,
}

/// What is known about the selected box; `None` when the graph is empty.
pub fn info(tree: &FlameTree, view: &FlameView) -> Option<BoxInfo> {
    if tree.is_empty() {
        return None;
    }
    let node = &tree.nodes[view.selected(tree)];
    let frame = &node.frame;
    let safe = |text: &str| text::visible(text).into_owned();
    let kind = match (node.role, frame.kind) {
        (Role::All, _) => "all",
        (Role::Process(_), _) => "process",
        (Role::Thread, _) => "thread",
        (Role::State(_), _) => "state",
        (_, FrameKind::Note | FrameKind::End) => "note",
        (_, FrameKind::Kernel) => "kernel",
        (_, FrameKind::User) if frame.inlined => "inlined",
        (_, FrameKind::User) => "user",
    };
    let location = frame.file.as_deref().map(|file| match frame.line {
        Some(line) => format!("{}:{line}", safe(file)),
        None => safe(file),
    });
    let share = |part: u64| part as f64 / tree.total() as f64;
    Some(BoxInfo {
        name: safe(&frame.name),
        kind,
        module: frame.module.as_deref().map(safe),
        location,
        own: node.own,
        total: node.total,
        measure: tree.measure,
        own_share: share(node.own),
        total_share: share(node.total),
    })
}

/// What the search found, `12 matches, 34.5%` of the whole graph; `None` without a search.
pub fn search_summary(tree: &FlameTree, view: &FlameView) -> Option<String> {
    if view.search().is_empty() {
        return None;
    }
    let found = tree.find(view.search());
    let count = match found.nodes.len() {
        0 => return Some("no matches".to_owned()),
        1 => "1 match".to_owned(),
        n => format!("{n} matches"),
    };
    Some(format!("{count}, {}", text::percent(found.total as f64 / tree.total() as f64)))
}
