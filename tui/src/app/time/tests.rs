//! Positions, ranges, playing, and what the screen asks for.

mod live;
mod recording;

use super::Moment;
use crate::app::App;
use crate::app::pane::Pane;
use crate::app::update::{Effect, Message};
use crate::history::Span;
use crate::ui::testing::*;
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// What the screen shows, in a line: where it is, which ticks, how many calls.
fn shown(app: &mut App) -> String {
    app.refresh();
    let word = match app.moment() {
        Moment::Live => "live".to_owned(),
        Moment::Paused(_) => "paused".to_owned(),
        Moment::Past(_) => "past".to_owned(),
        Moment::Replay => "replay".to_owned(),
    };
    let playing = if app.is_playing() { ", playing" } else { "" };
    match app.still.as_ref().and_then(|still| still.span) {
        Some(Span { start, end }) => format!("{word} {start}..{end}{playing}"),
        None => format!("{word}{playing}"),
    }
}

#[test]
fn keys_of_a_replay() {
    let table = [
        ("", "replay 0..11"),
        (",", "replay 0..10"),
        (", , .", "replay 0..10"),
        ("<", "replay 0..1"),
        ("< <", "replay 0..1"),
        ("< ,", "replay 0..1"),
        (">", "replay 0..21"),
        ("> > >", "replay 0..30"),
        ("Home", "replay 0..1"),
        ("End", "replay 0..30"),
        ("End . .", "replay 0..30"),
        ("[", "replay 11..11"),
        ("[ .", "replay 11..12"),
        ("[ . ,", "replay 11..12"),
        ("[ > Home", "replay 11..12"),
        ("c . .", "replay 11..13"),
        ("]", "replay 0..11"),
        ("] .", "replay 0..11"),
        ("[ > ]", "replay 11..21"),
        ("[ > ] End", "replay 11..21"),
        ("] , , , [", "replay 8..11"),
        ("[ > ] , ]", "replay 11..20"),
        ("[ > ] Esc", "replay 0..21"),
        ("[ > ] Esc Esc", "replay 0..21"),
        ("[ . Enter Esc", "replay 11..12"),
        ("[ Esc", "replay 0..11"),
        // A range is not empty; a mark that would make it so takes the place of the other.
        ("[ , , ]", "replay 11..11"),
        ("] > [", "replay 11..11"),
        ("Space", "replay 0..11, playing"),
        ("Space Space", "replay 0..11"),
        ("Space .", "replay 0..12"),
        ("Space >", "replay 0..21, playing"),
        ("End Space", "replay 0..0, playing"),
        ("[ > ] Space", "replay 11..11, playing"),
    ];
    let tape = tape(30);
    for (keys, expected) in table {
        let mut app = replay(&tape, 10, 120, 40);
        assert!(drive(&mut app, &tape, keys).is_empty());
        assert_eq!(shown(&mut app), expected, "{keys}");
    }
}

