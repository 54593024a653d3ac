//! What the recorder of the live screen puts into files.

use super::*;
use crate::capture::{Capture, Decoder};
use crate::model::properties::{folded, same, told};
use crate::source::arbitrary::batches;
use crate::source::{Health, ProcessEvent, ProcessSeen, SyscallDelta};
use proptest::prelude::*;
use syscope_shared::hist::BUCKETS;

const SECOND: u64 = 1_000_000_000;

fn seen(pid: u32, name: &str) -> ProcessEvent {
    let (comm, cmdline) = (name.to_owned(), format!("{name} --password"));
    ProcessEvent::Seen(ProcessSeen { pid, parent: 1, comm, cmdline, ..ProcessSeen::default() })
}

fn fork(pid: u32, comm: &str) -> ProcessEvent {
    ProcessEvent::Fork { time_ns: 1, pid, parent: 1, comm: comm.to_owned() }
}

/// A second in which processes with these PIDs make a call.
fn second(number: u64, filter: &str, processes: Vec<ProcessEvent>, pids: &[u32]) -> Batch {
    let call = |pid: &u32| SyscallDelta {
        pid: *pid,
        nr: 0,
        calls: 1,
        errors: 0,
        total_ns: 5,
        hist: [0; BUCKETS],
        errnos: Vec::new(),
    };
    Batch {
        time_ns: number * SECOND,
        window_ns: SECOND,
        processes,
        syscalls: pids.iter().map(call).collect(),
        waiting: Some(Vec::new()),
        health: Health { filter: filter.to_owned(), ..Health::default() },
        ..Batch::default()
    }
}

fn recorder() -> Recorder {
    Recorder::new(Header { cmdlines: true, ..Header::default() }, Bound::LIVE)
}

fn read(path: &Path) -> (Capture, Vec<Batch>) {
    let capture = Capture::open(path).unwrap();
    assert!(capture.complete);
    let mut decoder = Decoder::new();
    let frames = (0..capture.frames.len()).map(|frame| capture.read(frame).unwrap());
    let decoded: Vec<_> = frames.map(|bytes| decoder.decode(&bytes).unwrap()).collect();
    let batches = decoded.into_iter().flat_map(|frame| {
        assert!(frame.before.is_none_or(|before| !format!("{before:?}").contains("mail")));
        frame.batches
    });
    (capture, batches.collect())
}

#[test]
fn what_the_filter_does_not_accept_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (recorded, saved) = (folder.path().join("recorded"), folder.path().join("saved"));
    let recorder = recorder();
    let both = vec![seen(7, "shop"), seen(8, "mail")];
    recorder.push(&second(1, "comm:shop", both, &[7]));
    recorder.start(&recorded).unwrap();
    let forks = vec![fork(9, "shop"), fork(10, "mail")];
    recorder.push(&second(2, "comm:shop", forks, &[7, 9]));
    recorder.push(&second(3, "comm:shop", vec![ProcessEvent::Exit { time_ns: 3, pid: 10 }], &[7]));
    recorder.push(&second(4, "comm:shop", Vec::new(), &[9]));
    assert_eq!(recorder.stop().unwrap().error, None);
    recorder.save(&saved).unwrap();
    for (path, ticks) in [(&recorded, 3), (&saved, 4)] {
        let (capture, batches) = read(path);
        assert_eq!(capture.header.filter, "comm:shop");
        assert_eq!(batches.len(), ticks);
        let everything = format!("{batches:?}");
        assert!(!everything.contains("mail"), "{everything}");
        let model = folded(batches);
        assert_eq!(model.processes.latest(7).unwrap().cmdline, "shop --password");
        assert_eq!(model.processes.latest(9).unwrap().comm, "shop");
        assert!(!model.processes.has(8) && !model.processes.has(10));
        assert_eq!(model.syscalls.total.calls, ticks as u64 + 1);
    }
    // The history itself still has everything: the filter may change.
    let model = recorder.seeker().model(crate::history::Span { start: 0, end: 4 }).unwrap();
    assert_eq!(model.processes.latest(8).unwrap().comm, "mail");
}

#[test]
fn what_another_filter_accepts_is_told_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let recorder = recorder();
    recorder.push(&second(1, "comm:shop", vec![seen(7, "shop"), seen(8, "post")], &[7]));
    recorder.push(&second(2, "comm:post", vec![fork(9, "mail")], &[8]));
    recorder.save(&path).unwrap();
    let (capture, batches) = read(&path);
    assert_eq!(capture.header.filter, "comm:shop");
    let told = |batch: &Batch| format!("{:?}", batch.processes);
    assert!(!told(&batches[0]).contains("post") && told(&batches[1]).contains("post"));
    assert!(!told(&batches[1]).contains("mail"));
}

#[test]
fn a_recording_has_the_filter_that_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let recorder = recorder();
    recorder.push(&second(1, "", vec![seen(7, "shop"), seen(8, "mail")], &[7, 8]));
    recorder.push(&second(2, "comm:shop", Vec::new(), &[7]));
    recorder.start(&path).unwrap();
    recorder.push(&second(3, "comm:shop", Vec::new(), &[7]));
    recorder.stop();
    let (capture, batches) = read(&path);
    assert_eq!(capture.header.filter, "comm:shop");
    assert!(!format!("{batches:?}").contains("mail") && folded(batches).processes.has(7));
}

#[test]
fn a_file_that_cannot_be_written_to_is_not_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let recorder = recorder();
    recorder.push(&second(1, "", Vec::new(), &[7]));
    recorder.start(&path).unwrap();
    let again = recorder.start(&folder.path().join("y")).unwrap_err();
    assert!(again.to_string().contains("already"), "{again}");
    assert!(recorder.start(&path).is_err() && recorder.save(&path).is_err());
    assert!(recorder.stop().is_some() && recorder.stop().is_none());
    assert!(path.exists() && !folder.path().join("y").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn without_a_filter_nothing_is_left_out(batches in batches()) {
        let mut encoder = Encoder::new(true);
        let mut frames: Vec<_> = batches.iter().filter_map(|batch| encoder.push(batch)).collect();
        frames.extend(encoder.flush());
        let mut only = OnlyWatched::new(true);
        let mut decoder = Decoder::new();
        let mut again = Vec::new();
        for frame in frames.iter().flat_map(|frame| only.frames(frame).unwrap()) {
            again.extend(decoder.decode(&frame.bytes).unwrap().batches);
        }
        prop_assert_eq!(again.len(), batches.len());
        same(&told(&folded(again)), &told(&folded(batches)))?;
    }
}
