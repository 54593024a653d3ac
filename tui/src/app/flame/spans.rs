//! Which boxes are drawn, and from which column to which: whole columns shared out among the boxes
//! of a parent, from the root up.

use super::FlameView;
use crate::flame::{FlameTree, Opening};

/// A box, or several too narrow for one each, on a level of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The box; of several, the one with the most samples.
    pub node: usize,
    /// First column.
    pub x: u16,
    /// Columns, at least one.
    pub width: u16,
    /// How many boxes are merged here; 0 for a box of its own.
    pub merged: usize,
}

/// All levels of a graph, from the root up; a level is a depth in the tree. On each, from left to
/// right.
#[derive(Debug)]
pub(super) struct Spans {
    pub levels: Vec<Vec<Span>>,
}

impl Spans {
    /// Shares `columns` out to the zoomed box and what is above it; what is below it gets all.
    pub fn new(tree: &FlameTree, zoom: usize, columns: u16) -> Self {
        let mut spans = Self::up_to(tree, zoom, columns);
        while spans.climb(tree) {}
        spans
    }

    /// The zoomed box and what is below it.
    fn up_to(tree: &FlameTree, zoom: usize, columns: u16) -> Self {
        let mut levels = Vec::new();
        if columns > 0 && !tree.is_empty() {
            let full = |node| vec![Span { node, x: 0, width: columns, merged: 0 }];
            levels.extend(tree.ancestry(zoom).map(full));
            levels.reverse();
        }
        Self { levels }
    }

    /// The boxes of the highest level so far.
    fn top(&self) -> impl Iterator<Item = Span> {
        self.levels.last().into_iter().flatten().filter(|span| span.merged == 0).copied()
    }

    /// Adds the level above the highest, if there is one.
    fn climb(&mut self, tree: &FlameTree) -> bool {
        let mut next = Vec::new();
        self.top().for_each(|span| share_out(tree, span, &mut next));
        let any = !next.is_empty();
        self.levels.extend(any.then_some(next));
        any
    }

    /// Where a box is drawn: its level, and its place there. One that is not drawn is where the
    /// boxes it is merged with are, or else where the nearest box below it is.
    pub fn place_of(&self, tree: &FlameTree, node: usize) -> Option<(usize, usize)> {
        let mut path: Vec<usize> = tree.ancestry(node).collect();
        path.reverse();
        let mut place = None;
        for (level, (spans, node)) in self.levels.iter().zip(path).enumerate() {
            let is_box = |span: &Span| span.merged == 0 && span.node == node;
            if let Some(index) = spans.iter().position(is_box) {
                place = Some((level, index));
                continue;
            }
            let parent = tree.nodes[node].parent;
            let holds = |span: &Span| span.merged > 0 && tree.nodes[span.node].parent == parent;
            return spans.iter().position(holds).map(|index| (level, index)).or(place);
        }
        place
    }

    /// What is drawn at a place that [`Self::place_of`] gave.
    pub fn at(&self, (level, index): (usize, usize)) -> Span {
        self.levels[level][index]
    }
}

/// Opens what is drawn of a graph in so many columns, what is selected, and what a search finds.
pub(in crate::app) fn open_seen(graph: &mut Opening<'_>, view: &FlameView, columns: u16) {
    let [zoom, selected] = view.paths();
    graph.open_path(selected);
    let zoom = graph.open_path(zoom);
    if !view.search().is_empty() {
        graph.open_found(view.search());
    }
    let mut spans = Spans::up_to(graph.tree(), zoom, columns);
    loop {
        spans.top().for_each(|span| graph.open(span.node));
        if !spans.climb(graph.tree()) {
            return;
        }
    }
}

/// Whether [`open_seen`] would open nothing, but for what a search finds.
pub(in crate::app) fn is_seen_open(tree: &FlameTree, view: &FlameView, columns: u16) -> bool {
    let (zoom, selected) = (view.zoomed(tree), view.selected(tree));
    let is_open = |node: usize| tree.nodes[node].open;
    if !is_open(zoom) || !is_open(selected) {
        return false;
    }
    let spans = Spans::new(tree, zoom, columns);
    spans.levels.iter().flatten().all(|span| span.merged > 0 || is_open(span.node))
}

/// Shares the columns of a box out to its children, in their order; those that would get less than
/// one are merged, to the right of the others. A child never gets less than a column, and what is
/// left at the end is the parent's own.
fn share_out(tree: &FlameTree, parent: Span, out: &mut Vec<Span>) {
    let weight = |node: usize| u128::from(tree.nodes[node].total);
    let children = tree.nodes[parent.node].children.iter().copied();
    // Sums of what a hostile capture holds stop at the largest number: the parts may be more.
    let parts: u128 = children.clone().map(weight).sum();
    let (whole, columns) = (weight(parent.node).max(parts), u128::from(parent.width));
    let (mut shown, narrow): (Vec<_>, Vec<_>) =
        children.filter(|c| weight(*c) > 0).partition(|child| weight(*child) * columns >= whole);
    // Room: the shown ones have a column each at least, so there are no more of them than columns;
    // and when there are as many, they have all the samples and nothing is narrow. Only where a sum
    // stopped at the largest number, what has no room is not shown.
    shown.truncate(usize::from(parent.width));
    let mut merged = 0;
    let has_narrow = !narrow.is_empty() && shown.len() < usize::from(parent.width);
    if let Some(most) = narrow.iter().copied().rev().max_by_key(|child| weight(*child))
        && has_narrow
    {
        shown.push(most);
        let alone = narrow.len() == 1 && weight(most) * columns * 2 >= whole;
        merged = if alone { 0 } else { narrow.len() };
    }
    let narrow_weight: u128 = narrow.iter().map(|child| weight(*child)).sum();
    let (count, end) = (shown.len(), parent.x + parent.width);
    let (mut x, mut so_far) = (parent.x, 0);
    for (index, node) in shown.into_iter().enumerate() {
        let is_narrow = index + 1 == count && has_narrow;
        so_far += if is_narrow { narrow_weight } else { weight(node) };
        // Sums that stop at the largest number can be less than what they are made of.
        so_far = so_far.min(whole);
        let ideal = parent.x + ((so_far * columns + whole / 2) / whole) as u16;
        let for_others = (count - index - 1) as u16;
        let next = ideal.max(x + 1).min(end - for_others);
        out.push(Span { node, x, width: next - x, merged: if is_narrow { merged } else { 0 } });
        x = next;
    }
}
