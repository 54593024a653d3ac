//! Batches folded one by one and merged in any grouping make the same model.

use super::*;
use crate::capture::Tick;
use crate::model::properties::{folded, same, told};
use crate::source::arbitrary::{START, batches};
use crate::source::{OpenEvent, OpenPath, ProcessSeen, StackId, WaitState, WaitingNow};
use proptest::prelude::*;

fn event(pid: u32, time_ns: u64) -> OpenEvent {
    OpenEvent {
        time_ns,
        duration_ns: 1,
        pid,
        tid: pid,
        comm: "sh".to_owned(),
        path: OpenPath::default(),
        flags: 0,
        mode: 0,
        result: Ok(3),
    }
}

fn with(processes: Vec<ProcessEvent>, opens: Vec<OpenEvent>) -> Batch {
    Batch { processes, opens, window_ns: 10, ..Batch::default() }
}

fn fork(pid: u32, parent: u32) -> ProcessEvent {
    ProcessEvent::Fork { time_ns: START + 5, pid, parent, comm: "sh".to_owned() }
}

fn exit(pid: u32) -> ProcessEvent {
    ProcessEvent::Exit { time_ns: START + 3, pid }
}

#[test]
fn a_pid_that_is_used_again_keeps_two_batches_apart() {
    let seen = || ProcessEvent::Seen(ProcessSeen { pid: 7, ..ProcessSeen::default() });
    for (earlier, later, pid) in [
        // Another process.
        (with(vec![fork(7, 1), exit(7)], vec![]), with(vec![fork(7, 1)], vec![]), 7),
        // Likewise, and its end was lost.
        (with(vec![], vec![event(7, 5)]), with(vec![fork(7, 1)], vec![]), 7),
        (with(vec![], vec![event(7, 5)]), with(vec![seen()], vec![]), 7),
        // The child would have a living parent.
        (with(vec![exit(7)], vec![]), with(vec![fork(8, 7)], vec![]), 8),
    ] {
        let apart = earlier.clone().merge(later.clone()).unwrap_err();
        assert_eq!(*apart, Apart { earlier, later, pid });
    }
    let merged = with(vec![fork(7, 1)], vec![event(7, 5)]).merge(with(vec![exit(7)], vec![]));
    let merged = merged.unwrap().merge(with(vec![fork(8, 1)], vec![event(7, 6)])).unwrap();
    assert_eq!(merged.processes, [fork(7, 1), exit(7), fork(8, 1)]);
    assert_eq!((merged.opens.len(), merged.window_ns), (2, 30));
}

/// Who waits was read in the earlier batch alone: the later one tells who does not any more.
#[test]
fn a_wait_ends_with_its_process() {
    let wait = |pid| WaitingNow {
        pid,
        tid: pid,
        state: WaitState::Interruptible,
        kernel_stack: StackId::NONE,
        user_stack: StackId::NONE,
        since_ns: 0,
        woken_ns: None,
    };
    let read = |pids: &[u32]| Some(pids.iter().map(|pid| wait(*pid)).collect::<Vec<_>>());
    let batch = |waiting, ended: &[u32]| Batch {
        processes: ended.iter().map(|pid| exit(*pid)).collect(),
        waiting,
        ..Batch::default()
    };
    let merged = |earlier: Batch, later| earlier.merge(later).unwrap().waiting;
    assert_eq!(merged(batch(read(&[7, 8]), &[]), batch(None, &[8])), read(&[7]));
    assert_eq!(merged(batch(read(&[7, 8]), &[]), batch(read(&[8]), &[8])), read(&[8]));
    assert_eq!(merged(batch(None, &[]), batch(None, &[8])), None);
}

#[test]
fn counts_that_would_not_fit_stay_two() {
    let calls = |count: u32| SyscallDelta {
        pid: 7,
        nr: 1,
        calls: u64::from(count),
        errors: 0,
        total_ns: 1,
        hist: std::array::from_fn(|bucket| if bucket == 3 { count } else { 0 }),
        errnos: vec![(2, 1)],
    };
    let batch = |count| Batch { syscalls: vec![calls(count)], ..Batch::default() };
    let merged = batch(u32::MAX).merge(batch(1)).unwrap();
    assert_eq!(merged.syscalls, [calls(u32::MAX), calls(1)]);
    let merged = batch(4).merge(batch(5)).unwrap();
    let mut sum = calls(9);
    (sum.total_ns, sum.errnos) = (2, vec![(2, 2)]);
    assert_eq!(merged.syscalls, [sum]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn merged_in_any_grouping_it_is_the_same_model(
        batches in batches(),
        cuts in prop::collection::vec(any::<bool>(), 16),
    ) {
        let one_by_one = told(&folded(batches.clone()));
        let mut groups: Vec<Vec<Batch>> = vec![Vec::new()];
        for (batch, cut) in batches.iter().zip(&cuts) {
            if *cut {
                groups.push(Vec::new());
            }
            groups.last_mut().unwrap().push(batch.clone());
        }
        let merged: Vec<_> = groups.into_iter().flat_map(Batch::merge_all).collect();
        prop_assert!(merged.len() <= batches.len());
        same(&told(&folded(merged.clone())), &one_by_one)?;
        // What was merged can be merged on.
        let all = Batch::merge_all(merged);
        same(&told(&folded(all)), &one_by_one)?;
    }

    #[test]
    fn what_is_merged_first_makes_no_difference(batches in batches()) {
        let forwards = Batch::merge_all(batches.clone());
        // From the end on: the last with the one before it, and so on.
        let mut backwards: Vec<Batch> = Vec::new();
        for batch in batches.into_iter().rev() {
            match backwards.pop() {
                None => backwards.push(batch),
                Some(later) => match batch.merge(later) {
                    Ok(both) => backwards.push(both),
                    Err(apart) => backwards.extend([apart.later, apart.earlier]),
                },
            }
        }
        backwards.reverse();
        same(&told(&folded(forwards)), &told(&folded(backwards)))?;
    }

    #[test]
    fn the_timeline_of_what_was_merged_adds_up(batches in batches()) {
        let sum = |batches: &[Batch], count: fn(&Tick) -> u64| -> u64 {
            batches.iter().map(|batch| count(&Tick::of(batch))).sum()
        };
        let merged = Batch::merge_all(batches.clone());
        let counts: [fn(&Tick) -> u64; 8] = [
            |tick| tick.window_ns,
            |tick| tick.calls,
            |tick| tick.errors,
            |tick| tick.opens,
            |tick| tick.blocked_ns,
            |tick| tick.runqueue_ns,
            |tick| tick.samples,
            |tick| tick.forks,
        ];
        for count in counts {
            prop_assert_eq!(sum(&merged, count), sum(&batches, count));
        }
    }
}
