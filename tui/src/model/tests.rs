//! What the model makes of batches.

mod bounds;

use super::*;
use crate::source::{OffcpuDelta, ProcessSeen, StackId, SyscallDelta, WaitState, WaitingNow};

fn model() -> Model {
    let watched = Watched { start_ns: 1_000, ..Watched::default() };
    Model::new(
        watched,
        Bounds { opens: 10, dead: 1, places: PlaceBounds { of_process: 8, of_all: 12 } },
    )
}

fn calls(pid: u32, calls: u64) -> SyscallDelta {
    let mut hist = [0; syscope_shared::hist::BUCKETS];
    hist[3] = calls as u32;
    SyscallDelta { pid, nr: 39, calls, errors: 0, total_ns: calls * 700, hist, errnos: vec![] }
}

fn seen(pid: u32, comm: &str) -> ProcessEvent {
    let comm = comm.to_owned();
    ProcessEvent::Seen(ProcessSeen { pid, parent: 1, start_ns: 5, comm, ..ProcessSeen::default() })
}

#[test]
fn a_reused_pid_is_another_process() {
    let mut model = model();
    model.fold(Batch {
        time_ns: 2_000,
        processes: vec![seen(7, "old"), ProcessEvent::Exit { time_ns: 1_900, pid: 7 }],
        syscalls: vec![calls(7, 10)],
        ..Batch::default()
    });
    let comm = "new".to_owned();
    model.fold(Batch {
        time_ns: 3_000,
        processes: vec![ProcessEvent::Fork { time_ns: 2_500, pid: 7, parent: 1, comm }],
        syscalls: vec![calls(7, 3)],
        ..Batch::default()
    });
    let mut rows: Vec<_> = model
        .syscalls
        .iter()
        .map(|(key, c)| (model.processes.get(key).unwrap().comm.clone(), c.total.calls))
        .collect();
    rows.sort();
    assert_eq!(rows, [("new".to_owned(), 3), ("old".to_owned(), 10)]);
}

#[test]
fn the_longest_dead_are_forgotten_but_stay_in_the_total() {
    let mut model = model();
    for pid in [10, 11, 12] {
        model.fold(Batch {
            processes: vec![seen(pid, "x"), ProcessEvent::Exit { time_ns: 9, pid }],
            syscalls: vec![calls(pid, 1)],
            ..Batch::default()
        });
    }
    assert_eq!(model.syscalls.iter().count(), 1);
    assert_eq!(model.syscalls.total.calls, 3);
}

#[test]
fn what_still_waits_counts_up_to_now_and_a_clearing_cuts_what_was_before() {
    let mut model = model();
    let wait = WaitingNow {
        pid: 7,
        tid: 7,
        state: WaitState::Interruptible,
        kernel_stack: StackId(5),
        user_stack: StackId::NONE,
        since_ns: 1_200,
        woken_ns: None,
    };
    let batch = |time_ns, waiting| Batch { time_ns, waiting, ..Batch::default() };
    model.fold(batch(2_000, Some(vec![wait.clone()])));
    let key = model.processes.living(7).unwrap().key;
    assert_eq!(model.offcpu.total_of(key, model.now_ns).blocked_ns, 800);
    model.clear();
    assert_eq!(model.offcpu.total_of(key, model.now_ns).blocked_ns, 0);
    model.fold(batch(3_000, Some(vec![wait])));
    assert_eq!(model.offcpu.total_of(key, model.now_ns).blocked_ns, 1_000);
    // The wait ends: it comes in whole, 2,000 ns, of which 800 were before the clearing.
    let ended = OffcpuDelta {
        pid: 7,
        state: WaitState::Interruptible,
        kernel_stack: StackId(5),
        user_stack: StackId::NONE,
        blocked_ns: 2_000,
        runqueue_ns: 100,
        waits: 1,
    };
    model.fold(Batch { offcpu: vec![ended], ..batch(3_300, Some(vec![])) });
    let total = model.offcpu.total_of(key, model.now_ns);
    assert_eq!((total.blocked_ns, total.runqueue_ns, total.waits), (1_200, 100, 1));
}

#[test]
fn quantiles_stay_in_their_bucket() {
    let mut model = model();
    model.fold(Batch { syscalls: vec![calls(7, 100)], ..Batch::default() });
    let (low, high) = syscope_shared::hist::range(3);
    for quantile in [0.0, 0.5, 0.99, 1.0] {
        let ns = model.syscalls.total.quantile_ns(quantile).unwrap();
        assert!((low..=high).contains(&ns), "{quantile}: {ns}");
    }
    assert_eq!(CallStats::default().quantile_ns(0.5), None);
}
