//! Nothing grows without bound, and what is folded or forgotten is counted all the same.

use super::*;
use crate::source::{Frame, OpenEvent, OpenPath, ProfileDelta, ResolvedStack};
use proptest::prelude::*;
use std::sync::Arc;

const SECOND: u64 = 1_000_000_000;

fn wait(pid: u32, user_stack: u32, blocked_ns: u64) -> OffcpuDelta {
    OffcpuDelta {
        pid,
        state: WaitState::Interruptible,
        kernel_stack: StackId::FIRST,
        user_stack: StackId(user_stack),
        blocked_ns,
        runqueue_ns: 7,
        waits: 1,
    }
}

fn sample(pid: u32, comm: &str, user_stack: u32, samples: u64) -> ProfileDelta {
    let (kernel_stack, user_stack) = (StackId::NONE, StackId(user_stack));
    ProfileDelta { pid, comm: comm.to_owned(), kernel_stack, user_stack, samples }
}

fn told(id: u32) -> Arc<ResolvedStack> {
    let frames = vec![Arc::new(Frame::note("known"))];
    Arc::new(ResolvedStack { id: StackId(id), frames })
}

fn known(model: &Model, id: u32) -> bool {
    model.stacks.frames(StackId(id)).iter().any(|frame| frame.name == "known")
}

fn key(model: &Model, pid: u32) -> ProcKey {
    model.processes.living(pid).unwrap().key
}

fn places(model: &Model, pid: u32) -> usize {
    model.offcpu.places(key(model, pid), model.now_ns).len()
}

#[test]
fn of_ever_new_stacks_the_heavy_stay_apart_and_the_light_are_added_up() {
    let mut model = model();
    for n in 0..1_000 {
        let blocked_ns = if n == 3 { 1_000_000 } else { 10 };
        let offcpu = vec![wait(7, 10 + n, blocked_ns)];
        model.fold(Batch { offcpu, ..Batch::default() });
        assert!(places(&model, 7) <= 9, "{}", places(&model, 7));
    }
    let places = model.offcpu.places(key(&model, 7), model.now_ns);
    let of = |user_stack, kernel_stack| {
        places[&Place { state: WaitState::Interruptible, kernel_stack, user_stack }]
    };
    assert_eq!(of(StackId(13), StackId::FIRST).blocked_ns, 1_000_000);
    assert!(of(StackId::NONE, StackId::OTHER).waits > 900);
    let total = model.offcpu.total_of(key(&model, 7), model.now_ns);
    assert_eq!((total.blocked_ns, total.runqueue_ns, total.waits), (1_009_990, 7_000, 1_000));
    let note = &model.stacks.frames(StackId::OTHER)[0].name;
    assert_eq!(note, "[other stacks: too many to keep apart]");
}

#[test]
fn all_processes_together_have_a_bound_too() {
    let mut model = model();
    for n in 0..400 {
        let offcpu = vec![wait(n % 4, 10 + n, u64::from(n))];
        let profile = vec![sample(n % 4, "x", 10 + n, 1)];
        model.fold(Batch { offcpu, profile, ..Batch::default() });
        let waits: usize = (0..4.min(n + 1)).map(|pid| places(&model, pid)).sum();
        let samples: usize = model.profile.iter().map(|(_, of)| of.places.len()).sum();
        // Of 12 half is kept, and one place a process; from there it may grow by half.
        assert!(waits <= 15 && samples <= 15, "{waits} {samples}");
    }
    assert_eq!(model.profile.total, 400);
    let sum: u64 = model.profile.iter().flat_map(|(_, of)| of.places.values()).sum();
    assert_eq!(sum, 400);
}

#[test]
fn threads_that_rename_themselves_all_the_time_do_not_fill_memory() {
    let mut model = model();
    for n in 0..500 {
        let comm = format!("worker-{n}");
        model.fold(Batch { profile: vec![sample(7, &comm, 10 + n, 2)], ..Batch::default() });
        assert!(model.profile.of(key(&model, 7)).unwrap().places.len() <= 9);
    }
    let of = model.profile.of(key(&model, 7)).unwrap();
    assert_eq!((of.total, of.places.values().sum::<u64>()), (1_000, 1_000));
    assert!(of.places.keys().any(|place| place.comm == "[other threads]"));
}

