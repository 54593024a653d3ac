//! Whole screens, as their user sees them.

mod said;

use super::testing::*;
use super::theme::Theme;
use crate::app::update::Message;
use crate::app::{App, ColourChoice};
use crate::source::record::{Recording, Status};
use crate::source::{Batch, ProbeStatus, ProcessEvent, ProcessSeen};
use insta::assert_snapshot;
use ratatui::layout::Size;

#[test]
fn four_panes_at_every_size() {
    for (width, height) in [(80, 24), (120, 40), (200, 60), (40, 10), (60, 30), (20, 5)] {
        assert_snapshot!(format!("overview_{width}x{height}"), screen(&mut busy(width, height)));
    }
}

#[test]
fn before_the_first_batch_and_without_events() {
    assert_snapshot!("before_the_first_batch", screen(&mut app(80, 24)));
    let mut app = app(80, 24);
    feed(
        &mut app,
        Batch { time_ns: START + SECOND, window_ns: SECOND, health: health(), ..Batch::default() },
    );
    assert_snapshot!("nothing_happened", screen(&mut app));
}

#[test]
fn a_filter() {
    let mut app = busy(120, 30);
    press(&mut app, "/ nginx");
    assert_snapshot!("filter_typed", screen(&mut app));
    press(&mut app, "Enter");
    let mut health = health();
    health.pushed_down = Some(2);
    feed(&mut app, half_second(START + SECOND, health));
    assert_snapshot!("filter_kept", screen(&mut app));
    press(&mut app, "/ C-u nothing-like-it Enter");
    assert_snapshot!("filter_matches_nothing", screen(&mut app));
}

#[test]
fn a_filter_that_is_wrong() {
    let mut app = busy(80, 24);
    press(&mut app, "/ pid:813 Space or Space pid:x");
    assert_snapshot!("filter_error", screen(&mut app));
    assert_eq!(app.filter.text(), "pid:813 or pid");
    let last_line = |app: &mut App| characters(app).lines().last().unwrap().to_owned();
    press(&mut app, "Enter");
    let said = characters(&mut app);
    assert!(said.contains("\n ! not kept: pid: takes numbers"), "{said}");
    press(&mut app, "C-u pid:813 Space ( Enter");
    let said = last_line(&mut app);
    assert!(said.ends_with("a `)` · Esc restores"), "{said}");
    press(&mut app, "Back");
    assert!(!last_line(&mut app).contains("not kept"), "an edit takes the message away");
    press(&mut app, "Esc");
    assert_eq!(app.filter.text(), "");
}

#[test]
fn a_probe_that_is_off() {
    let mut app = busy(80, 24);
    let health = health_without("profile");
    feed(&mut app, half_second(START + SECOND, health));
    assert_snapshot!("probe_off", screen(&mut app));
}

#[test]
fn events_that_were_lost() {
    let mut app = busy(80, 24);
    let mut health = health();
    health.probes[1].ring_full = 1_234;
    health.skipped_ticks = 2;
    feed(&mut app, half_second(START + SECOND, health));
    assert_snapshot!("losing", screen(&mut app));
}

#[test]
fn stacks_that_were_lost_are_no_alarm() {
    let mut app = busy(80, 24);
    let mut health = health();
    health.probes[2].stack_errors = 1;
    health.probes[3].stack_errors = 1;
    let time_ns = START + SECOND;
    feed(&mut app, half_second(time_ns, health));
    let header = |app: &mut App| characters(app).lines().next().unwrap().to_owned();
    assert!(header(&mut app).contains("│ lost 0 · 2 stacks │"), "{}", header(&mut app));
}

#[test]
fn the_health_page_says_where_something_was_lost() {
    let mut app = busy(80, 24);
    let mut health = health();
    health.overrun = 12;
    health.probes[1].events = 12_345;
    health.probes[1].ring_full = 1_234;
    health.probes[2].stack_errors = 3;
    let time_ns = START + SECOND;
    feed(&mut app, half_second(time_ns, health));
    press(&mut app, "i");
    assert_snapshot!("health", characters(&mut app));
}

