//! What is off, narrowed, idle or lost is said as such, at every size.

use super::*;
use crate::app::state::Typing;

fn resize(app: &mut App, width: u16, height: u16) -> String {
    app.update(Message::Resize(Size { width, height }));
    characters(app)
}

fn without(probe: &str) -> Tape {
    let mut tape = tape(8);
    tape.batches.iter_mut().for_each(|batch| batch.health = health_without(probe));
    tape
}

#[test]
fn a_filter_is_named_at_every_size() {
    let tape = tape(32);
    for mut app in [lived(&tape, 80, 24), replay(&tape, 20, 80, 24), lived(&tape, 80, 24)] {
        let recording = Recording { span_ns: SECOND, bytes: 1, ..Recording::default() };
        let status = Status { recording: Some(recording), ..Status::default() };
        app.update(Message::Recorder(status));
        drive(&mut app, &tape, "/ comm:nginx Enter < r");
        app.notice = None;
        for (width, height) in
            [(200, 60), (120, 40), (80, 24), (60, 16), (40, 10), (30, 8), (20, 5)]
        {
            let screen = resize(&mut app, width, height);
            let said = screen.contains("filter: comm:nginx") || screen.contains("/comm:nginx");
            assert!(said, "{width}x{height}:\n{screen}");
        }
    }
}

#[test]
fn a_filter_of_the_recording_is_named_too() {
    let mut tape = tape(8);
    tape.batches.iter_mut().for_each(|batch| batch.health.filter = "web".to_owned());
    let mut app = replay(&tape, 9, 120, 40);
    assert!(characters(&mut app).contains("recorded with filter: web"));
    let screen = resize(&mut app, 40, 10);
    assert!(screen.contains(" rec /web  q quit"), "{screen}");
}

#[test]
fn what_is_wrong_with_a_filter_is_never_cut() {
    let mut app = busy(40, 10);
    press(&mut app, "/ pid:x");
    let Some(Typing::Filter { error: Some(error), .. }) = app.typing.clone() else { panic!() };
    let whole = error.message;
    let rows = |app: &mut App| {
        let screen = characters(app);
        screen.lines().map(str::trim).collect::<Vec<_>>().join(" ")
    };
    assert!(rows(&mut app).contains(&whole), "{}", characters(&mut app));
    press(&mut app, "Enter");
    assert!(rows(&mut app).contains(&format!("! not kept: {whole}")), "{}", characters(&mut app));
    let last = resize(&mut app, 40, 8).lines().last().unwrap().to_owned();
    assert!(last.ends_with('…'), "what is cut says so: {last}");
}

#[test]
fn what_nobody_counted_is_no_zero() {
    for (probe, header, pane) in [
        ("syscalls", "calls off", "1"),
        ("opens", "opens off", "2"),
        ("profile", "samples off", "4"),
    ] {
        let tape = without(probe);
        let mut app = replay(&tape, 9, 120, 40);
        drive(&mut app, &tape, pane);
        let screen = characters(&mut app);
        assert!(screen.contains(header), "{screen}");
        assert!(screen.lines().any(|line| line.ends_with("· off")), "{screen}");
        assert!(!screen.contains("max 0"), "{screen}");
        // The timeline's one row of a smaller screen.
        let screen = resize(&mut app, 80, 24);
        assert!(screen.lines().any(|line| line.ends_with("· off")), "{screen}");
    }
}

#[test]
fn what_did_not_run_is_known_before_the_first_batch() {
    let tape = without("opens");
    let mut capture = replayed();
    let why = ProbeStatus::Off("no tracepoint".to_owned());
    capture.header.probes = vec![("opens".to_owned(), why)];
    let mut app = replay_of(capture, &tape, 0, 120, 40);
    let screen = characters(&mut app);
    assert!(screen.contains("opens off"), "{screen}");
    assert!(screen.contains("│ tracepoint"), "{screen}");
}