#[test]
fn what_was_before_a_clearing_is_not_folded_into_what_came_after() {
    let mut model = model();
    let waiting = WaitingNow {
        pid: 7,
        tid: 7,
        state: WaitState::Interruptible,
        kernel_stack: StackId::FIRST,
        user_stack: StackId(10),
        since_ns: 1_200,
        woken_ns: None,
    };
    model.fold(Batch { time_ns: 2_000, waiting: Some(vec![waiting]), ..Batch::default() });
    model.clear();
    // The wait ends whole, 800 ns of it before the clearing, and is the lightest then.
    let ended = OffcpuDelta { blocked_ns: 900, ..wait(7, 10, 0) };
    let offcpu = std::iter::once(ended).chain((20..60).map(|n| wait(7, n, 5_000))).collect();
    model.fold(Batch { time_ns: 2_100, offcpu, waiting: Some(vec![]), ..Batch::default() });
    let total = model.offcpu.total_of(key(&model, 7), model.now_ns);
    assert_eq!((total.blocked_ns, total.waits), (100 + 40 * 5_000, 41));
}

#[test]
fn a_stack_that_nothing_refers_to_is_dropped_after_the_source_would_tell_it_again() {
    let mut model = model();
    let at = |second: u64| Batch { time_ns: second * SECOND, ..Batch::default() };
    let stacks = (20..40).map(told).collect();
    // Stack 20 is used once, and its place is folded at once; 21 stays in a place.
    let offcpu = || (20..40).map(|n| wait(7, n, if n == 21 { 99 } else { 1 })).collect();
    model.fold(Batch { stacks, offcpu: offcpu(), ..at(1_000) });
    let places = model.offcpu.places(key(&model, 7), model.now_ns);
    let has_place = |id| places.keys().any(|place| place.user_stack == StackId(id));
    assert!(!has_place(20) && has_place(21));
    // Until the source tells it again with its next use, it has to be there.
    let again_ns = StackId::TOLD_AGAIN_NS / SECOND;
    for second in (1_010..1_000 + again_ns).step_by(10) {
        model.fold(at(second));
        assert!(known(&model, 20), "{second}");
    }
    // Used in time, so not told again: it has to be there as long once more.
    model.fold(Batch { offcpu: offcpu(), ..at(999 + again_ns) });
    for second in (1_000 + again_ns..1_000 + 2 * again_ns).step_by(10) {
        model.fold(at(second));
        assert!(known(&model, 20), "{second}");
    }
    // Nobody uses it any more.
    for second in (1_000 + 2 * again_ns..1_100 + 3 * again_ns).step_by(10) {
        model.fold(at(second));
    }
    assert!(!known(&model, 20), "it is kept for ever");
    assert!(known(&model, 21), "its place is still there");
    // The source tells it again when it comes back.
    model.fold(Batch { stacks: vec![told(20)], offcpu: vec![wait(7, 20, 1)], ..at(5_000) });
    assert!(known(&model, 20));
}

#[test]
fn the_stack_of_a_long_wait_stays() {
    let mut model = model();
    for second in (1..4_000).step_by(10) {
        let waiting = WaitingNow {
            pid: 7,
            tid: 7,
            state: WaitState::Interruptible,
            kernel_stack: StackId(30),
            user_stack: StackId(31),
            since_ns: SECOND,
            woken_ns: None,
        };
        let stacks = if second == 1 { vec![told(30), told(31)] } else { Vec::new() };
        let time_ns = second * SECOND;
        model.fold(Batch { time_ns, waiting: Some(vec![waiting]), stacks, ..Batch::default() });
        assert!(known(&model, 30) && known(&model, 31), "{second}");
    }
    // It ends, and its process uses the stack again soon: it is not told again.
    let time_ns = 4_000 * SECOND;
    model.fold(Batch { time_ns, waiting: Some(vec![]), ..Batch::default() });
    let time_ns = 4_200 * SECOND;
    let offcpu = vec![OffcpuDelta { kernel_stack: StackId(30), ..wait(7, 31, 5) }];
    model.fold(Batch { time_ns, offcpu, ..Batch::default() });
    assert!(known(&model, 30) && known(&model, 31));
}

#[test]
fn stacks_of_the_forgotten_go_also_when_they_are_told_later() {
    let mut model = model();
    for pid in 10..200 {
        let exit = ProcessEvent::Exit { time_ns: 9, pid };
        let offcpu = vec![wait(pid, 1_000 + pid, 5)];
        // Told two processes later.
        let stacks = if pid >= 12 { vec![told(1_000 + pid - 2)] } else { Vec::new() };
        let processes = vec![seen(pid, "x"), exit];
        model.fold(Batch {
            time_ns: u64::from(pid),
            processes,
            offcpu,
            stacks,
            ..Batch::default()
        });
        assert!(model.stacks.len() <= 2, "{} stacks are kept", model.stacks.len());
    }
}

