//! Time off the CPU, and all time.

use super::*;
use crate::source::{OffcpuDelta, WaitState, WaitingNow};

#[test]
fn off_cpu_splits_blocked_from_waiting_for_a_cpu_and_leaves_idle_out() {
    let delta = |pid, state, kernel, blocked_ns, runqueue_ns| OffcpuDelta {
        pid,
        state,
        kernel_stack: StackId(kernel),
        user_stack: StackId::NONE,
        blocked_ns,
        runqueue_ns,
        waits: 1,
    };
    let still = WaitingNow {
        pid: 7,
        tid: 7,
        state: WaitState::Uninterruptible,
        kernel_stack: StackId(20),
        user_stack: StackId::NONE,
        since_ns: 600,
        woken_ns: None,
    };
    let model = model(vec![Batch {
        time_ns: 1_000,
        processes: vec![seen(7, "db", 1), seen(9, "kworker", 2)],
        stacks: vec![stack(20, &["io_schedule_[k]"])],
        offcpu: vec![
            delta(7, WaitState::Interruptible, 20, 50, 5),
            delta(7, WaitState::Runnable, 20, 0, 7),
            delta(7, WaitState::Stopped, 2, 3, 0),
            delta(9, WaitState::Idle, 20, 1_000, 10),
        ],
        waiting: Some(vec![still]),
        ..Batch::default()
    }]);
    let tree = off_cpu(&model, |_| true);
    insta::assert_snapshot!(outline(&tree), @"
    all 465/0
      db (7) 465/0
        [waiting since before syscope watched] 3/0
          [stopped] 3/3
        io_schedule 462/0
          [blocked: disk] 400/400
          [blocked: sleeping] 50/50
          [waiting for a CPU] 12/12
    ");
    let top: Vec<_> =
        tree.top().into_iter().map(|row| (row.frame.name.clone(), row.own, row.total)).collect();
    assert_eq!(top[0], ("io_schedule".to_owned(), 462, 462));
    assert_eq!(top[1].1, 3);
    assert_eq!(top.len(), 2);
}

#[test]
fn wall_clock_time_is_that_of_the_samples_and_of_the_waits_at_the_same_functions() {
    let waits = |state, user, blocked_ns, runqueue_ns| OffcpuDelta {
        pid: 7,
        state,
        kernel_stack: StackId(20),
        user_stack: StackId(user),
        blocked_ns,
        runqueue_ns,
        waits: 1,
    };
    let still = WaitingNow {
        pid: 7,
        tid: 8,
        state: WaitState::Interruptible,
        kernel_stack: StackId(20),
        user_stack: StackId(11),
        since_ns: 600,
        woken_ns: None,
    };
    let watched = Watched { frequency_hz: 1_000_000, ..Watched::default() };
    let mut model = Model::new(watched, Bounds::REPORT);
    model.fold(Batch {
        time_ns: 1_000,
        processes: vec![seen(7, "db", 1), seen(9, "idle", 2)],
        stacks: vec![
            stack(10, &["main", "query"]),
            stack(11, &["main", "accept"]),
            stack(20, &["schedule_[k]"]),
        ],
        // A thread of another name is in the same boxes: its waits are.
        profile: vec![samples(7, "db", 10, 0, 2), samples(7, "pool", 10, 0, 1)],
        offcpu: vec![
            waits(WaitState::Uninterruptible, 10, 500, 40),
            waits(WaitState::Runnable, 10, 0, 2),
            waits(WaitState::Stopped, 11, 3, 0),
            OffcpuDelta { pid: 9, ..waits(WaitState::Interruptible, 0, 9, 0) },
        ],
        waiting: Some(vec![still]),
        ..Batch::default()
    });
    let tree = wall(&model, |_| true);
    insta::assert_snapshot!(outline(&tree), @"
    all 3954/0
      db (7) 3945/0
        main 3945/0
          accept 403/0
            schedule 403/0
              [blocked: sleeping] 400/400
              [stopped] 3/3
          query 3542/0
            [running] 3000/3000
            schedule 542/0
              [blocked: disk] 500/500
              [waiting for a CPU] 42/42
      idle (9) 9/0
        schedule 9/0
          [blocked: sleeping] 9/9
    ");
    assert_eq!(tree.total(), 3_000 + off_cpu(&model, |_| true).total());
    let top: Vec<_> = tree.top().into_iter().map(|row| (row.frame.name.clone(), row.own)).collect();
    let row = |name: &str, own| (name.to_owned(), own);
    assert_eq!(top[..2], [row("query", 3_000), row("schedule", 954)]);
    // Without a frequency, nobody knows what a sample stands for.
    model.watched.frequency_hz = 0;
    assert_eq!(wall(&model, |_| true).total(), off_cpu(&model, |_| true).total());
}
