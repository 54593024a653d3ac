//! Where boxes are, what they look like, and where keys lead.

use super::*;
use crate::app::flame::{FlameView, Look, Motion, info, layout, search_summary};
use crate::flame::tests::tree;
use crate::flame::{FlameTree, Measure};
use ratatui::layout::Rect;
use ratatui::style::Color;

const COLOURS: FlamePalette = {
    const fn pair(a: Color, b: Color) -> [Style; 2] {
        [Style::new().bg(a), Style::new().bg(b)]
    }
    FlamePalette {
        kernel: pair(Color::Red, Color::LightRed),
        user: pair(Color::Yellow, Color::LightYellow),
        inlined: pair(Color::Cyan, Color::LightCyan),
        note: pair(Color::Gray, Color::DarkGray),
        edge: Style::new().fg(Color::Black),
        ..FlamePalette::PLAIN
    }
};

fn web() -> FlameTree {
    tree(
        Measure::Cpu,
        &[
            (7, "nginx", &["main", "serve", "read_[k]", "copy_to_user_[k]"], 30),
            (7, "nginx", &["main", "serve", "parse_[i]"], 12),
            (7, "nginx", &["main", "serve"], 6),
            (7, "nginx", &["main", "a1"], 1),
            (7, "nginx", &["main", "a2"], 1),
            (7, "nginx", &["main", "zz", "deep"], 1),
            (9, "postgres: writer", &["fsync_[k]"], 20),
            (9, "postgres: writer", &["checkpoint"], 3),
            (11, "日本語\u{1b}[2J", &["主な機能", "x"], 15),
        ],
    )
}

fn node(tree: &FlameTree, name: &str) -> usize {
    tree.nodes.iter().position(|node| node.frame.name == name).unwrap()
}

fn area(width: u16, height: u16) -> Rect {
    Rect::new(0, 0, width, height)
}

/// What is on the screen, with the styles.
fn screen(tree: &FlameTree, view: &FlameView, palette: &FlamePalette, area: Rect) -> String {
    let mut buffer = Buffer::empty(area);
    draw(&layout(tree, area, view), palette, &mut buffer);
    format!("{buffer:?}")
}

fn selected_at(tree: &FlameTree, name: &str) -> FlameView {
    let mut view = FlameView::default();
    view.select(tree, node(tree, name));
    view
}

#[test]
fn a_graph_stands_on_its_root() {
    let tree = web();
    let mut view = selected_at(&tree, "serve");
    view.set_search("READ");
    insta::assert_snapshot!(screen(&tree, &view, &COLOURS, area(60, 7)));
}

#[test]
fn without_colour_edges_part_the_boxes() {
    let tree = web();
    let mut view = selected_at(&tree, "serve");
    view.set_search("deep");
    insta::assert_snapshot!(screen(&tree, &view, &FlamePalette::PLAIN, area(60, 7)));
}

#[test]
fn zoomed_a_box_and_those_below_it_have_the_full_width() {
    let tree = web();
    let mut view = selected_at(&tree, "main");
    assert!(view.apply(&tree, area(60, 7), Motion::ZoomIn));
    insta::assert_snapshot!(screen(&tree, &view, &COLOURS, area(60, 7)));
}