#[test]
fn hostile_names() {
    let mut app = busy(120, 40);
    let comm = "\u{1b}[31mevil\n".to_owned();
    let seen = ProcessSeen {
        pid: 666,
        comm,
        cmdline: "\u{202e}live\u{7}".into(),
        ..ProcessSeen::default()
    };
    let mut wide = open(666, "日本語のプロセス", "/tmp/日本語/ファイル.txt", 700, Ok(4));
    wide.path.unresolved = true;
    let mut unreadable = open(666, "e\u{301}vil", "", 702, Err(14));
    unreadable.path.unreadable = true;
    let mut long = open(666, "x", &"/very/long/directory".repeat(20), 703, Ok(5));
    long.path.cut = true;
    feed(
        &mut app,
        Batch {
            time_ns: START + SECOND,
            window_ns: SECOND / 2,
            processes: vec![ProcessEvent::Seen(seen)],
            syscalls: vec![calls(666, 999, 100_000, 1_000, &[(9_999, 7)])],
            opens: vec![
                wide,
                open(666, "\u{9b}2J", "/tmp/a\u{1b}]0;x\u{7}b\nc", 701, Err(2)),
                unreadable,
                long,
            ],
            health: health(),
            waiting: Some(sleepers()),
            ..Batch::default()
        },
    );
    assert_snapshot!("hostile_names", screen(&mut app));
    press(&mut app, "Enter");
    assert_snapshot!("hostile_detail", screen(&mut app));
}

#[test]
fn pages() {
    let mut app = busy(80, 24);
    press(&mut app, "?");
    assert_snapshot!("help", screen(&mut app));
    press(&mut app, "G");
    assert_snapshot!("help_end", characters(&mut app));
    press(&mut app, "Esc 1 Enter Enter");
    assert_snapshot!("page_of_a_call", characters(&mut app));
    press(&mut app, "Esc 3 Enter");
    assert_snapshot!("page_of_a_place", characters(&mut app));
    press(&mut app, "Esc 2 Enter");
    assert_snapshot!("page_of_an_open", characters(&mut app));
}

#[test]
fn the_detail_of_a_process() {
    assert_snapshot!("detail_120x40", {
        let mut app = busy(120, 40);
        press(&mut app, "Enter");
        screen(&mut app)
    });
    let mut app = busy(80, 24);
    press(&mut app, "Enter");
    feed(
        &mut app,
        Batch {
            time_ns: START + 4 * SECOND,
            window_ns: SECOND,
            processes: vec![ProcessEvent::Exit { time_ns: START + SECOND, pid: 813 }],
            health: health(),
            waiting: Some(sleepers()),
            ..Batch::default()
        },
    );
    assert_snapshot!("detail_of_an_exited_process", screen(&mut app));
}

#[test]
fn the_profile() {
    let mut app = busy(120, 30);
    press(&mut app, "4 z t");
    assert_snapshot!("top_functions", screen(&mut app));
    press(&mut app, "t \\ ngx Enter n");
    assert_snapshot!("flame_search", screen(&mut app));
    press(&mut app, "Enter");
    assert_snapshot!("flame_zoomed", characters(&mut app));
    let mut app = busy(120, 30);
    press(&mut app, "4 z w");
    assert_snapshot!("wall_clock", screen(&mut app));
    press(&mut app, "t");
    assert_snapshot!("wall_clock_functions", characters(&mut app));
    // Half of it is said to be half of it.
    let health = health_without("offcpu");
    feed(&mut app, half_second(START + 3 * SECOND, health));
    let screen = characters(&mut app);
    assert!(screen.contains("running only: the off-CPU probe is off"), "{screen}");
    assert!(!screen.contains("% blocked"), "{screen}");
}

#[test]
fn paused_and_not_following() {
    let mut app = busy(80, 24);
    press(&mut app, "2 k k Space");
    let mut later = second_batch();
    later.time_ns = START + 3 * SECOND;
    feed(&mut app, later);
    assert_snapshot!("paused", screen(&mut app));
}

#[test]
fn without_colours_nothing_has_one() {
    let mut app = busy(120, 40);
    let buffer = draw(&mut app, &Theme::new(ColourChoice::Never));
    for cell in buffer.content() {
        assert_eq!((cell.fg, cell.bg), Default::default());
    }
}

#[test]
fn no_size_is_too_small() {
    for keys in ["", "Enter", "?", "/ pid:x", "4", "4 t", "4 w", "4 z \\ a", "2 k", "3 Enter Enter"]
    {
        let mut app = busy(80, 24);
        press(&mut app, keys);
        for (width, height) in
            (0..=60).flat_map(|width| (0..=20).map(move |height| (width, height)))
        {
            app.update(Message::Resize(Size { width, height }));
            draw(&mut app, &Theme::new(ColourChoice::Always));
        }
    }
}

#[test]
fn opens_that_are_no_longer_kept_are_not_denied() {
    let mut app = busy(80, 24);
    let many = (0..20_000).map(|n| open(990, "postgres", "/x", 600 + n, Ok(3))).collect();
    feed(&mut app, Batch { opens: many, health: health(), ..Batch::default() });
    press(&mut app, "Enter");
    let screen = characters(&mut app);
    assert!(screen.contains("none among the last 20000"), "{screen}");
}

