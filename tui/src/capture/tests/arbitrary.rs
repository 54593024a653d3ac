//! Batches of any content.

use crate::probes::PROBES;
use crate::source::{
    Batch, Frame, FrameKind, Health, OffcpuDelta, OpenEvent, OpenPath, Overhead, ProbeHealth,
    ProbeStatus, ProcessEvent, ProcessSeen, ProfileDelta, ResolvedStack, StackId, SyscallDelta,
    Unwind, WaitState, WaitingNow,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::sync::Arc;
use syscope_shared::hist::{BUCKETS, bucket};

/// Few values that come again, and some of any size.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0u64..6, 2 => any::<u32>().prop_map(u64::from), 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![5 => 0u32..8, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c]{0,2}",
        2 => "[a /]{0,6}",
        1 => any::<String>(),
        1 => Just("\u{0}\n\t…\u{202e}".to_owned()),
    ]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 1_000_000_000u64..9_000_000_000, 1 => any::<u64>()]
}

fn event() -> impl Strategy<Value = ProcessEvent> {
    let seen = (small(), small(), time(), text(), text(), vec(small(), 0..4)).prop_map(
        |(pid, parent, start_ns, comm, cmdline, ancestors)| {
            ProcessEvent::Seen(ProcessSeen { pid, parent, start_ns, comm, cmdline, ancestors })
        },
    );
    prop_oneof![
        seen,
        (time(), small(), small(), text()).prop_map(|(time_ns, pid, parent, comm)| {
            ProcessEvent::Fork { time_ns, pid, parent, comm }
        }),
        (time(), small(), text(), text()).prop_map(|(time_ns, pid, comm, cmdline)| {
            ProcessEvent::Exec { time_ns, pid, comm, cmdline }
        }),
        (time(), small()).prop_map(|(time_ns, pid)| ProcessEvent::Exit { time_ns, pid }),
    ]
}

fn syscall() -> impl Strategy<Value = SyscallDelta> {
    let hist = prop_oneof![
        Just(None),
        vec(prop_oneof![4 => Just(0u32), 1 => any::<u32>()], BUCKETS).prop_map(Some),
    ];
    (small(), any::<u32>(), number(), number(), number(), hist, vec((small(), number()), 0..3))
        .prop_map(|(pid, nr, calls, errors, total_ns, told, errnos)| {
            let mut hist = [0; BUCKETS];
            match told {
                Some(told) => hist.copy_from_slice(&told),
                None => hist[bucket(total_ns)] = 1,
            }
            SyscallDelta { pid, nr, calls, errors, total_ns, hist, errnos }
        })
}