#[test]
fn the_forgotten_stay_in_the_sums() {
    let mut model = model();
    for pid in [10, 11, 12] {
        model.fold(Batch {
            processes: vec![seen(pid, "x"), ProcessEvent::Exit { time_ns: 9, pid }],
            syscalls: vec![calls(pid, 1)],
            offcpu: vec![OffcpuDelta { state: WaitState::Uninterruptible, ..wait(pid, 10, 100) }],
            profile: vec![sample(pid, "x", 10, 3)],
            ..Batch::default()
        });
    }
    let calls = &model.syscalls.forgotten;
    assert_eq!((calls.processes, calls.stats.calls, calls.stats.returned()), (2, 2, 2));
    let waits = model.offcpu.forgotten;
    assert_eq!((waits.processes, waits.stats.blocked_ns, waits.disk_ns), (2, 200, 200));
    assert_eq!(waits.stats.waits, 2);
    assert_eq!(model.profile.forgotten, 6);
    model.clear();
    assert_eq!(model.offcpu.forgotten, ForgottenWaits::default());
    assert_eq!((model.syscalls.forgotten.processes, model.profile.forgotten), (0, 0));
}

#[test]
fn long_paths_let_fewer_opens_be_kept() {
    let mut model = model();
    let open = |length: usize| OpenEvent {
        time_ns: 5,
        duration_ns: 1,
        pid: 7,
        tid: 7,
        comm: "x".to_owned(),
        path: OpenPath { text: "p".repeat(length), ..OpenPath::default() },
        flags: 0,
        mode: 0,
        result: Ok(3),
    };
    model.fold(Batch { opens: (0..50).map(|_| open(4_000)).collect(), ..Batch::default() });
    assert_eq!((model.opens.rows().len(), model.opens.forgotten()), (2, 48));
    model.fold(Batch { opens: (0..50).map(|_| open(20)).collect(), ..Batch::default() });
    assert_eq!((model.opens.rows().len(), model.opens.total), (10, 100));
}

proptest! {
    #[test]
    fn folding_loses_no_count_and_knows_no_order(
        batches in proptest::collection::vec(
            proptest::collection::vec((0u32..3, 10u32..200, 0u64..50), 1..40), 1..8),
    ) {
        let (mut model, mut reversed) = (model(), model());
        let mut truth = [(0, 0); 3];
        for batch in batches {
            for (pid, _, blocked_ns) in &batch {
                truth[*pid as usize].0 += blocked_ns;
                truth[*pid as usize].1 += 1;
            }
            let deltas = |batch: &[(u32, u32, u64)]| -> (Vec<_>, Vec<_>) {
                let offcpu = batch.iter().map(|(pid, stack, ns)| wait(*pid, *stack, *ns));
                let profile = batch.iter().map(|(pid, stack, ns)| sample(*pid, "x", *stack, *ns));
                (offcpu.collect(), profile.collect())
            };
            let (offcpu, profile) = deltas(&batch);
            model.fold(Batch { offcpu, profile, ..Batch::default() });
            let backwards: Vec<_> = batch.into_iter().rev().collect();
            let (offcpu, profile) = deltas(&backwards);
            reversed.fold(Batch { offcpu, profile, ..Batch::default() });
        }
        for (pid, (blocked_ns, waits)) in (0u32..).zip(truth).filter(|(_, (_, waits))| *waits > 0) {
            let key = key(&model, pid);
            let total = model.offcpu.total_of(key, model.now_ns);
            prop_assert_eq!((total.blocked_ns, total.waits), (blocked_ns, waits));
            let now_ns = model.now_ns;
            prop_assert_eq!(model.offcpu.places(key, now_ns), reversed.offcpu.places(key, now_ns));
            let (of, other) = (model.profile.of(key).unwrap(), reversed.profile.of(key).unwrap());
            prop_assert_eq!(&of.places, &other.places);
            prop_assert_eq!(of.places.values().sum::<u64>(), blocked_ns);
            prop_assert!(of.places.len() <= 9 && places(&model, pid) <= 9);
        }
    }
}