#[test]
fn a_graph_that_is_too_high_says_how_much_is_left_out() {
    let names: Vec<String> = (0..20).map(|n| format!("level_{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let tree = tree(Measure::Cpu, &[(1, "deep", &names, 10)]);
    let mut view = FlameView::default();
    let area = area(20, 5);
    let mut shots = screen(&tree, &view, &FlamePalette::PLAIN, area);
    for motion in [Motion::PageUp, Motion::PageUp, Motion::HotLeaf] {
        assert!(view.apply(&tree, area, motion));
        shots += &format!("\n{motion:?}\n{}", screen(&tree, &view, &FlamePalette::PLAIN, area));
    }
    insta::assert_snapshot!(shots);
}

#[test]
fn small_areas_draw_what_fits() {
    let tree = web();
    let view = selected_at(&tree, "copy_to_user");
    let mut shots = String::new();
    for (width, height) in [(1, 1), (2, 2), (5, 3), (12, 4)] {
        shots += &screen(&tree, &view, &FlamePalette::PLAIN, area(width, height));
        shots.push('\n');
    }
    insta::assert_snapshot!(shots);
    assert_eq!(layout(&tree, area(0, 5), &view), Layout::default());
    assert!(layout(&tree, area(5, 0), &view).cells.is_empty());
    let empty = FlameTree::empty(Measure::Cpu);
    assert_eq!(layout(&empty, area(9, 9), &view), Layout::default());
    assert_eq!(info(&empty, &view), None);
}

#[test]
fn a_place_off_the_origin_is_respected() {
    let tree = web();
    let place = Rect::new(3, 2, 30, 5);
    let layout = layout(&tree, place, &FlameView::default());
    assert!(layout.cells.iter().all(|cell| place.intersection(cell.rect) == cell.rect));
    assert_eq!(layout.cells[0].rect, Rect::new(3, 6, 30, 1));
    // A buffer that is smaller than the layout, as while the terminal is being resized.
    let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 4));
    draw(&layout, &FlamePalette::PLAIN, &mut buffer);
}

#[test]
fn keys_move_along_parents_children_and_neighbours() {
    let tree = web();
    let area = area(60, 20);
    let mut view = FlameView::default();
    let mut go = |motion, name: &str, moved: bool| {
        assert_eq!(view.apply(&tree, area, motion), moved, "{motion:?} to {name}");
        assert_eq!(tree.nodes[view.selected(&tree)].frame.name, name, "{motion:?}");
    };
    go(Motion::Down, "all", false);
    go(Motion::Left, "all", false);
    go(Motion::Up, "nginx (7)", true);
    go(Motion::Right, "postgres: writer (9)", true);
    go(Motion::Right, "日本語\u{1b}[2J (11)", true);
    go(Motion::Right, "nginx (7)", true);
    go(Motion::Left, "日本語\u{1b}[2J (11)", true);
    go(Motion::PageUp, "x", true);
    go(Motion::Up, "x", false);
    go(Motion::PageDown, "all", true);
    go(Motion::HotLeaf, "copy_to_user", true);
    go(Motion::Down, "read", true);
    go(Motion::Root, "all", true);
}

#[test]
fn a_zoom_begins_and_ends_and_leads_through_its_ancestors() {
    let tree = web();
    let area = area(60, 20);
    let mut view = selected_at(&tree, "main");
    assert!(!view.apply(&tree, area, Motion::ZoomOut), "Esc is not consumed");
    assert!(view.apply(&tree, area, Motion::ZoomIn));
    assert!(!view.apply(&tree, area, Motion::ZoomIn));
    assert!(view.apply(&tree, area, Motion::PageDown));
    assert_eq!(view.selected(&tree), 0);
    assert!(!view.apply(&tree, area, Motion::Right), "below the zoom each row is one box");
    assert!(view.apply(&tree, area, Motion::Up));
    assert!(view.apply(&tree, area, Motion::Up));
    assert_eq!(view.selected(&tree), node(&tree, "main"));
    assert!(view.apply(&tree, area, Motion::ZoomOut));
    assert!(!view.is_zoomed());
    assert_eq!(view.selected(&tree), node(&tree, "main"), "the selection stays");
}

#[test]
fn matches_are_walked_in_order_out_of_the_zoom_if_need_be() {
    let tree = web();
    let area = area(60, 20);
    let mut view = selected_at(&tree, "serve");
    assert!(view.apply(&tree, area, Motion::ZoomIn));
    assert!(!view.apply(&tree, area, Motion::NextMatch), "nothing is searched for");
    view.set_search("C");
    let name = |view: &FlameView| tree.nodes[view.selected(&tree)].frame.name.clone();
    let mut seen = Vec::new();
    for motion in [Motion::NextMatch, Motion::NextMatch, Motion::NextMatch, Motion::PreviousMatch] {
        view.set_search(if seen.is_empty() { "read" } else { "check" });
        view.apply(&tree, area, motion);
        seen.push((name(&view), view.is_zoomed()));
    }
    let step = |name: &str, zoomed| (name.to_owned(), zoomed);
    assert_eq!(seen[0], step("read", true));
    assert_eq!(seen[1..], [(); 3].map(|()| step("checkpoint", false)));
    view.set_search("SYNC");
    assert_eq!(search_summary(&tree, &view).as_deref(), Some("1 match, 22.5%"));
    view.set_search("e");
    let found = tree.find("e").nodes;
    view.select(&tree, found[1]);
    assert!(view.apply(&tree, area, Motion::PreviousMatch));
    assert_eq!(view.selected(&tree), found[0]);
    assert!(view.apply(&tree, area, Motion::PreviousMatch));
    assert_eq!(Some(&view.selected(&tree)), found.last());
    view.set_search("nowhere");
    assert_eq!(search_summary(&tree, &view).as_deref(), Some("no matches"));
    view.set_search("");
    assert_eq!(search_summary(&tree, &view), None);
}