fn open() -> impl Strategy<Value = OpenEvent> {
    let path = (text(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(text, unresolved, cut, unreadable)| OpenPath { text, unresolved, cut, unreadable },
    );
    let result = prop_oneof![small().prop_map(Ok), small().prop_map(Err)];
    ((time(), number(), small(), small()), (text(), path, any::<u32>(), any::<u32>(), result))
        .prop_map(|((time_ns, duration_ns, pid, tid), (comm, path, flags, mode, result))| {
            let mut open =
                OpenEvent { time_ns, duration_ns, pid, tid, comm, path, flags, mode, result };
            open.round();
            open
        })
}

fn state() -> impl Strategy<Value = WaitState> {
    use WaitState::{Idle, Interruptible, Runnable, Stopped, Uninterruptible};
    prop::sample::select(vec![Runnable, Interruptible, Uninterruptible, Stopped, Idle])
}

fn stack_id() -> impl Strategy<Value = StackId> {
    small().prop_map(StackId)
}

fn offcpu() -> impl Strategy<Value = OffcpuDelta> {
    (small(), state(), stack_id(), stack_id(), number(), number(), number()).prop_map(
        |(pid, state, kernel_stack, user_stack, blocked_ns, runqueue_ns, waits)| OffcpuDelta {
            pid,
            state,
            kernel_stack,
            user_stack,
            blocked_ns,
            runqueue_ns,
            waits,
        },
    )
}

fn wait() -> impl Strategy<Value = WaitingNow> {
    (small(), small(), state(), stack_id(), stack_id(), number(), option::of(number())).prop_map(
        |(pid, tid, state, kernel_stack, user_stack, since_ns, woken_ns)| WaitingNow {
            pid,
            tid,
            state,
            kernel_stack,
            user_stack,
            since_ns,
            woken_ns,
        },
    )
}

fn sample() -> impl Strategy<Value = ProfileDelta> {
    (small(), text(), stack_id(), stack_id(), number()).prop_map(
        |(pid, comm, kernel_stack, user_stack, samples)| ProfileDelta {
            pid,
            comm,
            kernel_stack,
            user_stack,
            samples,
        },
    )
}

fn frame() -> impl Strategy<Value = Arc<Frame>> {
    let shared = || option::of(text().prop_map(Arc::<str>::from));
    let kind = prop::sample::select(vec![
        FrameKind::Kernel,
        FrameKind::User,
        FrameKind::Note,
        FrameKind::End,
    ]);
    (
        (kind, text(), shared(), shared()),
        (number(), shared(), option::of(small()), any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |((kind, name, module, build_id), (offset, file, line, inlined, resolved))| {
                Arc::new(Frame {
                    kind,
                    name,
                    module,
                    build_id,
                    offset,
                    file,
                    line,
                    inlined,
                    resolved,
                })
            },
        )
}

fn stack() -> impl Strategy<Value = Arc<ResolvedStack>> {
    (stack_id(), vec(frame(), 0..5)).prop_map(|(id, frames)| Arc::new(ResolvedStack { id, frames }))
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(-0.0), Just(f64::MIN_POSITIVE), Just(f64::INFINITY), -1e9..1e9f64]
}

fn probe() -> impl Strategy<Value = ProbeHealth> {
    let stem = prop::sample::select(PROBES.iter().map(|probe| probe.name).collect::<Vec<_>>());
    let status = prop_oneof![Just(ProbeStatus::On), text().prop_map(ProbeStatus::Off)];
    // Small, so that their sums do not overflow: that is not what is tested here.
    (stem, status, vec(0u64..1 << 40, 14)).prop_map(|(name, status, n)| ProbeHealth {
        name,
        status,
        events: n[0],
        ring_full: n[1],
        map_full: n[2],
        skipped_runs: n[3],
        filtered: n[4],
        stack_errors: n[5],
        unresolved_frames: n[6],
        unreadable: n[7],
        unseen_ends: n[8],
        unseen_waits: n[9],
        spared: n[10],
        sparing: n[11],
        cpu: (n[12] & 1 == 0).then_some(n[12] as f32),
        fill: n[13] as f32,
    })
}

fn health() -> impl Strategy<Value = Health> {
    let pids = option::of(prop_oneof![any::<usize>(), Just(usize::MAX)]);
    (
        vec(probe(), 0..6),
        number(),
        number(),
        0u64..9,
        number(),
        (share(), option::of(share())),
        pids,
        text(),
        proptest::array::uniform5(number()),
    )
        .prop_map(
            |(
                probes,
                read_errors,
                unsymbolized_stacks,
                overrun,
                skipped_ticks,
                cost,
                pushed_down,
                filter,
                [tables, bytes, no_room, unopened, unknown_pythons],
            )| {
                Health {
                    probes,
                    read_errors,
                    unsymbolized_stacks,
                    overrun,
                    skipped_ticks,
                    overhead: Overhead { self_cpu: cost.0, bpf_share: cost.1 },
                    pushed_down,
                    filter,
                    unwind: Unwind { tables, bytes, no_room, unopened, unknown_pythons },
                }
            },
        )
}

/// One batch of any content.
pub fn batch() -> impl Strategy<Value = Batch> {
    (
        (time(), prop_oneof![Just(250_000_000u64), number()]),
        (vec(event(), 0..6), vec(syscall(), 0..4), vec(open(), 0..4), vec(offcpu(), 0..4)),
        (option::of(vec(wait(), 0..8)), vec(sample(), 0..4), vec(stack(), 0..5), health()),
    )
        .prop_map(
            |(
                (time_ns, window_ns),
                (processes, syscalls, opens, offcpu),
                (waiting, profile, stacks, health),
            )| Batch {
                time_ns,
                window_ns,
                processes,
                syscalls,
                failed: Vec::new(),
                opens,
                offcpu,
                waiting,
                profile,
                stacks,
                health,
            },
        )
}

/// Batches one after the other: of any content, or as a machine would make them, in order and with
/// most waits as they were.
pub fn batches() -> impl Strategy<Value = Vec<Batch>> {
    prop_oneof![vec(batch(), 0..12), vec(batch(), 0..12).prop_map(in_order)]
}

fn in_order(mut batches: Vec<Batch>) -> Vec<Batch> {
    let mut waiting: Vec<WaitingNow> = Vec::new();
    for (index, batch) in batches.iter_mut().enumerate() {
        batch.window_ns = 4_000_000_000;
        batch.time_ns = 1_000_000_000_000 + index as u64 * batch.window_ns;
        if let Some(new) = batch.waiting.take() {
            let kept = waiting.len().saturating_sub(new.len() / 2);
            waiting.drain(kept..);
            waiting.splice(..0, new);
            waiting.sort_by_key(|wait| wait.tid);
            waiting.dedup_by_key(|wait| wait.tid);
            batch.waiting = Some(waiting.clone());
        }
    }
    batches
}
