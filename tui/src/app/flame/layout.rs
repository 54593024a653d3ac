//! What is where: boxes to rectangles of the screen.

use super::FlameView;
use super::spans::{Span, Spans};
use crate::flame::{FlameTree, Node, Role, State};
use crate::source::FrameKind;
use crate::text;
use ratatui::layout::Rect;

/// What decides the style of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Kernel code.
    Kernel,
    /// User code.
    User,
    /// User code that was inlined.
    Inlined,
    /// A process, a thread or a note.
    Note,
    /// Time that threads ran.
    Running,
    /// Time that they waited for a CPU.
    Waiting,
    /// Time that they were blocked.
    Blocked,
    /// Several boxes, each narrower than a column.
    Merged,
}

/// A box on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Where it is; one row high.
    pub rect: Rect,
    /// The box; of merged ones, the one with the most samples.
    pub node: usize,
    /// What is written into it: as wide as the box without its edge, or empty.
    pub label: String,
    /// Its kind.
    pub look: Look,
    /// Which of two shades it has; neighbours in a row differ.
    pub shade: bool,
    /// There is a column on its right, with no box in it.
    pub ends: bool,
    /// It is the selected box, or the selected one is merged here.
    pub selected: bool,
    /// It is below the box that is zoomed into: drawn wider than it is.
    pub below_zoom: bool,
    /// The search found it, or one that is merged here or is above those.
    pub matched: bool,
}

/// A row that stands for those that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Where it is.
    pub rect: Rect,
    /// How many rows it stands for.
    pub rows: usize,
}

/// Everything on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Where it is.
    pub area: Rect,
    /// The boxes that are on the screen, row by row from the bottom, each from left to right.
    pub cells: Vec<Cell>,
    /// Rows above the screen.
    pub above: Option<Edge>,
    /// Rows below the screen.
    pub below: Option<Edge>,
}

impl Layout {
    /// What is at a column and row of the screen.
    pub fn hit(&self, x: u16, y: u16) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.rect.contains((x, y).into()))
    }

    /// The selected box, or what it is merged into.
    pub fn selected(&self) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.selected)
    }
}

/// Lays a flame graph out: the root at the bottom, the selected box on the screen.
pub fn layout(tree: &FlameTree, area: Rect, view: &FlameView) -> Layout {
    let zoom = view.zoomed(tree);
    let spans = Spans::new(tree, zoom, area.width);
    let Some(selected) = spans.place_of(tree, view.selected(tree)) else {
        return Layout::default();
    };
    let window = Window::new(view.scroll(), selected.0, spans.levels.len(), area.height.into());
    let scene = Scene {
        tree,
        area,
        zoom_level: tree.nodes[zoom].depth,
        selected,
        matched: Matched::new(tree, view.search()),
    };
    let bottom = area.bottom() - u16::from(window.below());
    let rows = (area.y..bottom).rev().zip(window.first..window.first + window.rows);
    let cells = rows.flat_map(|(y, level)| scene.row(level, &spans.levels[level], y)).collect();
    let row = |y| Rect { y, height: 1, ..area };
    let (above, below) = (window.hidden_above(), window.first);
    Layout {
        area,
        cells,
        above: window.above().then(|| Edge { rect: row(area.y), rows: above }),
        below: window.below().then(|| Edge { rect: row(bottom), rows: below }),
    }
}

/// What all cells have in common.
struct Scene<'a> {
    tree: &'a FlameTree,
    area: Rect,
    zoom_level: usize,
    selected: (usize, usize),
    matched: Matched,
}

impl Scene<'_> {
    fn row(&self, level: usize, spans: &[Span], y: u16) -> Vec<Cell> {
        let cell = |(index, span): (usize, &Span)| {
            let next = spans.get(index + 1).map_or(self.area.width, |next| next.x);
            let node = &self.tree.nodes[span.node];
            Cell {
                rect: Rect::new(self.area.x + span.x, y, span.width, 1),
                node: span.node,
                label: label(node, *span),
                look: look(node, *span),
                shade: (index + level) % 2 == 1,
                ends: span.merged == 0 && next > span.x + span.width,
                selected: (level, index) == self.selected,
                below_zoom: level < self.zoom_level,
                matched: self.matched.has(*span, self.tree),
            }
        };
        spans.iter().enumerate().map(cell).collect()
    }
}

