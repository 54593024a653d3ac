//! The matrix: one snapshot a pane and state, with all sizes in it.

use super::captures::{self, degraded, losing};
use super::shot::in_all_sizes;
use crate::app::pane::Pane;
use crate::probes::PROBES;
use insta::assert_snapshot;

/// A pane has the keys, and whatever else the keys do is done.
fn assert_pane(pane: Pane, state: &str, capture: &[u8], keys: &str) {
    let name = format!("{}_{state}", PROBES[pane.index()].name);
    let keys = format!("{} {keys}", pane.index() + 1);
    assert_snapshot!(name, in_all_sizes(capture, &keys));
}

#[test]
fn every_pane_when_all_is_well() {
    let capture = captures::normal();
    Pane::ALL.into_iter().for_each(|pane| assert_pane(pane, "normal", &capture, ""));
}

#[test]
fn every_pane_when_nothing_happened() {
    let capture = captures::empty();
    Pane::ALL.into_iter().for_each(|pane| assert_pane(pane, "empty", &capture, ""));
}

#[test]
fn every_pane_of_what_a_filter_accepts() {
    let capture = captures::normal();
    Pane::ALL.into_iter().for_each(|pane| assert_pane(pane, "filtered", &capture, "/ nginx Enter"));
}

#[test]
fn every_pane_whose_probe_is_off() {
    Pane::ALL.into_iter().for_each(|pane| assert_pane(pane, "degraded", &degraded(pane), ""));
}

#[test]
fn every_pane_that_loses_events() {
    Pane::ALL.into_iter().for_each(|pane| assert_pane(pane, "losing", &losing(pane), ""));
}

#[test]
fn every_pane_with_hostile_text() {
    let capture = captures::hostile();
    Pane::ALL.into_iter().for_each(|pane| assert_pane(pane, "hostile", &capture, ""));
}

#[test]
fn the_rest_of_the_screen() {
    let (normal, minute) = (captures::normal(), captures::minute());
    for (name, capture, keys) in [
        ("drill_down", &normal, "1 Enter"),
        ("drill_down_hostile", &captures::hostile(), "1 Enter"),
        ("help", &normal, "?"),
        ("health_losing", &losing(Pane::Opens), "i"),
        ("filter_with_error", &normal, "/ pid:813 Space or Space pid:x"),
        ("timeline", &minute, "< < [ < < ] >"),
        ("timeline_start", &minute, "Home . . . ."),
        ("flame_zoom", &normal, "4 Up Up Up Enter"),
        ("flame_zoom_hostile", &captures::hostile(), "4 Up Up Enter z"),
    ] {
        assert_snapshot!(name, in_all_sizes(capture, keys));
    }
}