#[test]
fn a_click_selects_and_the_foot_tells_all_about_it() {
    let tree = web();
    let area = area(60, 7);
    let mut view = FlameView::default();
    let layout = layout(&tree, area, &view);
    let cell = layout.cells.iter().find(|c| c.node == node(&tree, "read")).unwrap();
    assert!(view.select_at(&tree, area, cell.rect.x, cell.rect.y));
    assert!(!view.select_at(&tree, area, 59, 0), "nothing is there");
    let chosen = info(&tree, &view).unwrap();
    assert_eq!((chosen.name.as_str(), chosen.kind), ("read", "kernel"));
    assert_eq!(chosen.module.as_deref(), Some("[kernel]"));
    assert_eq!((chosen.own, chosen.total, chosen.own_share), (0, 30, 0.0));
    assert!((chosen.total_share - 30.0 / 89.0).abs() < 1e-9);
    let hostile = selected_at(&tree, "日本語\u{1b}[2J (11)");
    assert!(!info(&tree, &hostile).unwrap().name.contains('\u{1b}'));
}

#[test]
fn the_view_survives_a_tree_that_grows() {
    let before = web();
    let area = area(60, 7);
    let mut view = selected_at(&before, "serve");
    assert!(view.apply(&before, area, Motion::ZoomIn));
    assert!(view.apply(&before, area, Motion::Up));
    let after = tree(
        Measure::Cpu,
        &[
            (1, "init", &["main"], 50),
            (7, "nginx", &["main", "serve", "read_[k]"], 31),
            (7, "nginx", &["main", "serve", "accept_[k]"], 90),
        ],
    );
    assert_eq!(after.nodes[view.selected(&after)].frame.name, "read");
    assert_eq!(after.nodes[view.zoomed(&after)].frame.name, "serve");
    let gone = tree(Measure::Cpu, &[(7, "nginx", &["main"], 1)]);
    assert_eq!(gone.nodes[view.selected(&gone)].frame.name, "main");
    assert_eq!(layout(&gone, area, &view).cells.len(), 3);
}

#[test]
fn long_names_are_cut_where_they_tell_least() {
    let names = ["clear_page_erms_[k]", "<alloc::vec::Vec<T> as core::clone::Clone>::clone"];
    let tree = tree(Measure::Cpu, &[(1, "x", &names, 1)]);
    let layout = layout(&tree, area(14, 4), &FlameView::default());
    let labels: Vec<_> = layout.cells.iter().map(|cell| cell.label.as_str()).collect();
    assert_eq!(labels, ["all          ", "x (1)        ", "clear_page_e…", "…lone>::clone"]);
}

#[test]
fn what_is_narrower_than_a_column_is_merged_and_can_be_selected() {
    let tree = web();
    let area = area(40, 7);
    let mut view = selected_at(&tree, "serve");
    assert!(view.apply(&tree, area, Motion::Right));
    let layout = layout(&tree, area, &view);
    let merged = layout.selected().unwrap();
    assert_eq!((merged.look, merged.label.as_str(), merged.rect.width), (Look::Merged, "", 1));
    assert_eq!(tree.nodes[merged.node].frame.name, "a1");
    assert!(!view.apply(&tree, area, Motion::Up), "what is above is not drawn");
    assert!(view.apply(&tree, area, Motion::ZoomIn));
    assert_eq!(view.zoomed(&tree), node(&tree, "a1"));
}