#[test]
fn the_panes_show_what_happened_in_the_range_and_nothing_else() {
    let tape = tape(30);
    let mut app = replay(&tape, 25, 120, 40);
    app.refresh();
    let all = app.derived.syscalls.total;
    drive(&mut app, &tape, "Home [");
    app.refresh();
    assert_eq!(app.derived.syscalls.total, 0, "nothing is after the first mark yet");
    let calls = |ticks: std::ops::Range<u64>| -> u64 {
        ticks
            .map(|tick| tape.batches[tick as usize].syscalls.iter().map(|d| d.calls).sum::<u64>())
            .sum()
    };
    drive(&mut app, &tape, "End ]");
    app.refresh();
    assert_eq!(app.derived.syscalls.total, calls(1..30));
    assert_eq!(all, calls(0..26));
    drive(&mut app, &tape, "2");
    assert_eq!(app.derived.len(Pane::Opens), 32);
    let effects = drive(&mut app, &tape, "4 e");
    let [Effect::Export(export)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(
        export.tree.total(),
        tape.batches[1..].iter().flat_map(|b| &b.profile).map(|p| p.samples).sum::<u64>()
    );
    let since = (START + SECOND / 4) as i64 + watched().realtime_offset_ns;
    assert_eq!(export.since_ns, Some(since));
}

#[test]
fn playing_follows_the_time_and_stops_at_the_end() {
    let tape = tape(6);
    let mut app = replay(&tape, 0, 120, 40);
    drive(&mut app, &tape, "Space");
    pass(&mut app, &tape, 240);
    assert_eq!(shown(&mut app), "replay 0..0, playing");
    pass(&mut app, &tape, 20);
    assert_eq!(shown(&mut app), "replay 0..1, playing");
    pass(&mut app, &tape, 1_300);
    assert_eq!(shown(&mut app), "replay 0..3, playing");
    drive(&mut app, &tape, "+ +");
    pass(&mut app, &tape, 250);
    assert_eq!(shown(&mut app), "replay 0..4, playing");
    drive(&mut app, &tape, "- - -");
    assert_eq!(app.time.play.speed(), 0.5);
    pass(&mut app, &tape, 10_000);
    assert_eq!(shown(&mut app), "replay 0..6");
    assert!(app.update(Message::Elapsed(1_000)).is_none(), "it stands");
    for _ in 0..20 {
        drive(&mut app, &tape, "+");
    }
    assert_eq!(app.time.play.speed(), 64.0);
}

#[test]
fn playing_ends_with_the_range() {
    let tape = tape(30);
    let mut app = replay(&tape, 10, 120, 40);
    drive(&mut app, &tape, "[ . . . . ] Space");
    assert_eq!(shown(&mut app), "replay 11..11, playing");
    pass(&mut app, &tape, 2_000);
    assert_eq!(shown(&mut app), "replay 11..13, playing");
    pass(&mut app, &tape, 9_000);
    assert_eq!(shown(&mut app), "replay 11..15");
}

#[test]
fn nobody_waits_through_a_gap() {
    let mut tape = tape(4);
    tape.batches[3].time_ns += 3_600 * SECOND;
    let mut app = replay(&tape, 1, 120, 40);
    drive(&mut app, &tape, "Space");
    pass(&mut app, &tape, 1_000);
    pass(&mut app, &tape, 1_100);
    assert_eq!(shown(&mut app), "replay 0..4");
}

#[test]
fn a_wish_is_not_asked_twice_and_the_newest_counts() {
    let tape = tape(30);
    let mut app = replay(&tape, 10, 120, 40);
    let seeks = |effects: Vec<Effect>| -> Vec<(u64, u64)> {
        let span = |effect| match effect {
            Effect::Seek(span) => (span.start, span.end),
            other => panic!("{other:?}"),
        };
        effects.into_iter().map(span).collect()
    };
    assert_eq!(seeks(press(&mut app, "> < >")), [(0, 21), (0, 21)], "10 is on the screen");
    assert!(app.seek().is_none(), "asked for already");
    app.update(Message::SeekIsSlow);
    assert!(characters(&mut app).contains("seeking…"));
    assert_eq!(seeks(press(&mut app, ".")), [(0, 22)]);
    // An answer that was overtaken is shown: it is on the way.
    let overtaken = tape.seek(Span { start: 0, end: 21 });
    app.update(Message::Seeked(Box::new(overtaken.clone())));
    assert_eq!(shown(&mut app), "replay 0..21");
    assert!(app.time.is_seeking());
    app.update(Message::Seeked(Box::new(tape.seek(Span { start: 0, end: 22 }))));
    assert_eq!(shown(&mut app), "replay 0..22");
    assert!(!app.time.is_seeking() && !characters(&mut app).contains("seeking…"));
    app.update(Message::Seeked(Box::new(overtaken)));
    assert_eq!(shown(&mut app), "replay 0..22", "nobody waits for that any more");
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Message {
    Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }, 0)
}

#[test]
fn the_mouse_seeks_marks_and_steps() {
    let tape = tape(30);
    let mut app = replay(&tape, 0, 120, 40);
    app.refresh();
    let chart = app.layout.timeline.unwrap().chart();
    let row = chart.bottom() - 1;
    let mut hand = |kind, column, row| {
        let effect = app.update(mouse(kind, column, row));
        settle(&mut app, &tape, effect);
        shown(&mut app)
    };
    let (down, drag, up) = (
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::Up(MouseButton::Left),
    );
    assert_eq!(hand(down, chart.right() - 1, row), "replay 0..30");
    assert_eq!(hand(down, chart.x, row - 2), "replay 0..1", "on a curve");
    assert_eq!(hand(up, chart.x, row), "replay 0..1");
    let middle = chart.x + chart.width / 2;
    assert_eq!(hand(down, middle, row), "replay 0..16");
    assert_eq!(hand(MouseEventKind::ScrollDown, middle, row), "replay 0..17");
    assert_eq!(hand(MouseEventKind::ScrollUp, middle, row), "replay 0..16");
    assert_eq!(hand(down, middle, row), "replay 0..16");
    assert_eq!(hand(drag, chart.right() + 9, 0), "replay 15..30", "and beyond the edge");
    assert_eq!(hand(drag, chart.x, row), "replay 0..16", "backwards");
    assert_eq!(hand(up, chart.x, row), "replay 0..16");
    assert_eq!(hand(drag, chart.right() - 1, row), "replay 0..16", "the button is up");
    assert_eq!(hand(down, chart.right() - 1, row), "replay 0..16", "a range is not left");
}

#[test]
fn a_number_of_an_open_does_not_name_another_one() {
    let tape = tape(30);
    let mut app = replay(&tape, 20, 120, 40);
    drive(&mut app, &tape, "2 k k Enter Enter");
    assert!(app.page.is_some());
    drive(&mut app, &tape, "Esc [ .");
    assert!(app.view().table(Pane::Opens).anchor.is_none());
}

#[test]
fn a_filter_of_a_replay_is_applied_to_what_was_recorded() {
    let tape = tape(30);
    let mut app = replay(&tape, 20, 120, 40);
    drive(&mut app, &tape, "/ postgres Enter");
    app.refresh();
    let calls = tape.batches[..21].iter().flat_map(|b| &b.syscalls).filter(|d| d.pid == 990);
    assert_eq!(app.derived.syscalls.total, calls.map(|delta| delta.calls).sum::<u64>());
    drive(&mut app, &tape, "F");
    assert_eq!(app.notice.as_ref().unwrap().text, "no filter");
}
