//! What is too large is left out, and counted; what is long is cut, and says so.

use super::{batches_of, file_of, frames_of, open};
use crate::app::time::Replayed;
use crate::capture::limits::{STACK_MAX, STRING_MAX};
use crate::capture::{Decoder, Encoder};
use crate::history::Losses;
use crate::report::Missing;
use crate::source::{
    Batch, Frame, OpenEvent, OpenPath, ProcessEvent, ProfileDelta, ResolvedStack, StackId,
};
use std::sync::Arc;

fn batch(second: u64) -> Batch {
    Batch { time_ns: second * 1_000_000_000, window_ns: 1_000_000_000, ..Batch::default() }
}

fn open_of(path: String) -> OpenEvent {
    OpenEvent {
        time_ns: 1_000,
        duration_ns: 100,
        pid: 1,
        tid: 1,
        comm: "x".to_owned(),
        path: OpenPath { text: path, ..OpenPath::default() },
        flags: 0,
        mode: 0,
        result: Err(2),
    }
}

#[test]
fn opens_beyond_the_limit_are_left_out_and_counted() {
    let path = "x".repeat(60_000);
    let opens: Vec<_> = (0..1_000).map(|number| open_of(format!("{path}/{number}"))).collect();
    let frames = frames_of(&[Batch { opens, ..batch(5) }]);
    let capture = open(&file_of(&frames));
    let kept = batches_of(&capture)[0].opens.len() as u64;
    assert!(kept > 500);
    assert_eq!(frames[0].left_out, 1_000 - kept);
    assert_eq!(capture.frames[0].left_out, 1_000 - kept);
    let decoded = Decoder::new().decode(&frames[0].bytes).unwrap();
    assert_eq!(decoded.left_out, 1_000 - kept);
    let missing = Missing::of(&capture, &Losses::default()).unwrap();
    assert_eq!(missing.left_out, 1_000 - kept);
    assert_eq!(Replayed::new("x", &capture).wrong(), [format!("LEFT OUT: {}", 1_000 - kept)]);
}

#[test]
fn a_frame_no_reader_would_take_tells_its_times_and_what_is_missing() {
    // Stacks whose names take more than all that a frame may take.
    let frame = |number: usize| {
        let mut frame = Frame::note(&"n".repeat(STRING_MAX - 8));
        frame.name.push_str(&number.to_string());
        Arc::new(frame)
    };
    let stack = |number: usize| {
        Arc::new(ResolvedStack { id: StackId(number as u32 + 3), frames: vec![frame(number)] })
    };
    let large = Batch { stacks: (0..2_500).map(stack).collect(), ..batch(5) };
    let after = Batch { opens: vec![open_of("/a".to_owned())], ..batch(6) };
    let frames = frames_of(&[large, after.clone()]);
    let mut decoder = Decoder::new();
    let first = decoder.decode(&frames[0].bytes).unwrap();
    assert_eq!(first.left_out_other, 1);
    assert_eq!(first.batches, [batch(5)]);
    assert!(frames[1].key);
    assert_eq!(decoder.decode(&frames[1].bytes).unwrap().batches, [after]);
}

#[test]
fn a_long_string_and_a_deep_stack_are_cut_and_say_so() {
    let frames = (0..STACK_MAX + 5).map(|at| Arc::new(Frame::note(&at.to_string()))).collect();
    let long = Batch {
        opens: vec![open_of("é".repeat(STRING_MAX))],
        stacks: vec![Arc::new(ResolvedStack { id: StackId(3), frames })],
        ..batch(5)
    };
    let read = batches_of(&open(&file_of(&frames_of(&[long])))).remove(0);
    let path = &read.opens[0].path.text;
    assert!(path.len() <= STRING_MAX && path.ends_with("é…"), "{}", path.len());
    let frames = &read.stacks[0].frames;
    assert_eq!(frames.len(), STACK_MAX);
    assert_eq!(frames[0].name, "0");
    assert!(frames[STACK_MAX - 1].name.contains("cut"));
}

#[test]
fn a_key_tells_what_is_needed_to_start_there() {
    let fork =
        |time_ns, pid, parent| ProcessEvent::Fork { time_ns, pid, parent, comm: format!("p{pid}") };
    let stack =
        Arc::new(ResolvedStack { id: StackId(9), frames: vec![Arc::new(Frame::note("f"))] });
    let sample = ProfileDelta {
        pid: 3,
        comm: "p3".to_owned(),
        kernel_stack: StackId(9),
        user_stack: StackId::NONE,
        samples: 1,
    };
    let exit = |time_ns, pid| ProcessEvent::Exit { time_ns, pid };
    let first = Batch {
        processes: vec![
            fork(10, 2, 1),
            fork(20, 3, 2),
            fork(30, 4, 3),
            exit(40, 4),
            fork(50, 5, 3),
        ],
        stacks: vec![Arc::clone(&stack)],
        ..batch(1)
    };
    let second = Batch { processes: vec![exit(9_500_000_000, 5)], ..batch(10) };
    let third = Batch { profile: vec![sample], ..batch(11) };
    let mut encoder = Encoder::new(true);
    encoder.push(&first).unwrap();
    encoder.push(&second).unwrap();
    encoder.begin_key();
    let frame = encoder.push(&third).unwrap();
    assert!(frame.key);
    let decoded = Decoder::new().decode(&frame.bytes).unwrap();
    assert_eq!(decoded.recalled, [stack]);
    let before = decoded.before.unwrap();
    assert_eq!((before.time_ns, before.window_ns), (10_000_000_000, 0));
    let told: Vec<_> = before
        .processes
        .iter()
        .map(|event| match event {
            ProcessEvent::Seen(seen) => (seen.pid, seen.ancestors.clone()),
            ProcessEvent::Exit { pid, .. } => (*pid, Vec::new()),
            other => panic!("{other:?}"),
        })
        .collect();
    // 4 ended long before; 5 lately.
    let expected = [(2, vec![1]), (3, vec![2, 1]), (5, vec![3, 2, 1]), (5, vec![])];
    assert_eq!(told, expected);
}

#[test]
fn command_lines_are_left_out_when_asked() {
    let exec = ProcessEvent::Exec {
        time_ns: 1_000,
        pid: 2,
        comm: "psql".to_owned(),
        cmdline: "psql --password=hunter2".to_owned(),
    };
    let mut encoder = Encoder::new(false);
    encoder.push(&Batch { processes: vec![exec], ..batch(1) }).unwrap();
    encoder.begin_key();
    let frame = encoder.push(&batch(2)).unwrap();
    let decoded = Decoder::new().decode(&frame.bytes).unwrap();
    let before = decoded.before.unwrap();
    assert!(!format!("{before:?}").contains("hunter2"));
    assert!(format!("{before:?}").contains("psql"));
}
