//! Which rows there are, in which order.

use super::*;
use crate::app::App;
use crate::app::pane::Pane;
use crate::app::update::Message;
use crate::source::{Batch, ProcessEvent, StackId, WaitState, WaitingNow};
use crate::ui::render;
use crate::ui::testing::*;
use crate::ui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use std::time::{Duration, Instant};

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
    feed(&mut app, half_second(later(32), health()));
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
        let (stacks, waiting) = (stacks.clone(), Some(waiting));
        feed(&mut app, Batch { stacks, waiting, ..half_second(START + SECOND, health()) });
        app.refresh();
        app.derived.offcpu.processes.iter().map(|row| row.key.pid).collect::<Vec<_>>()
    };
    assert_eq!(wait(vec![hangs(1204, 31), hangs(1205, 30)]), [1204, 813, 990]);
    assert_eq!(wait(vec![hangs(1204, 31), hangs(1205, 31)]), [813, 990, 1204]);
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

#[test]
fn sums_of_some_say_that_they_are_the_least_where_processes_are_forgotten() {
    let mut app = busy(120, 40);
    // More short-lived ones than are kept after their end.
    for second in 1..=25_u64 {
        let time_ns = START + second * SECOND;
        let pids = (0..100).map(|n| 20_000 + second as u32 * 100 + n);
        let of = |pid| {
            let comm = "nginx".to_owned();
            let fork = ProcessEvent::Fork { time_ns, pid, parent: 812, comm };
            [fork, ProcessEvent::Exit { time_ns: time_ns + 1, pid }]
        };
        let syscalls = pids.clone().map(|pid| calls(pid, 0, 10, 10, &[])).collect();
        let processes = pids.flat_map(of).collect();
        let health = health();
        feed(
            &mut app,
            Batch { time_ns, window_ns: SECOND, processes, syscalls, health, ..Batch::default() },
        );
    }
    assert!(!characters(&mut app).contains('≥'), "the sums of all are right");
    press(&mut app, "/ nginx Enter");
    let said = characters(&mut app);
    assert!(said.contains("· ≥") && said.contains(" calls"), "{said}");
    assert!(said.contains(" ≥") && said.contains(" blocked"), "{said}");
}