fn look(node: &Node, span: Span) -> Look {
    match (node.role, node.frame.kind) {
        _ if span.merged > 0 => Look::Merged,
        (Role::State(State::Running), _) => Look::Running,
        (Role::State(State::WaitingForCpu), _) => Look::Waiting,
        (Role::State(State::Blocked(_)), _) => Look::Blocked,
        (_, FrameKind::Kernel) => Look::Kernel,
        (_, FrameKind::User) if node.frame.inlined => Look::Inlined,
        (_, FrameKind::User) => Look::User,
        (_, FrameKind::Note | FrameKind::End) => Look::Note,
    }
}

/// Columns that merged boxes take at least for their number to be written.
const COUNT_MIN: usize = 4;

fn label(node: &Node, span: Span) -> String {
    let width = usize::from(span.width);
    if span.merged > 0 {
        // In less, a number would be all there is to see.
        let count = format!("…{}", span.merged);
        return match width {
            0..COUNT_MIN => String::new(),
            _ => text::fit(if text::width(&count) <= width { &count } else { "…" }, width),
        };
    }
    match node.frame.name.as_str() {
        // A column or two would hold an ellipsis and a letter.
        _ if width < 4 => String::new(),
        // The end of a Rust or C++ path tells more than its start.
        name if name.contains("::") => text::fit_end(name, width - 1),
        name => text::fit(name, width - 1),
    }
}

/// Which boxes the search found, and which have one of those above them.
struct Matched {
    found: Vec<bool>,
    below_found: Vec<bool>,
}

impl Matched {
    fn new(tree: &FlameTree, search: &str) -> Self {
        let matches = tree.find(search).nodes;
        let size = if matches.is_empty() { 0 } else { tree.nodes.len() };
        let (mut found, mut below_found) = (vec![false; size], vec![false; size]);
        for node in matches {
            found[node] = true;
            for node in tree.ancestry(node) {
                if std::mem::replace(&mut below_found[node], true) {
                    break;
                }
            }
        }
        Self { found, below_found }
    }

    fn has(&self, span: Span, tree: &FlameTree) -> bool {
        if span.merged == 0 {
            return self.found.get(span.node) == Some(&true);
        }
        let parent = &tree.nodes[tree.nodes[span.node].parent];
        let limit = tree.nodes[span.node].total;
        // The merged ones are the children with no more samples than the biggest of them.
        let mut narrow = parent.children.iter().filter(|c| tree.nodes[**c].total <= limit);
        narrow.any(|child| self.below_found.get(*child) == Some(&true))
    }
}

/// Which levels are on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The lowest level that is shown.
    pub first: usize,
    /// How many levels are shown.
    pub rows: usize,
    levels: usize,
    height: usize,
}

impl Window {
    /// The window nearest to `scroll` that shows the level `selected`. Rows that do not fit cost a
    /// row that says so, unless there are less than three.
    pub fn new(scroll: usize, selected: usize, levels: usize, height: usize) -> Self {
        let mut window = Self { first: scroll, rows: 0, levels, height };
        let top_most = if height < 3 {
            levels.saturating_sub(height)
        } else {
            levels - (height - 1).min(levels)
        };
        window.first = if levels <= height { 0 } else { scroll.min(top_most).min(selected) };
        if height >= 3 && window.first == 1 {
            // The row that would stand for the root has room for the root.
            window.first = 0;
        }
        window.rows = window.room();
        while selected >= window.first + window.rows && window.first < top_most {
            window.first += 1;
            window.rows = window.room();
        }
        window
    }

    fn room(&self) -> usize {
        let left = self.levels - self.first.min(self.levels);
        if self.height < 3 {
            return left.min(self.height);
        }
        let rows = self.height - usize::from(self.below());
        if left > rows { rows - 1 } else { left }
    }

    pub fn below(&self) -> bool {
        self.height >= 3 && self.first > 0
    }

    pub fn above(&self) -> bool {
        self.height >= 3 && self.hidden_above() > 0
    }

    fn hidden_above(&self) -> usize {
        self.levels - self.first - self.rows
    }
}
