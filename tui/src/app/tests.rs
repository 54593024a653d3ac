//! Keys and clicks: what they make of the state.

use super::App;
use super::pane::Pane;
use super::state::Typing;
use super::table::RowId;
use super::time::Moment;
use super::update::{Effect, Message};
use crate::flame::Unit;
use crate::source::record::Status;
use crate::source::{Batch, ProcessEvent, StackId, WaitState, WaitingNow};
use crate::ui::render;
use crate::ui::testing::*;
use crate::ui::theme::Theme;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use std::time::{Duration, Instant};

/// The state in a line: what the user would say about where they are.
fn outline(app: &mut App) -> String {
    app.refresh();
    let view = app.view();
    let mut words = vec![view.focus.name().to_owned()];
    let in_flame = view.focus == Pane::Profile && !view.functions;
    words.push(match app.selected_row() {
        _ if in_flame && !app.tree().is_empty() => {
            format!("box {}", app.tree().nodes[view.flame.selected(app.tree())].frame.name)
        }
        Some(RowId::Process(key)) => format!("pid {}", key.pid),
        Some(RowId::Ended) => "ended ones".to_owned(),
        Some(RowId::Call(nr)) => format!("call {nr}"),
        Some(RowId::Open(number)) => format!("open {number}"),
        Some(RowId::Place(place)) => format!("place {}", place.kernel_stack.0),
        Some(RowId::Function(_)) => format!("row {}", view.table(Pane::Profile).cursor),
        None => "nothing".to_owned(),
    });
    words.extend(view.process.map(|key| format!("in {}", key.pid)));
    words.extend(view.maximized.then(|| "maximized".to_owned()));
    words.extend(match app.moment() {
        Moment::Paused(_) => Some("paused".to_owned()),
        Moment::Past(_) => Some("past".to_owned()),
        Moment::Live | Moment::Replay => None,
    });
    words.extend(app.page.as_ref().map(|page| format!("page {:?}", page.title)));
    words.extend(app.typing.as_ref().map(|typing| match typing {
        Typing::Filter { error: Some(_), .. } => "wrong filter".to_owned(),
        Typing::Filter { line, .. } => format!("typing {:?}", line.text()),
        Typing::Search { line, .. } => format!("searching {:?}", line.text()),
    }));
    if !app.filter.text().is_empty() {
        words.push(format!("filter {:?}", app.filter.text()));
    }
    words.join(", ")
}

