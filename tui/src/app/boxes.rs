//! What the user does in the flame graph.

use super::flame::Motion;
use super::pane::Pane;
use super::state::App;
use super::table::Move;
use crate::flame::Role;
use std::sync::Arc;

impl App {
    pub(super) fn enter_box(&mut self) {
        if self.tree().is_empty() {
            return;
        }
        let role = self.tree().nodes[self.view().flame.selected(self.tree())].role;
        match (role, self.view().process) {
            (Role::Process(key), None) => self.open_detail(key),
            _ => self.move_in_flame(Motion::ZoomIn),
        }
    }

    pub(super) fn find_function(&mut self) {
        let cursor = self.view().table(Pane::Profile).cursor;
        let name = self.derived.profile.functions[cursor].frame.name.clone();
        self.view_mut().functions = false;
        self.search(&name);
    }

    /// Searches, and goes to the widest match where the selected box is none.
    pub(super) fn search(&mut self, text: &str) {
        self.view_mut().flame.set_search(text);
        self.show_graph();
        let tree = Arc::clone(&self.derived.profile.tree);
        let flame = &self.view().flame;
        if !tree.find(text).nodes.contains(&flame.selected(&tree)) {
            self.move_in_flame(Motion::WidestMatch);
        }
    }

    pub(super) fn step_match(&mut self, motion: Motion) {
        self.view_mut().functions = false;
        self.move_in_flame(motion);
    }

    pub(super) fn go_in_flame(&mut self, step: Move) {
        let (motion, times) = match step {
            Move::Lines(lines) if lines < 0 => (Motion::Up, lines.unsigned_abs()),
            Move::Lines(lines) => (Motion::Down, lines.unsigned_abs()),
            Move::Halves(halves) if halves < 0 => (Motion::PageUp, 1),
            Move::Halves(_) => (Motion::PageDown, 1),
            Move::Top => (Motion::HotLeaf, 1),
            Move::Bottom => (Motion::Root, 1),
        };
        (0..times).for_each(|_| self.move_in_flame(motion));
    }

    pub(super) fn scroll_flame(&mut self, lines: isize) {
        self.go_in_flame(Move::Lines(lines));
    }

    pub(super) fn move_in_flame(&mut self, motion: Motion) {
        self.show_graph();
        let area = self.layout.flame();
        let tree = Arc::clone(&self.derived.profile.tree);
        if !tree.is_empty() {
            self.view_mut().flame.apply(&tree, area, motion);
        }
    }

    pub(super) fn click_box(&mut self, column: u16, row: u16) -> bool {
        let area = self.layout.flame();
        let tree = Arc::clone(&self.derived.profile.tree);
        !tree.is_empty() && self.view_mut().flame.select_at(&tree, area, column, row)
    }
}
