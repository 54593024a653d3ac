//! Models of spans against models that were folded by hand.

use super::{Bound, Ring, SeekError, Seeker, Span, Store, Stored};
use crate::capture::{Encoder, Frame};
use crate::filter::Filter;
use crate::model::{Bounds, Model, Watched};
use crate::report;
use crate::source::{
    Batch, Frame as CodeFrame, OffcpuDelta, OpenEvent, OpenPath, ProcessEvent, ProcessSeen,
    ProfileDelta, ResolvedStack, StackId, SyscallDelta, WaitState, WaitingNow,
};
use std::io;
use std::sync::{Arc, Mutex};
use syscope_shared::hist::BUCKETS;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 500 * SECOND;
const TICK: u64 = SECOND / 4;

fn watched() -> Watched {
    Watched { cpus: 2, frequency_hz: 99, start_ns: START, ..Watched::default() }
}

/// What happens in tick `number`: a long-lived process that works and waits, and one that lives for
/// three ticks.
fn batch(number: u64) -> Batch {
    let time_ns = START + (number + 1) * TICK;
    let young = 1_000 + (number / 3) as u32;
    let mut batch = Batch { time_ns, window_ns: TICK, ..Batch::default() };
    if number == 0 {
        let seen =
            ProcessSeen { pid: 7, parent: 1, start_ns: 5, comm: "db".into(), ..Default::default() };
        batch.processes.push(ProcessEvent::Seen(seen));
    }
    match number % 3 {
        0 => batch.processes.push(ProcessEvent::Fork {
            time_ns: time_ns - TICK,
            pid: young,
            parent: 7,
            comm: format!("child{number}"),
        }),
        2 => batch.processes.push(ProcessEvent::Exit { time_ns, pid: young }),
        _ => {}
    }
    for pid in [7, young] {
        batch.syscalls.push(calls(pid, number));
        batch.opens.push(open(pid, time_ns, number));
    }
    // Told once, used again and again, by waits that began long before.
    let stack = StackId(StackId::FIRST.0 + (number / 40) as u32);
    if number.is_multiple_of(40) {
        let frames = vec![Arc::new(CodeFrame::note(&format!("place {}", number / 40)))];
        batch.stacks.push(Arc::new(ResolvedStack { id: stack, frames }));
    }
    batch.offcpu.push(OffcpuDelta {
        pid: 7,
        state: WaitState::Interruptible,
        kernel_stack: stack,
        user_stack: StackId::NONE,
        blocked_ns: 1_000 * (number + 1),
        runqueue_ns: 10,
        waits: 2,
    });
    batch.waiting = Some(vec![WaitingNow {
        pid: 7,
        tid: 8,
        state: WaitState::Interruptible,
        kernel_stack: StackId(StackId::FIRST.0),
        user_stack: StackId::NONE,
        since_ns: START,
        woken_ns: None,
    }]);
    batch.profile.push(ProfileDelta {
        pid: 7,
        comm: "db".into(),
        kernel_stack: StackId::NONE,
        user_stack: stack,
        samples: number % 5,
    });
    batch
}

fn calls(pid: u32, number: u64) -> SyscallDelta {
    let mut hist = [0; BUCKETS];
    hist[5] = 3;
    let errnos = vec![(2, number % 2)];
    SyscallDelta { pid, nr: 1, calls: 3, errors: number % 2, total_ns: 99, hist, errnos }
}

fn open(pid: u32, time_ns: u64, number: u64) -> OpenEvent {
    OpenEvent {
        time_ns: time_ns - 1_000,
        duration_ns: 500,
        pid,
        tid: pid,
        comm: "db".into(),
        path: OpenPath { text: format!("/var/{number}"), ..OpenPath::default() },
        flags: 0,
        mode: 0,
        result: Ok(3),
    }
}

/// Frames of the first `ticks` ticks.
fn frames(ticks: u64) -> Vec<Frame> {
    let mut encoder = Encoder::new(true);
    let mut frames: Vec<_> = (0..ticks).filter_map(|number| encoder.push(&batch(number))).collect();
    frames.extend(encoder.flush());
    frames
}

#[derive(Clone, Debug)]
struct Memory(Arc<Mutex<Ring>>);

impl Memory {
    fn of(frames: Vec<Frame>, bound: Bound) -> Self {
        let mut ring = Ring::new(bound);
        frames.into_iter().for_each(|frame| ring.push(frame));
        Self(Arc::new(Mutex::new(ring)))
    }
}

impl Store for Memory {
    fn watched(&self) -> Watched {
        watched()
    }

    fn first(&self) -> u64 {
        self.0.lock().unwrap().first()
    }

    fn key_before(&self, tick: u64) -> Option<u64> {
        self.0.lock().unwrap().key_before(tick)
    }

    fn frame_of(&self, tick: u64) -> io::Result<Option<Stored>> {
        Ok(self.0.lock().unwrap().stored(tick))
    }
}

fn seeker(ticks: u64) -> Seeker {
    Seeker::new(Box::new(Memory::of(frames(ticks), Bound::LIVE)), Bounds::LIVE)
}

/// What a model says, with all its numbers.
fn said(model: &Model) -> String {
    let filter = Filter::default();
    let document = report::document(model, &filter, report::Options::default());
    serde_json::to_string(&document).unwrap()
}