#[test]
fn keys_lead_where_they_should() {
    let table = [
        ("", "syscalls, pid 813"),
        ("j", "syscalls, pid 990"),
        ("G", "syscalls, pid 812"),
        ("G k g", "syscalls, pid 813"),
        ("PgDn", "syscalls, pid 812"),
        ("C-d C-u", "syscalls, pid 813"),
        ("r", "syscalls, pid 812"),
        ("s", "syscalls, pid 813"),
        ("j r", "syscalls, pid 990"),
        ("Tab", "opens, open 3"),
        ("S-Tab", "profile, box all"),
        ("l", "opens, open 3"),
        ("l h", "syscalls, pid 813"),
        ("h", "syscalls, pid 813"),
        ("3", "offcpu, pid 813"),
        ("3 Right", "profile, box all"),
        ("2 Up Up", "opens, open 1"),
        ("2 g", "opens, open 0"),
        ("2 Up G", "opens, open 3"),
        ("z", "syscalls, pid 813, maximized"),
        ("z Tab", "opens, open 3, maximized"),
        ("z Esc", "syscalls, pid 813"),
        ("Enter", "syscalls, call 232, in 813"),
        ("Enter z Esc", "syscalls, call 232, in 813"),
        ("Enter Esc", "syscalls, pid 813"),
        ("Enter Enter", "syscalls, call 232, in 813, page \"epoll_wait by nginx (813)\""),
        ("Enter Enter Esc Esc Esc", "syscalls, pid 813"),
        ("2 Up Enter", "opens, open 2, in 990"),
        ("2 Enter Enter", "opens, open 3, in 813, page \"Open by nginx (813)\""),
        ("3 j Enter", "offcpu, place 21, in 990"),
        ("3 Enter Enter", "offcpu, place 20, in 813, page \"nginx (813) waits here\""),
        // Asleep all the time is last, until the order is asked for.
        ("3 G", "offcpu, pid 812"),
        ("3 r r", "offcpu, pid 812"),
        ("4 Up", "profile, box nginx (813)"),
        ("4 Up Right", "profile, box postgres (990)"),
        ("4 Up Enter", "profile, box all, in 813"),
        ("4 Up Up Enter Down", "profile, box nginx (813)"),
        ("4 Up Up Down Down", "profile, box all"),
        ("4 Up f", "profile, box nginx (813), filter \"pid:813\""),
        ("4 t", "profile, row 0"),
        ("4 t j j", "profile, row 2"),
        ("4 t j Enter", "profile, box ExecutorRun"),
        ("4 \\ execu", "profile, box ExecutorRun, searching \"execu\""),
        ("4 \\ ngx Enter n", "profile, box ngx_process_events"),
        ("4 \\ ngx Enter N", "profile, box ngx_http_handler"),
        ("4 \\ se Enter", "profile, box ServerLoop"),
        ("4 C-f ngx Esc", "profile, box ngx_worker_process_cycle"),
        ("Space", "syscalls, pid 813, paused"),
        ("Space Space", "syscalls, pid 813"),
        ("?", "syscalls, pid 813, page \"Help\""),
        ("F1 ?", "syscalls, pid 813"),
        ("? j j Esc", "syscalls, pid 813"),
        ("i", "syscalls, pid 813, page \"Health\""),
        ("? i", "syscalls, pid 813, page \"Health\""),
        ("/ post", "syscalls, pid 990, typing \"post\", filter \"post\""),
        ("/ post Enter", "syscalls, pid 990, filter \"post\""),
        ("/ post Esc", "syscalls, pid 813"),
        ("/ post Enter / ServerLoop Esc", "syscalls, pid 990, filter \"post\""),
        ("/ post Enter / or Space back Enter", "syscalls, pid 990, filter \"post or back\""),
        ("/ post Enter / Enter", "syscalls, pid 990, filter \"post\""),
        ("/ pid:x", "syscalls, nothing, wrong filter, filter \"pid\""),
        ("/ post Enter / pid:x Enter", "syscalls, nothing, wrong filter, filter \"post pid\""),
        ("/ postgrx Back Enter", "syscalls, pid 990, filter \"postgr\""),
        ("/ q Left x C-u Esc", "syscalls, pid 813"),
        ("/ nginx Enter F", "syscalls, pid 813"),
        ("j f", "syscalls, pid 990, filter \"pid:990\""),
        ("Enter f", "syscalls, call 232, in 813, filter \"pid:813\""),
    ];
    for (keys, expected) in table {
        let mut app = busy(120, 40);
        press(&mut app, keys);
        assert_eq!(outline(&mut app), expected, "{keys}");
    }
}

