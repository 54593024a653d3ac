//! Keys and clicks: what they make of the state.

mod exports;
mod rows;
mod whatever;

use super::App;
use super::pane::Pane;
use super::state::Typing;
use super::table::RowId;
use super::time::Moment;
use super::update::{Effect, Message};
use crate::source::Batch;
use crate::ui::testing::*;
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

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
        ("/ post Enter / pid:x Enter", "syscalls, pid 990, wrong filter, filter \"post\""),
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
fn nothing_new_is_nothing_to_draw() {
    let mut app = busy(120, 40);
    assert!(app.take_changed());
    assert!(!app.is_changed());
    press(&mut app, "x");
    assert!(!app.is_changed(), "a key that does nothing");
    press(&mut app, "j");
    assert!(app.is_changed());
}

/// A batch after which there is nothing to draw is the exception: the next one has to be drawn.
#[test]
fn what_happens_is_drawn_at_once_and_numbers_every_other_time() {
    let mut app = busy(120, 40);
    let drawn = |app: &mut App, batch| {
        feed(app, batch);
        app.take_changed()
    };
    let numbers = || Batch {
        window_ns: 250_000_000,
        waiting: Some(Vec::new()),
        health: health(),
        ..Batch::default()
    };
    let an_open = || Batch { opens: vec![open(990, "postgres", "/x", 600, Ok(1))], ..numbers() };
    app.take_changed();
    let batches = [numbers(), numbers(), numbers(), an_open(), an_open(), numbers(), numbers()];
    let drawings = batches.map(|batch| drawn(&mut app, batch));
    assert_eq!(drawings, [false, true, false, true, true, false, true]);
    // Whoever has asked for a tick a second gets all of them.
    let slow = || Batch { window_ns: 1_000_000_000, ..numbers() };
    assert_eq!([slow(), slow()].map(|batch| drawn(&mut app, batch)), [true, true]);
    // Keys and clicks are about what is on the screen, until it is drawn anew.
    let wild = || Batch { syscalls: vec![calls(1204, 0, 1_000_000, 1_000, &[])], ..numbers() };
    let total = |app: &App| app.model().syscalls.total.calls;
    let before = total(&app);
    feed(&mut app, wild());
    press(&mut app, "g");
    assert_eq!(outline(&mut app), "syscalls, pid 813");
    assert_eq!(total(&app), before);
    feed(&mut app, numbers());
    press(&mut app, "g");
    assert_eq!(outline(&mut app), "syscalls, pid 1204");
    // What was before a clearing is not counted after it, nor what was before the end left out.
    feed(&mut app, wild());
    press(&mut app, "c");
    feed(&mut app, numbers());
    assert_eq!(total(&app), 0);
    feed(&mut app, wild());
    app.update(Message::Ended);
    assert_eq!(total(&app), 1_000_000);
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