#[test]
fn curves_say_that_they_are_of_all() {
    let tape = tape(8);
    for (width, height, all) in [(80, 24, " all calls "), (120, 40, " syscalls (all) ")] {
        let mut app = replay(&tape, 9, width, height);
        assert!(!characters(&mut app).contains(all));
        drive(&mut app, &tape, "/ nginx Enter");
        assert!(characters(&mut app).contains(all), "{}", characters(&mut app));
        drive(&mut app, &tape, "F");
        assert!(!characters(&mut app).contains(all));
        drive(&mut app, &tape, "Enter");
        assert!(characters(&mut app).contains(all), "the detail of a process");
    }
    // What the filter left out was not recorded: these curves are no longer of all.
    let mut recorded = tape.clone();
    recorded.batches.iter_mut().for_each(|batch| batch.health.filter = "nginx".to_owned());
    let mut app = replay(&recorded, 9, 120, 40);
    drive(&mut app, &recorded, "/ nginx Enter");
    assert!(!characters(&mut app).contains("(all)"), "{}", characters(&mut app));
}

#[test]
fn idle_processes_stand_below_a_line() {
    let mut app = busy(80, 24);
    press(&mut app, "3");
    let rows = characters(&mut app);
    assert_eq!(rows.lines().filter(|line| line.contains(" idle ")).count(), 1, "{rows}");
    assert_snapshot!("idle_below_a_line", screen(&mut app));
    let lined = |app: &mut App| {
        let area = app.layout.panes[2].unwrap().rows();
        let buffer = draw(app, &Theme::new(ColourChoice::Never));
        let underlined = ratatui::style::Modifier::UNDERLINED;
        (area.y..area.bottom())
            .filter(|y| buffer[(area.x, *y)].modifier.contains(underlined))
            .map(|y| y - area.y)
            .collect::<Vec<_>>()
    };
    assert_eq!(lined(&mut app), [1], "below the two that had waits");
    press(&mut app, "r r");
    assert_eq!(lined(&mut app), [0; 0], "sorted by hand");
}

#[test]
fn an_empty_pane_of_the_past_promises_nothing() {
    let quiet = |tick: u64| Batch {
        time_ns: START + tick * SECOND,
        window_ns: SECOND,
        health: health(),
        ..Batch::default()
    };
    let tape = Tape { batches: (1..5).map(quiet).collect(), kept_from: 0 };
    let says = |seconds, keys: &str, said: &str| {
        let mut app = replay(&tape, seconds, 120, 40);
        drive(&mut app, &tape, keys);
        let screen = characters(&mut app);
        assert!(screen.contains(said), "{said}:\n{screen}");
        assert!(!screen.contains(" yet") && !screen.contains("waiting for"), "{screen}");
    };
    says(99, "", "no waits in this recording");
    says(2, "", "no system calls up to here");
    says(0, "", "nothing up to here: . steps on");
    says(1, "[ . . ]", "no opens in this range");
    says(99, "2 x", "no failed opens in this recording");
    says(99, "e", "no samples to export in this recording");
    let mut empty = replay(&Tape::default(), 0, 80, 24);
    drive(&mut empty, &tape, "<");
    let screen = characters(&mut empty);
    assert!(screen.contains("nothing was recorded") && !screen.contains("waiting"), "{screen}");
    let mut live = lived(&tape, 120, 40);
    assert!(characters(&mut live).contains("no waits yet"));
    drive(&mut live, &tape, ", ,");
    assert!(characters(&mut live).contains("no waits up to here"));
}

#[test]
fn lost_is_what_was_lost_of_what_is_shown() {
    // Seven events were lost in tick 12, after 11.5 s.
    let tape = tape(32);
    let mut app = replay(&tape, 30, 120, 40);
    assert!(characters(&mut app).contains("│ lost 7!"));
    let header = |app: &mut App| characters(app).lines().nth(1).unwrap().to_owned();
    drive(&mut app, &tape, "< [ End ]");
    assert!(header(&mut app).contains("│ lost 0"), "{}", header(&mut app));
    drive(&mut app, &tape, "i");
    let page = characters(&mut app);
    assert!(page.contains("from the first reading on"), "{page}");
    drive(&mut app, &tape, "Esc Esc Home . . . . . . . . [ > ]");
    assert!(header(&mut app).contains("│ lost 7!"), "{}", header(&mut app));
    let mut live = lived(&tape, 120, 40);
    assert!(header(&mut live).contains("│ lost 7!"));
    press(&mut live, "c");
    assert!(header(&mut live).contains("│ lost 0"), "of what was counted since");
}