#[test]
fn effects_are_asked_for() {
    let mut app = busy(120, 40);
    assert!(matches!(press(&mut app, "q")[..], [Effect::Quit]));
    assert!(matches!(press(&mut app, "C-c")[..], [Effect::Quit]));
    assert!(matches!(press(&mut app, "C-z")[..], [Effect::Suspend]));
    assert!(matches!(press(&mut app, "/ C-c")[..], [Effect::Quit]));
    let effects = press(&mut app, "C-u ng Esc");
    let filters: Vec<_> = effects
        .iter()
        .map(|effect| match effect {
            Effect::SetFilter(filter) => filter.text(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(filters, ["n", "ng", ""]);
    let [Effect::Export(export)] = &press(&mut app, "Enter e")[..] else { panic!("no export") };
    assert_eq!(export.process, Some((813, "nginx".to_owned())));
    assert_eq!((export.subject.as_str(), export.tree.total()), ("nginx (813)", 40));
    let mut empty = self::app(80, 24);
    assert!(press(&mut empty, "e").is_empty());
    assert!(empty.notice.as_ref().unwrap().bad);
}

#[test]
fn an_export_waits_for_symbols_but_not_for_ever() {
    let unknown = |time_ns, stacks| Batch {
        time_ns,
        window_ns: SECOND,
        profile: vec![samples(813, "nginx", 77, 0, 500)],
        stacks,
        health: health(),
        ..Batch::default()
    };
    let hand = |app: &mut App, batch| app.update(Message::Batch(Box::new(batch)));
    let mut app = busy(120, 40);
    assert!(hand(&mut app, unknown(START + SECOND, vec![])).is_none());
    assert!(press(&mut app, "e").is_empty());
    assert!(hand(&mut app, unknown(START + 2 * SECOND, vec![])).is_none());
    let named = unknown(START + 3 * SECOND, vec![stack(77, &["main", "late"])]);
    assert!(matches!(hand(&mut app, named), Some(Effect::Export(_))));
    assert!(hand(&mut app, unknown(START + 4 * SECOND, vec![])).is_none(), "once");

    let mut app = busy(120, 40);
    hand(&mut app, unknown(START + SECOND, vec![]));
    press(&mut app, "e");
    assert!(matches!(hand(&mut app, unknown(START + 4 * SECOND, vec![])), Some(Effect::Export(_))));
    press(&mut app, "Space");
    assert!(matches!(press(&mut app, "e")[..], [Effect::Export(_)]), "paused: at once");
}

#[test]
fn the_selected_process_stays_selected_when_the_order_changes() {
    let mut app = busy(120, 40);
    press(&mut app, "j");
    assert_eq!(outline(&mut app), "syscalls, pid 990");
    feed(
        &mut app,
        Batch {
            time_ns: START + SECOND,
            window_ns: SECOND / 2,
            syscalls: vec![calls(990, 0, 1_000_000, 10, &[])],
            health: health(),
            ..Batch::default()
        },
    );
    assert_eq!(outline(&mut app), "syscalls, pid 990");
    assert_eq!(app.view().table(Pane::Syscalls).cursor, 0);
}

#[test]
fn a_pause_keeps_the_rows_and_loses_nothing() {
    let mut app = busy(120, 40);
    press(&mut app, "Space");
    let before = app.derived.syscalls.total;
    let mut later = second_batch();
    later.time_ns = START + 2 * SECOND;
    feed(&mut app, later);
    app.refresh();
    assert_eq!(app.derived.syscalls.total, before);
    assert_eq!(app.moment(), Moment::Paused(3 * SECOND / 2));
    press(&mut app, "Space");
    app.refresh();
    assert_eq!(app.derived.syscalls.total, 2 * before);
    press(&mut app, "c");
    app.refresh();
    assert_eq!((app.derived.syscalls.total, app.derived.opens.total), (0, 0));
}

#[test]
fn the_stream_is_followed_again_at_its_end() {
    let mut app = busy(120, 40);
    press(&mut app, "2 k");
    let more = |app: &mut App, at_ms| {
        let opens = vec![open(990, "postgres", "/x", at_ms, Ok(1))];
        feed(app, Batch { opens, health: health(), ..Batch::default() });
    };
    more(&mut app, 600);
    assert_eq!(outline(&mut app), "opens, open 2");
    press(&mut app, "G");
    more(&mut app, 601);
    assert_eq!(outline(&mut app), "opens, open 5");
}

#[test]
fn a_process_that_ends_while_its_detail_is_shown_stays() {
    let mut app = busy(120, 40);
    press(&mut app, "Enter");
    let processes = vec![ProcessEvent::Exit { time_ns: START + SECOND, pid: 813 }];
    feed(
        &mut app,
        Batch { time_ns: START + SECOND, processes, health: health(), ..Batch::default() },
    );
    assert_eq!(outline(&mut app), "syscalls, call 232, in 813");
}

#[test]
fn processes_that_ended_some_time_ago_are_one_last_row() {
    let mut app = busy(120, 40);
    let exit = |pid| ProcessEvent::Exit { time_ns: START + SECOND, pid };
    let processes = vec![exit(813), exit(990)];
    let later = |seconds| START + seconds * SECOND;
    feed(&mut app, Batch { time_ns: later(31), processes, health: health(), ..Batch::default() });
    assert_eq!(outline(&mut app), "syscalls, pid 813");
    feed(&mut app, Batch { time_ns: later(32), health: health(), ..Batch::default() });
    app.refresh();
    let rows = &app.derived.syscalls;
    let ended = rows.ended.expect("two have ended");
    assert_eq!((ended.processes, ended.counts.calls, ended.counts.errors), (2, 12_700, 253));
    let shown: u64 = rows.processes.iter().map(|row| row.counts.calls).sum();
    assert_eq!(shown + ended.counts.calls, rows.total, "totals still add up");
    let rows = &app.derived.offcpu;
    let ended = rows.ended.expect("two have ended");
    assert_eq!((ended.processes, ended.stats.blocked_ns), (2, 305_000_000));
    assert_eq!(ended.disk_ns, 95_000_000);
    press(&mut app, "G");
    assert_eq!(outline(&mut app), "syscalls, ended ones");
    press(&mut app, "Enter f");
    assert_eq!(outline(&mut app), "syscalls, ended ones", "nothing to go into");
    press(&mut app, "r");
    assert_eq!(outline(&mut app), "syscalls, ended ones");
    assert_eq!(app.view().table(Pane::Syscalls).cursor, 2, "last in either order");
}

#[test]
fn nothing_new_is_nothing_to_draw() {
    let mut app = busy(120, 40);
    assert!(app.take_changed());
    assert!(!app.is_changed());
    press(&mut app, "x");
    assert!(!app.is_changed(), "a key that does nothing");
    press(&mut app, "j");
    assert!(app.is_changed());
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> MouseEvent {
    MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }
}

fn click(app: &mut App, column: u16, row: u16, at_ms: u64) {
    let down = MouseEventKind::Down(MouseButton::Left);
    app.update(Message::Mouse(mouse(down, column, row), at_ms));
}

#[test]
fn clicks_focus_select_sort_and_open() {
    // Two lines of header, then the title, the heads, the rows.
    let mut app = busy(120, 40);
    click(&mut app, 5, 6, 0);
    assert_eq!(outline(&mut app), "syscalls, pid 1204");
    click(&mut app, 70, 4, 1_000);
    assert_eq!(outline(&mut app), "opens, open 0");
    click(&mut app, 5, 3, 2_000);
    assert_eq!(outline(&mut app), "syscalls, pid 1204");
    assert_eq!(app.view().table(Pane::Syscalls).sort.column, 0);
    click(&mut app, 5, 6, 3_000);
    click(&mut app, 5, 6, 3_100);
    assert_eq!(outline(&mut app), "syscalls, call 0, in 990");
    app.update(Message::Mouse(mouse(MouseEventKind::ScrollDown, 5, 6), 4_000));
    press(&mut app, "Esc 4");
    let flame = app.layout.flame();
    click(&mut app, flame.x + 3, flame.bottom() - 2, 5_000);
    assert_eq!(outline(&mut app), "profile, box nginx (813)");
    click(&mut app, flame.x + 3, flame.bottom() - 2, 5_900);
    assert_eq!(outline(&mut app), "profile, box nginx (813)", "too slow for a double click");
    app.update(Message::Mouse(mouse(MouseEventKind::ScrollUp, 70, 5), 6_000));
    assert_eq!(app.view().focus, Pane::Profile, "the wheel moves no focus");
}

/// Rows of ten thousand processes must not be felt; the bound is for an unoptimized build on a busy
/// machine.
#[test]
fn ten_thousand_processes_are_derived_quickly() {
    let mut app = app(200, 60);
    let pids = 100..10_100;
    let batch = Batch {
        time_ns: START + SECOND,
        window_ns: SECOND,
        syscalls: pids
            .clone()
            .flat_map(|pid| (0..5).map(move |nr| calls(pid, nr, 7, 99, &[])))
            .collect(),
        opens: (0..20_000)
            .map(|n| open(100 + n % 10_000, "x", "/a/b", u64::from(n), Ok(3)))
            .collect(),
        offcpu: pids
            .clone()
            .map(|pid| waits(pid, WaitState::Interruptible, (20, 11), 9, 1))
            .collect(),
        health: health(),
        ..second_batch()
    };
    feed(&mut app, batch);
    press(&mut app, "/ pid:100 Space or Space !comm:zzz Enter");
    let mut buffer = Buffer::empty(app.layout.screen);
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        app.model_changed();
        app.refresh();
        render(&app, &Theme::new(Default::default()), buffer.area, &mut buffer);
        fastest = fastest.min(started.elapsed());
    }
    println!("refresh and render: {fastest:?}");
    assert!(app.derived.len(Pane::Syscalls) >= 10_000);
    assert!(fastest < Duration::from_millis(1_000), "{fastest:?}");
}

fn any_event() -> impl Strategy<Value = (u8, u8, u16, u16)> {
    (0_u8..66, any::<u8>(), 0_u16..90, 0_u16..45)
}

fn apply(app: &mut App, tape: &mut Tape, (kind, key, x, y): (u8, u8, u16, u16), at_ms: u64) {
    const KEYS: &[u8] = b"q?12341234zhjklggGG/\\fFsrrccetnNi  npid:comm!x*or(,,..<<>>[[]]+-RW  ";
    const CODES: &[KeyCode] = &[
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Char('ä'),
        KeyCode::Char('日'),
    ];
    let code = match kind {
        0..=24 => KeyCode::Char(KEYS[usize::from(key) % KEYS.len()] as char),
        _ => CODES[usize::from(key) % CODES.len()],
    };
    let modifiers = if kind % 10 == 9 { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
    let message = match kind {
        0..=44 => Message::Key(KeyEvent::new(code, modifiers)),
        45..=48 => Message::Resize(Size { width: x, height: y }),
        49..=52 => {
            let down = MouseEventKind::Down(MouseButton::Left);
            Message::Mouse(mouse(down, x, y), at_ms)
        }
        53 => Message::Mouse(mouse(MouseEventKind::ScrollUp, x, y), at_ms),
        54 => Message::Mouse(mouse(MouseEventKind::ScrollDown, x, y), at_ms),
        55 => Message::Batch(Box::new(first_batch())),
        56 => Message::Batch(Box::new(Batch {
            processes: vec![ProcessEvent::Exit { time_ns: START, pid: 813 }],
            health: health_without("opens"),
            ..second_batch()
        })),
        57 => Message::Ended,
        58 => Message::Mouse(mouse(MouseEventKind::Drag(MouseButton::Left), x, y), at_ms),
        59 => Message::Mouse(mouse(MouseEventKind::Up(MouseButton::Left), x, y), at_ms),
        60 | 61 if app.is_playing() => Message::Elapsed(u64::from(key) * 100),
        62 => {
            tape.kept_from = app.time.timeline.end().min(tape.kept_from + u64::from(key % 4));
            Message::Recorder(Status { kept_from: tape.kept_from, ..Status::default() })
        }
        63 => Message::SeekIsSlow,
        _ => Message::Batch(Box::new(later_batch(app.time.timeline.end().max(2)))),
    };
    if let Message::Batch(batch) = &message {
        tape.batches.push((**batch).clone());
    }
    let effect = app.update(message);
    // Now and then an answer is late.
    match effect {
        Some(Effect::Seek(_)) if key % 5 == 0 => {}
        effect => _ = settle(app, tape, effect),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_the_screen_can_be_drawn(
        events in prop::collection::vec(any_event(), 1..80),
        of_capture in any::<bool>(),
    ) {
        let mut tape = tape(24);
        let mut app = if of_capture { replay(&tape, 9, 80, 24) } else { lived(&tape, 80, 24) };
        for (at, event) in events.into_iter().enumerate() {
            if of_capture && matches!(event.0, 55..=57 | 62 | 64..) {
                continue;
            }
            apply(&mut app, &mut tape, event, at as u64 * 150);
            let buffer = draw(&mut app, &Theme::new(Default::default()));
            for pane in Pane::ALL {
                let (table, len) = (app.view().table(pane), app.derived.len(pane));
                if app.layout.panes[pane.index()].is_some() {
                    prop_assert!(table.cursor < len.max(1), "{pane:?}: {table:?} of {len}");
                    prop_assert!(table.offset <= table.cursor, "{pane:?}: {table:?}");
                }
            }
            for cell in buffer.content() {
                prop_assert!(!cell.symbol().chars().any(char::is_control));
            }
            let (low, high) = app.time.limits();
            prop_assert!(low <= high);
            if let Some(span) = app.time.wanted() {
                prop_assert!(span.start <= span.end && span.end <= app.time.timeline.end());
            }
            prop_assert_eq!(app.shows_timeline(), app.time.position().is_some());
        }
    }
}

#[test]
fn a_process_that_hangs_since_before_the_watch_is_above_busy_ones() {
    let mut app = busy(120, 40);
    let hangs = |tid, kernel| WaitingNow {
        pid: 1204,
        tid,
        state: WaitState::Interruptible,
        kernel_stack: StackId(kernel),
        user_stack: StackId(0),
        since_ns: START,
        woken_ns: None,
    };
    let stacks = vec![
        stack(30, &["do_flock_k", "locks_lock_inode_wait_k", "schedule_k", "__schedule_k"]),
        stack(31, &["do_epoll_wait_k", "schedule_k", "__schedule_k"]),
    ];
    let mut wait = |waiting| {
        let (time_ns, stacks) = (START + SECOND, stacks.clone());
        let waiting = Some(waiting);
        feed(&mut app, Batch { time_ns, stacks, waiting, health: health(), ..Batch::default() });
        app.refresh();
        app.derived.offcpu.processes.iter().map(|row| row.key.pid).collect::<Vec<_>>()
    };
    assert_eq!(wait(vec![hangs(1204, 31), hangs(1205, 30)]), [1204, 813, 990]);
    assert_eq!(wait(vec![hangs(1204, 31), hangs(1205, 31)]), [813, 990, 1204]);
}

#[test]
fn what_is_exported_is_what_the_focused_pane_is_about() {
    let exported = |keys| {
        let mut app = busy(120, 40);
        let effects = press(&mut app, keys);
        let Some(Effect::Export(export)) = effects.into_iter().next_back() else {
            panic!("no export: {keys}")
        };
        (export.tree.unit, export.subject, export.tree.total())
    };
    let waited = |subject: &str, ms: u64| (Unit::Nanoseconds, subject.to_owned(), ms * 1_000_000);
    // 813: 210 blocked and 4 for a CPU; 990: 95, 12 and 31; 812 waits for 500.
    assert_eq!(exported("3 e"), waited("all processes", 210 + 4 + 95 + 12 + 31 + 500));
    assert_eq!(exported("/ postgres Enter 3 e"), waited("postgres", 95 + 12 + 31));
    assert_eq!(exported("3 j Enter e"), waited("postgres (990)", 95 + 12 + 31));
    for keys in ["e", "2 e", "4 e"] {
        assert_eq!(exported(keys), (Unit::Samples, "all processes".to_owned(), 54), "{keys}");
    }
    let mut empty = app(80, 24);
    assert!(press(&mut empty, "3 e").is_empty());
    assert_eq!(empty.notice.unwrap().text, "no waits to export yet");
}

#[test]
fn an_off_cpu_export_waits_for_symbols_too() {
    let batch = |time_ns, stacks| Batch {
        time_ns,
        window_ns: SECOND,
        offcpu: vec![waits(813, WaitState::Interruptible, (0, 77), 9_000, 0)],
        stacks,
        health: health(),
        ..Batch::default()
    };
    let hand = |app: &mut App, batch| app.update(Message::Batch(Box::new(batch)));
    let mut app = busy(120, 40);
    hand(&mut app, batch(START + SECOND, vec![]));
    assert!(press(&mut app, "3 e 1").is_empty(), "symbols are missing");
    let named = batch(START + 2 * SECOND, vec![stack(77, &["main", "late"])]);
    let Some(Effect::Export(export)) = hand(&mut app, named) else { panic!("no export") };
    assert_eq!(export.tree.unit, Unit::Nanoseconds, "the other pane's was asked for");
}

#[test]
fn the_rates_in_the_header_are_those_of_what_matches() {
    let mut app = busy(120, 40);
    let all = app.rates;
    let header = |app: &mut App| characters(app).lines().next().unwrap().to_owned();
    let unfiltered = header(&mut app);
    press(&mut app, "/ postgres Enter");
    app.refresh();
    let (rates, derived) = (app.rates, &app.derived);
    let titles = (derived.syscalls.rate, derived.opens.rate, derived.profile.rate);
    assert_eq!((rates.calls, rates.opens, rates.samples), titles);
    assert!(rates.calls > 0.0 && rates.calls < all.calls, "{rates:?} of {all:?}");
    assert!(rates.opens > 0.0 && rates.opens < all.opens, "{rates:?} of {all:?}");
    assert!(rates.samples > 0.0 && rates.samples < all.samples, "{rates:?} of {all:?}");
    let calls = format!("calls {}", crate::text::rate(rates.calls));
    let filtered = header(&mut app);
    assert!(filtered.contains(&calls) && !unfiltered.contains(&calls), "{filtered}");
    press(&mut app, "Enter z");
    app.refresh();
    assert_eq!(app.rates, rates, "whatever is looked at");
    press(&mut app, "F");
    app.refresh();
    assert_eq!(app.rates, all);
}

#[test]
fn only_failed_opens() {
    let mut app = busy(160, 40);
    press(&mut app, "2 x");
    assert_eq!(outline(&mut app), "opens, open 1");
    assert_eq!(app.derived.len(Pane::Opens), 1);
    assert_eq!((app.derived.opens.total, app.derived.opens.failed), (4, 1), "totals stay");
    let screen = characters(&mut app);
    assert!(screen.contains("· failed only ·") && screen.contains("x all opens"), "{screen}");
    let fails =
        vec![open(990, "postgres", "/x", 600, Err(13)), open(990, "postgres", "/y", 601, Ok(3))];
    feed(&mut app, Batch { opens: fails, health: health(), ..Batch::default() });
    assert_eq!(outline(&mut app), "opens, open 4", "followed");
    press(&mut app, "k");
    assert_eq!(outline(&mut app), "opens, open 1");
    press(&mut app, "x");
    assert_eq!(outline(&mut app), "opens, open 1", "what failed stays selected");
    press(&mut app, "k x");
    assert_eq!(outline(&mut app), "opens, open 4", "what did not fail is gone");
    // Each view has its own.
    press(&mut app, "Enter");
    assert_eq!(
        (outline(&mut app).as_str(), app.derived.len(Pane::Opens)),
        ("opens, open 5, in 990", 3)
    );
    press(&mut app, "x");
    assert_eq!(
        (outline(&mut app).as_str(), app.derived.len(Pane::Opens)),
        ("opens, open 4, in 990", 1)
    );
    press(&mut app, "x Esc");
    app.refresh();
    assert_eq!(app.derived.len(Pane::Opens), 2);
    press(&mut app, "/ nginx Enter");
    assert!(
        characters(&mut app).contains("that matches the filter `nginx` has failed to open a file")
    );
    press(&mut app, "1 x");
    assert!(app.view().failed_only, "only in its pane");
}

#[test]
fn a_sort_by_a_column_that_has_no_room_is_named_in_the_title() {
    let mut app = busy(200, 60);
    press(&mut app, "3 s s s s");
    let sort = app.view().table(Pane::Offcpu).sort;
    let title = app.view().columns(Pane::Offcpu)[sort.column].title;
    assert_eq!(title, "NOW");
    assert!(!characters(&mut app).contains("by NOW"));
    app.update(Message::Resize(Size { width: 40, height: 10 }));
    let screen = characters(&mut app);
    press(&mut app, "z");
    assert_eq!(app.view().table(Pane::Offcpu).sort, sort, "a resize does not sort");
    assert!(screen.contains("by NOW") && !screen.contains('▼'), "{screen}");
    for _ in 0..5 {
        press(&mut app, "s");
        let screen = characters(&mut app);
        assert!(screen.contains(['▼', '▲']) && !screen.contains(" by "), "{screen}");
    }
}
