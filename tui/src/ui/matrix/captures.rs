//! What the captures hold: the machine of `ui::testing`, in every state that a screen must be able to
//! show.

use super::shot::recorded;
use crate::app::pane::Pane;
use crate::probes::PROBES;
use crate::source::{Batch, Health, ProcessEvent, ProcessSeen, WaitState};
use crate::ui::testing::*;

/// Two quarters of a second, then so many seconds, on which something happens.
pub(super) fn busy_seconds(seconds: u64) -> Vec<Batch> {
    let mut batches = tape(2 + seconds).batches;
    for batch in &mut batches {
        // The tape's come half a second after the end of their batch.
        let ended_ns = batch.time_ns;
        batch.opens.iter_mut().for_each(|open| open.time_ns = open.time_ns.min(ended_ns - 1_000));
    }
    batches
}

/// A machine on which something happens.
pub(super) fn normal() -> Vec<u8> {
    recorded(&busy_seconds(6))
}

/// A minute of it, in which events were lost and one process went wild.
pub(super) fn minute() -> Vec<u8> {
    recorded(&busy_seconds(60))
}

/// A recording in which nothing happened.
pub(super) fn empty() -> Vec<u8> {
    let nothing = |tick: u64| Batch {
        time_ns: START + tick * SECOND,
        window_ns: SECOND,
        health: health(),
        ..Batch::default()
    };
    recorded(&[nothing(1), nothing(2)])
}

/// The probe of a pane cannot run.
pub(super) fn degraded(pane: Pane) -> Vec<u8> {
    let mut batches = busy_seconds(6);
    for batch in &mut batches {
        batch.health = health_without(stem(pane));
        match pane {
            Pane::Syscalls => batch.syscalls.clear(),
            Pane::Opens => batch.opens.clear(),
            Pane::Offcpu => {
                batch.offcpu.clear();
                batch.waiting = None;
            }
            Pane::Profile => batch.profile.clear(),
        }
    }
    recorded(&batches)
}

/// The probe of a pane cannot keep up: whatever can be lost of it is lost, more with every batch.
pub(super) fn losing(pane: Pane) -> Vec<u8> {
    let mut batches = busy_seconds(6);
    for (tick, batch) in (1..).zip(&mut batches) {
        batch.health = with_losses(pane, tick);
    }
    recorded(&batches)
}

fn with_losses(pane: Pane, tick: u64) -> Health {
    let mut health = health();
    let of_pane = health.probes.iter_mut().find(|probe| probe.name == stem(pane));
    let probe = of_pane.expect("every pane has its probe");
    probe.events = tick * 100_000;
    match pane {
        Pane::Syscalls => (probe.map_full, probe.skipped_runs) = (tick * 12, tick * 3),
        Pane::Opens => (probe.ring_full, probe.unreadable) = (tick * 1_234, tick),
        Pane::Offcpu => (probe.stack_errors, probe.unseen_ends) = (tick * 7, tick * 2),
        Pane::Profile => (probe.stack_errors, probe.unresolved_frames) = (tick, tick * 90),
    }
    health.skipped_ticks = tick / 2;
    health
}

fn stem(pane: Pane) -> &'static str {
    PROBES[pane.index()].name
}

/// Names that want to move the cursor, colour the screen, turn the reading direction, be wide, be
/// without end, or look like the screen's own.
pub(super) fn hostile() -> Vec<u8> {
    let mut batches = busy_seconds(1);
    let names = ["\u{1b}[31mevil\n", "日本語のプロセス", "│ lost 0 │", "e\u{301}\u{202e}gnp"];
    let processes = (666..).zip(names).map(|(pid, comm)| {
        ProcessEvent::Seen(ProcessSeen {
            pid,
            parent: 1,
            start_ns: START - SECOND,
            comm: comm.to_owned(),
            cmdline: format!("{comm} \u{1b}]0;title\u{7} --secret\r\n{}", "x".repeat(300)),
            ..ProcessSeen::default()
        })
    });
    let mut unresolved = open(667, names[1], "日本語/ファイル.txt", 1_520, Ok(4));
    unresolved.path.unresolved = true;
    let mut unreadable = open(668, names[2], "", 1_530, Err(14));
    unreadable.path.unreadable = true;
    let mut long = open(669, names[3], &"/very/long/directory".repeat(20), 1_540, Ok(5));
    long.path.cut = true;
    let functions = [
        "main",
        "\u{1b}[2Jclear(std::vector<int, std::allocator<int>>&)",
        "日本語の関数",
        "operator new[](unsigned long)",
        "a\nb",
    ];
    batches.push(Batch {
        time_ns: START + 3 * SECOND,
        window_ns: SECOND,
        processes: processes.collect(),
        syscalls: vec![
            calls(666, 999, 100_000, 1_000, &[(9_999, 7)]),
            calls(667, 0x8000_0003, 90_000, 5_000, &[]),
            calls(668, 1_023, 80_000, 80_000_000, &[(1, 80_000)]),
        ],
        opens: vec![
            open(666, "\u{9b}2J", "/tmp/a\u{1b}]0;x\u{7}b\nc", 1_510, Err(2)),
            unresolved,
            unreadable,
            long,
        ],
        offcpu: vec![
            waits(666, WaitState::Uninterruptible, (31, 30), 90_000, 9_000),
            waits(667, WaitState::Stopped, (31, 30), 50_000, 1),
        ],
        waiting: Some(sleepers()),
        profile: vec![
            samples(666, "\u{1b}[31mevil\n", 30, 0, 900),
            samples(667, "スレッド", 30, 31, 400),
        ],
        stacks: vec![stack(30, &functions), stack(31, &["\u{202e}drawkcab_k", "\t_k"])],
        health: health(),
        ..Batch::default()
    });
    recorded(&batches)
}
