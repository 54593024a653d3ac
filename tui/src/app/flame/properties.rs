//! What a layout must be, whatever is in the tree and however small the screen.

use super::layout::Window;
use super::spans::Spans;
use super::*;
use crate::flame::FlameTree;
use crate::flame::tests::any_tree;
use crate::text;
use proptest::prelude::*;
use ratatui::layout::Rect;
use std::collections::BTreeSet;

/// Boxes are on the screen, apart from each other, and what is not there is counted.
fn check(tree: &FlameTree, area: Rect, view: &FlameView) -> Result<(), TestCaseError> {
    let layout = layout(tree, area, view);
    prop_assert_eq!(layout.cells.iter().filter(|cell| cell.selected).count(), 1);
    let mut taken = vec![false; usize::from(area.width) * usize::from(area.height)];
    let edges = layout.above.iter().chain(&layout.below).map(|edge| edge.rect);
    for rect in layout.cells.iter().map(|cell| cell.rect).chain(edges) {
        prop_assert!(!rect.is_empty() && rect.intersection(area) == rect, "{:?}", rect);
        for x in rect.left()..rect.right() {
            let index = usize::from(rect.y) * usize::from(area.width) + usize::from(x);
            prop_assert!(
                !std::mem::replace(&mut taken[index], true),
                "two boxes at {} {}",
                x,
                rect.y
            );
        }
    }
    for cell in &layout.cells {
        prop_assert!(text::width(&cell.label) <= usize::from(cell.rect.width));
        prop_assert_eq!(layout.hit(cell.rect.x, cell.rect.y), Some(cell));
    }
    let rows: BTreeSet<u16> = layout.cells.iter().map(|c| c.rect.y).collect();
    let hidden =
        layout.above.map_or(0, |edge| edge.rows) + layout.below.map_or(0, |edge| edge.rows);
    let levels = Spans::new(tree, view.zoomed(tree), area.width).levels.len();
    if area.height >= 3 {
        prop_assert_eq!(rows.len() + hidden, levels, "what is not shown is counted");
    }
    Ok(())
}

/// Every child of a box that is drawn is drawn inside of it, or counted in one merged box there.
fn check_spans(tree: &FlameTree, zoom: usize, columns: u16) -> Result<(), TestCaseError> {
    let spans = Spans::new(tree, zoom, columns);
    for (level, row) in spans.levels.iter().enumerate().skip(tree.nodes[zoom].depth) {
        for parent in row.iter().filter(|span| span.merged == 0) {
            let node = &tree.nodes[parent.node];
            let above = spans.levels.get(level + 1).into_iter().flatten();
            let above = above.filter(|span| tree.nodes[span.node].parent == parent.node);
            let (mut x, mut shown, mut left) = (parent.x, 0, node.total - node.own);
            for span in above {
                prop_assert!(span.width > 0 && span.x == x, "no gap and no overlap");
                x += span.width;
                shown += span.merged.max(1);
                // Merged boxes are the last: all that is left.
                let total = if span.merged > 0 { left } else { tree.nodes[span.node].total };
                left -= total;
                let ideal = total as f64 * f64::from(parent.width) / node.total as f64;
                let error = (f64::from(span.width) - ideal).abs();
                prop_assert!(error <= 2.0, "{} columns for {}", span.width, ideal);
            }
            prop_assert!(x <= parent.x + parent.width, "wider than the parent");
            prop_assert_eq!(shown, node.children.len(), "nothing vanishes");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn layouts_are_sound(
        tree in any_tree(),
        (width, height) in (1_u16..=200, 1_u16..=60),
        (selected, zoom) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        motions in prop::collection::vec(0_usize..12, 0..12),
    ) {
        prop_assume!(!tree.is_empty());
        const MOTIONS: [Motion; 12] = [
            Motion::Up, Motion::Down, Motion::Left, Motion::Right, Motion::PageUp, Motion::PageDown,
            Motion::Root, Motion::HotLeaf, Motion::ZoomIn, Motion::ZoomOut, Motion::NextMatch,
            Motion::PreviousMatch,
        ];
        let area = Rect::new(0, 0, width, height);
        let mut view = FlameView::default();
        view.set_search("run");
        view.select(&tree, zoom.index(tree.nodes.len()));
        view.apply(&tree, area, Motion::ZoomIn);
        view.select(&tree, selected.index(tree.nodes.len()));
        check(&tree, area, &view)?;
        for motion in motions {
            view.apply(&tree, area, MOTIONS[motion]);
            check(&tree, area, &view)?;
            check_spans(&tree, view.zoomed(&tree), width)?;
        }
    }
}

#[test]
fn a_window_shows_the_selected_level_and_wastes_no_row() {
    for (levels, height, scroll) in
        (1..14).flat_map(|l| (1..9).flat_map(move |h| (0..14).map(move |s| (l, h, s))))
    {
        for selected in 0..levels {
            let window = Window::new(scroll, selected, levels, height);
            let shown = window.first..window.first + window.rows;
            let case = format!("{window:?} for {selected} of {levels} in {height} from {scroll}");
            assert!(shown.contains(&selected), "{case}");
            let marks = usize::from(window.below()) + usize::from(window.above());
            assert_eq!(window.rows + marks, height.min(levels), "{case}");
            let again = Window::new(window.first, selected, levels, height);
            assert_eq!(again, window, "{case}");
        }
    }
}
