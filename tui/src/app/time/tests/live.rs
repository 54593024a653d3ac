//! The past of the live screen.

use super::*;
use crate::app::pane::Pane;
use crate::app::time::Moment;
use crate::app::update::{Effect, Message};
use crate::source::record::Status;
use crate::ui::testing::*;

#[test]
fn the_past_of_the_live_screen() {
    let table = [
        ("Space", "paused"),
        ("Space Space", "live"),
        ("Space Esc", "live"),
        ("Space ,", "past 0..29"),
        ("Space , Space", "past 0..29, playing"),
        (",", "past 0..29"),
        (", Esc", "live"),
        (", End", "live"),
        ("<", "past 0..20"),
        ("< >", "past 0..30"),
        ("< > Space", "live"),
        ("Home", "past 0..1"),
        ("End", "live"),
        ("< [ . . ]", "past 20..22"),
        ("< [ . . ] Esc", "past 0..22"),
        ("< [ . . ] Esc Esc", "live"),
        ("< [ . . ] End", "live"),
        ("< c .", "past 20..21"),
        ("[", "live"),
        ("[ Esc", "live"),
        ("c <", "past 0..20"),
        ("< z Esc", "past 0..20"),
        ("1 Enter < Esc", "past 0..20"),
    ];
    let tape = tape(30);
    for (keys, expected) in table {
        let mut app = lived(&tape, 120, 40);
        assert!(drive(&mut app, &tape, keys).is_empty());
        assert_eq!(shown(&mut app), expected, "{keys}");
    }
}

#[test]
fn live_goes_on_while_the_past_is_shown() {
    let mut tape = tape(30);
    let mut app = lived(&tape, 120, 40);
    drive(&mut app, &tape, "<");
    for tick in 30..33 {
        tape.batches.push(later_batch(tick));
        feed(&mut app, later_batch(tick));
    }
    assert_eq!(shown(&mut app), "past 0..20");
    assert_eq!(app.moment(), Moment::Past(13 * SECOND));
    let header = characters(&mut app).lines().nth(1).unwrap().to_owned();
    assert!(header.contains("PAST 03:04:23, 13.0s ago"), "{header}");
    drive(&mut app, &tape, "Space");
    pass(&mut app, &tape, 12_000);
    assert_eq!(shown(&mut app), "past 0..32, playing");
    pass(&mut app, &tape, 1_000);
    assert_eq!(shown(&mut app), "live", "it has caught up");
    app.refresh();
    let all: u64 = tape.batches.iter().flat_map(|b| &b.syscalls).map(|d| d.calls).sum();
    assert_eq!(app.derived.syscalls.total, all, "nothing is missing");
}

#[test]
fn a_range_can_be_marked_while_it_happens() {
    let mut tape = tape(30);
    let mut app = lived(&tape, 120, 40);
    drive(&mut app, &tape, "[");
    for tick in 30..35 {
        tape.batches.push(later_batch(tick));
        feed(&mut app, later_batch(tick));
    }
    drive(&mut app, &tape, "]");
    assert_eq!(shown(&mut app), "past 30..35");
}

#[test]
fn counters_of_the_past_begin_where_they_were_cleared() {
    let mut tape = tape(10);
    let mut app = lived(&tape, 120, 40);
    drive(&mut app, &tape, "c");
    for tick in 10..30 {
        tape.batches.push(later_batch(tick));
        feed(&mut app, later_batch(tick));
    }
    drive(&mut app, &tape, ",");
    assert_eq!(shown(&mut app), "past 10..29");
    drive(&mut app, &tape, "< <");
    assert_eq!(shown(&mut app), "past 0..9");
}

#[test]
fn what_is_not_kept_any_more_cannot_be_gone_to() {
    let mut tape = tape(30);
    let mut app = lived(&tape, 120, 40);
    drive(&mut app, &tape, "<");
    let kept = |kept_from| Message::Recorder(Status { kept_from, ..Status::default() });
    app.update(kept(12));
    tape.kept_from = 12;
    assert_eq!(shown(&mut app), "past 0..20", "what is on the screen is still true");
    drive(&mut app, &tape, ".");
    assert_eq!(shown(&mut app), "past 12..21");
    drive(&mut app, &tape, "Home");
    assert_eq!(shown(&mut app), "past 12..13");
    // It may be forgotten after it was asked for, before the screen knows.
    tape.kept_from = 16;
    let asked = press(&mut app, ". .");
    let Some(Effect::Seek(span)) = asked.last() else { panic!("{asked:?}") };
    app.update(Message::Seeked(Box::new(tape.seek(*span))));
    assert!(app.notice.as_ref().unwrap().text.contains("not kept any more"));
    app.update(kept(16));
    drive(&mut app, &tape, "[ . ]");
    assert_eq!(shown(&mut app), "past 16..17");
    app.update(kept(20));
    assert!(app.time.marks.is_empty());
}

#[test]
fn without_a_past_nothing_is_promised() {
    let mut app = app(80, 24);
    for keys in [",", "<", "Home", "["] {
        assert!(press(&mut app, keys).is_empty());
        assert_eq!(shown(&mut app), "live", "{keys}");
        assert!(app.notice.as_ref().unwrap().bad, "{keys}");
    }
    for keys in ["R", "W"] {
        assert!(press(&mut app, keys).is_empty(), "{keys}");
        assert!(app.notice.as_ref().unwrap().bad, "{keys}");
    }
}

#[test]
fn a_filter_of_the_past_does_not_touch_what_is_collected_now() {
    let tape = tape(30);
    let mut app = lived(&tape, 120, 40);
    assert!(drive(&mut app, &tape, "< / postgres Enter").is_empty());
    app.refresh();
    assert_eq!(app.derived.len(Pane::Syscalls), 1, "it filters what is shown");
    let effects = drive(&mut app, &tape, "End");
    let [Effect::SetFilter(filter)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(filter.text(), "postgres");
    assert!(drive(&mut app, &tape, "< F").is_empty());
    assert!(app.notice.as_ref().unwrap().text.contains("was not counted"), "it was, until then");
    assert!(matches!(drive(&mut app, &tape, "End")[..], [Effect::SetFilter(_)]));
    assert!(drive(&mut app, &tape, "< f F End").is_empty(), "as it was");
}