/// A tape in which the third second is missing, and its replay with a range marked.
fn marked(width: u16, height: u16) -> (App, Tape) {
    let mut tape = tape(32);
    tape.batches.iter_mut().skip(4).for_each(|batch| batch.time_ns += 4 * SECOND);
    let mut app = replay(&tape, 10, width, height);
    drive(&mut app, &tape, "[ > ] ,");
    (app, tape)
}

#[test]
fn a_replay_with_a_range() {
    for (width, height) in [(80, 24), (120, 40), (200, 60), (40, 10)] {
        let (mut app, tape) = marked(width, height);
        drive(&mut app, &tape, "r r");
        assert_snapshot!(format!("replay_range_{width}x{height}"), screen(&mut app));
    }
}

#[test]
fn a_replay_that_plays_faster() {
    let tape = tape(32);
    let mut app = replay(&tape, 10, 80, 24);
    drive(&mut app, &tape, "+ 3 Space");
    assert_snapshot!("replay_playing", screen(&mut app));
}

#[test]
fn the_past_of_a_live_screen_that_records() {
    let tape = tape(32);
    let mut app = lived(&tape, 80, 24);
    let recording = Recording { span_ns: 72 * SECOND, bytes: 3_400_000, ..Recording::default() };
    let status = Status { recording: Some(recording), ..Status::default() };
    app.update(Message::Recorder(status));
    drive(&mut app, &tape, "<");
    assert_snapshot!("past_recording", screen(&mut app));
    let header = |app: &mut App| characters(app).lines().next().unwrap().to_owned();
    assert!(header(&mut app).starts_with(" PAST 03:04:25, 10.0s ago │ REC 01:12 3.2 MiB │"));
    app.update(Message::Resize(Size { width: 40, height: 10 }));
    assert_eq!(header(&mut app), " PAST 03:04:25 │ REC 01:12 │ lost 7!");
}

#[test]
fn a_capture_that_is_damaged() {
    let tape = tape(12);
    let mut damaged = replayed();
    damaged.complete = false;
    damaged.cut_bytes = 1_234;
    damaged.damaged = 2;
    damaged.damaged_bytes = 5_678;
    damaged.header.cmdlines = false;
    damaged.header.filter = "nginx".to_owned();
    let mut app = replay_of(damaged, &tape, 6, 80, 24);
    assert!(characters(&mut app).starts_with(" REPLAY paused │ CUT DAMAGED: 2 │"));
    press(&mut app, "i");
    assert_snapshot!("health_of_a_damaged_capture", screen(&mut app));
    let mut unended = replayed();
    unended.complete = false;
    let mut app = replay_of(unended, &tape, 6, 80, 24);
    assert!(characters(&mut app).starts_with(" REPLAY paused │ NOT ENDED │"));
}

#[test]
fn what_did_not_run_when_it_was_recorded() {
    let mut tape = tape(6);
    tape.batches.iter_mut().for_each(|batch| {
        batch.health = health_without("opens");
        batch.health.filter = "nginx".to_owned();
    });
    let mut app = replay(&tape, 9, 120, 40);
    let screen = characters(&mut app);
    assert!(screen.contains("This probe did not run when this was recorded: this"), "{screen}");
    assert!(screen.contains("recorded with filter: nginx"), "{screen}");
    assert!(!screen.contains("self 0.3%"), "not what watching costs now: {screen}");
    press(&mut app, "i");
    assert!(characters(&mut app).contains("0.3% of one CPU"));
}

#[test]
fn the_timeline_needs_no_colours() {
    let (mut app, _) = marked(120, 40);
    let buffer = draw(&mut app, &Theme::new(ColourChoice::Never));
    let axis = app.layout.timeline.unwrap().area.bottom() - 1;
    let axis: String = (0..120).map(|x| buffer[(x, axis)].symbol().to_owned()).collect();
    for sign in ["─", "┄", "!", "[", "━", "◆", "]"] {
        assert!(axis.contains(sign), "{sign} in {axis}");
    }
    assert!(buffer.content().iter().all(|cell| (cell.fg, cell.bg) == Default::default()));
}

#[test]
fn no_size_is_too_small_for_a_replay() {
    for keys in ["", "[ , .", "?", "i", "/ pid:x", "Enter", "] ["] {
        let (mut app, tape) = marked(80, 24);
        drive(&mut app, &tape, keys);
        for (width, height) in
            (0..=60).step_by(3).flat_map(|width| (0..=20).map(move |height| (width, height)))
        {
            app.update(Message::Resize(Size { width, height }));
            draw(&mut app, &Theme::new(ColourChoice::Always));
        }
    }
    let mut empty = replay(&Tape::default(), 0, 80, 24);
    press(&mut empty, "Space , < [ ] Home End c");
    assert!(characters(&mut empty).contains("REPLAY"));
}