/// The model of a span, folded from the very start.
fn by_hand(span: Span) -> Model {
    let mut model = Model::new(watched(), Bounds::LIVE);
    (0..span.start).for_each(|number| model.fold(batch(number)));
    model.clear();
    (span.start..span.end).for_each(|number| model.fold(batch(number)));
    model
}

/// Ended processes from before a span are known to a model that saw them end, and to no other.
fn without_ended(said: &str) -> serde_json::Value {
    let mut document: serde_json::Value = serde_json::from_str(said).unwrap();
    let processes = document["processes"].as_array_mut().unwrap();
    processes.retain(|process| process["exited"] == false);
    document
}

#[test]
fn a_span_is_what_folding_it_by_hand_gives() {
    let mut seeker = seeker(400);
    for (start, end) in [(0, 400), (0, 0), (0, 7), (130, 131), (200, 380), (399, 400), (250, 250)] {
        let span = Span { start, end };
        let (found, wanted) = (seeker.model(span).unwrap(), by_hand(span));
        assert_eq!(without_ended(&said(&found)), without_ended(&said(&wanted)), "{span:?}");
        assert_eq!(found.now_ns, wanted.now_ns);
        assert_eq!(found.since_ns, wanted.since_ns);
    }
}

#[test]
fn from_the_start_it_is_the_same_to_the_last_byte() {
    let span = Span { start: 0, end: 400 };
    assert_eq!(said(&seeker(400).model(span).unwrap()), said(&by_hand(span)));
}

#[test]
fn going_back_and_forth_gives_what_going_there_directly_gives() {
    let mut wandering = seeker(1_500);
    for end in [3, 1_500, 700, 701, 702, 1_100, 5, 1_499, 1_498, 240] {
        let span = Span { start: 0, end };
        let direct = seeker(1_500).model(span).unwrap();
        assert_eq!(said(&wandering.model(span).unwrap()), said(&direct), "{end}");
    }
}

#[test]
fn what_is_behind_the_end_is_left_out() {
    let model = seeker(10).model(Span { start: 0, end: 99 }).unwrap();
    assert_eq!(model.ticks.number(), 10);
}

#[test]
fn what_is_not_kept_any_more_is_said_to_be_so() {
    let bound = Bound { most_ns: 60 * SECOND, ..Bound::LIVE };
    let memory = Memory::of(frames(2_000), bound);
    let first = memory.first();
    assert!(first > 0);
    let mut seeker = Seeker::new(Box::new(memory), Bounds::LIVE);
    let gone = seeker.model(Span { start: first - 1, end: first });
    assert_eq!(gone.unwrap_err(), SeekError::Forgotten);
    let kept = Span { start: first, end: first + 20 };
    let (found, wanted) = (seeker.model(kept).unwrap(), by_hand(kept));
    assert_eq!(without_ended(&said(&found)), without_ended(&said(&wanted)));
}

#[test]
fn a_damaged_frame_costs_its_batches_and_is_counted() {
    let mut frames = frames(400);
    let hit = frames.len() / 2;
    let first: usize = frames[..hit].iter().map(|frame| frame.ticks.len()).sum();
    let lost = first as u64..(first + frames[hit].ticks.len()) as u64;
    let mut bytes = frames[hit].bytes.to_vec();
    *bytes.last_mut().unwrap() ^= 0x55;
    frames[hit].bytes = bytes.into();
    let mut seeker = Seeker::new(Box::new(Memory::of(frames, Bound::LIVE)), Bounds::LIVE);
    let model = seeker.model(Span { start: 0, end: 400 }).unwrap();
    assert_eq!(seeker.losses().frames, 1);
    assert_eq!(seeker.losses().batches, lost.end - lost.start);
    let expected: u64 = (0..400).filter(|number| !lost.contains(number)).map(|_| 6).sum();
    assert_eq!(model.syscalls.total.calls, expected);
    // Looking again does not count again.
    seeker.model(Span { start: 0, end: 399 }).unwrap();
    assert_eq!(seeker.losses().frames, 1);
}

#[test]
fn names_that_are_told_right_after_the_position_are_known_there() {
    let late = StackId(StackId::FIRST.0 + 500);
    let told = |number: u64| {
        let mut batch = batch(number);
        if number == 100 {
            batch.profile[0].user_stack = late;
            batch.profile[0].samples = 1;
        }
        if number == 106 {
            let frames = vec![Arc::new(CodeFrame::note("told late"))];
            batch.stacks.push(Arc::new(ResolvedStack { id: late, frames }));
        }
        batch
    };
    let mut encoder = Encoder::new(true);
    let mut frames: Vec<_> = (0..200).filter_map(|number| encoder.push(&told(number))).collect();
    frames.extend(encoder.flush());
    let mut seeker = Seeker::new(Box::new(Memory::of(frames, Bound::LIVE)), Bounds::LIVE);
    let model = seeker.model(Span { start: 0, end: 101 }).unwrap();
    assert_eq!(model.stacks.frames(late)[0].name, "told late");
    // What is far ahead has not happened yet.
    let model = seeker.model(Span { start: 0, end: 90 }).unwrap();
    assert!(Model::clone(&model).stacks.frames(late)[0].name.contains("looked up"));
}
