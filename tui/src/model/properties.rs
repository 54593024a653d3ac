//! Models of whatever could be recorded: folded from batches, and from captures of them.

use super::{Bounds, Model, Process, Processes, Watched};
use crate::capture::{Capture, Decoder, Encoder, Header, Writer};
use crate::filter::Filter;
use crate::flame::{self, Node, Role};
use crate::history::{LOOK_AHEAD, Seeker, Span};
use crate::report;
use crate::source::arbitrary::{START, batches};
use crate::source::{Batch, ProcessEvent, ProcessSeen, StackId, WaitState, WaitingNow};
use proptest::prelude::*;
use std::fmt::Write;
use std::sync::Arc;

fn watched() -> Watched {
    Watched { cpus: 2, frequency_hz: 99, start_ns: START, ..Watched::default() }
}

/// The model of these batches, from the start.
pub(crate) fn folded(batches: impl IntoIterator<Item = Batch>) -> Model {
    let mut model = Model::new(watched(), Bounds::REPORT);
    batches.into_iter().for_each(|batch| model.fold(batch));
    model
}

/// All that a model says, but for rates, line by line: the report, what filters see of processes, both
/// flame graphs.
pub(crate) fn told(model: &Model) -> String {
    told_of(model, |_| true)
}

/// As [`told`], of the processes that `known` accepts; counts are told of all.
fn told_of(model: &Model, known: impl Fn(&Process) -> bool) -> String {
    let all = Filter::default();
    let document = report::document(model, &all, report::Options::default());
    let mut document = serde_json::to_value(document).unwrap();
    document.as_object_mut().unwrap().remove("processes").unwrap();
    let mut told = serde_json::to_string_pretty(&document).unwrap();
    let mut processes: Vec<_> = model.processes.iter().filter(|process| known(process)).collect();
    processes.sort_by_key(|p| (p.key.pid, p.exited_ns, p.comm.clone()));
    for Process { key, parent, comm, cmdline, exited_ns, lineage } in processes {
        let pid = key.pid;
        writeln!(told, "{pid} {parent} {comm} {cmdline} {exited_ns:?} {lineage:?}").unwrap();
    }
    for row in model.opens.rows() {
        writeln!(told, "{} {:?}", row.number, row.event).unwrap();
    }
    for tree in [flame::cpu(model, |_| true), flame::off_cpu(model, |_| true)] {
        for Node { frame, role, parent, total, own, .. } in &tree.nodes {
            let is_process = matches!(role, Role::Process(_));
            writeln!(told, "{parent} {is_process} {frame:?} {total} {own}").unwrap();
        }
    }
    told
}

/// Fails with the first line that differs: all of them would be pages.
pub(crate) fn same(found: &str, wanted: &str) -> Result<(), TestCaseError> {
    let differs = found.lines().zip(wanted.lines()).find(|(found, wanted)| found != wanted);
    prop_assert_eq!(differs, None);
    prop_assert_eq!(found.len(), wanted.len());
    Ok(())
}

/// The bytes of a capture of these batches; a key begins where `keys` says.
fn recorded(batches: &[Batch], keys: &[bool]) -> Vec<u8> {
    let header = Header { watched: watched(), cmdlines: true, ..Header::default() };
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    let mut encoder = Encoder::new(true);
    for (batch, key) in batches.iter().zip(keys.iter().cycle()) {
        if *key {
            encoder.flush().iter().for_each(|frame| writer.write(frame).unwrap());
            encoder.begin_key();
        }
        encoder.push(batch).iter().for_each(|frame| writer.write(frame).unwrap());
    }
    encoder.flush().iter().for_each(|frame| writer.write(frame).unwrap());
    writer.finish().unwrap()
}

fn opened(bytes: &[u8]) -> Capture {
    Capture::from_bytes("test", Arc::from(bytes)).unwrap()
}

/// What a replay hands on: all batches of a capture.
fn replayed(capture: &Capture) -> Vec<Batch> {
    let mut decoder = Decoder::new();
    let frames = (0..capture.frames.len()).map(|frame| capture.read(frame).unwrap());
    frames.flat_map(|bytes| decoder.decode(&bytes).unwrap().batches).collect()
}

fn keys() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(prop::bool::weighted(0.3), 1..6)
}

#[test]
fn a_process_whose_name_comes_late_has_its_ancestors() {
    let seen = |pid, parent| ProcessSeen { pid, parent, ..ProcessSeen::default() };
    let mut processes = Processes::default();
    processes.fold(ProcessEvent::Seen(seen(1, 0)));
    let unknown = processes.key_of(7, START);
    assert!(processes.get(unknown).unwrap().lineage.is_empty());
    processes.fold(ProcessEvent::Seen(seen(7, 1)));
    let known = processes.get(unknown).unwrap();
    assert_eq!((known.parent, &known.lineage[..]), (1, &[1][..]));
}

/// Whether the model of these ticks is the same when it is sought in a capture of all of them.
fn a_span_is_what_folding_it_gives(
    batches: &[Batch],
    keys: &[bool],
    start: usize,
    end: usize,
) -> Result<(), TestCaseError> {
    let capture = opened(&recorded(batches, keys));
    let span = Span { start: start as u64, end: end as u64 };
    let sought = Seeker::of_capture(Arc::new(capture), Bounds::REPORT).model(span).unwrap();
    let mut by_hand = folded(batches[..start].to_vec());
    by_hand.clear();
    batches[start..end].iter().for_each(|batch| by_hand.fold(batch.clone()));
    // Names of stacks that are told right after it belong to it.
    let ahead = batches[end..].iter().take(LOOK_AHEAD);
    by_hand.stacks.fold(ahead.flat_map(|batch| batch.stacks.clone()).collect());
    // Who ended long ago, and who is known by number only, is not told of anew.
    let known = |process: &Process| process.exited_ns.is_none() && process.comm != "?";
    same(&told_of(&sought, known), &told_of(&by_hand, known))
}

/// A thread of a process waits, and then the process ends, told or not. Nobody looks who waits after it.
#[test]
fn a_wait_ends_with_its_process() {
    let fork = |time_ns, pid, comm: &str| {
        let (time_ns, comm) = (START + time_ns, comm.to_owned());
        ProcessEvent::Fork { time_ns, pid, parent: 1, comm }
    };
    let batch = |time_ns, event, waiting| Batch {
        time_ns: START + time_ns,
        window_ns: 1_000,
        processes: vec![event],
        waiting,
        ..Batch::default()
    };
    let wait = WaitingNow {
        pid: 8,
        tid: 8,
        state: WaitState::Interruptible,
        kernel_stack: StackId::NONE,
        user_stack: StackId::NONE,
        since_ns: START + 1_500,
        woken_ns: None,
    };
    let ends = [fork(2_500, 8, "sh"), ProcessEvent::Exit { time_ns: START + 2_500, pid: 8 }];
    for end in ends {
        let batches = [
            batch(1_000, fork(500, 8, "nginx"), None),
            batch(2_000, fork(1_100, 8, "nginx"), Some(vec![wait.clone()])),
            batch(3_000, end, None),
            // An end is told of anew for so long.
            batch(9_000_000_000, fork(8_000_000_000, 9, "sh"), None),
        ];
        for at in 0..=batches.len() {
            a_span_is_what_folding_it_gives(&batches, &[true], at, at).unwrap();
        }
        let model = folded(batches);
        let waiting = |process: &Process| model.offcpu.waiting(process.key).len();
        assert_eq!(model.processes.iter().map(waiting).sum::<usize>(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn recorded_replayed_and_recorded_again_it_is_the_same_bytes(
        batches in batches(),
        keys in keys(),
    ) {
        let first = recorded(&batches, &keys);
        let read = replayed(&opened(&first));
        prop_assert_eq!(&read, &batches);
        prop_assert_eq!(recorded(&read, &keys), first);
    }

    #[test]
    fn any_span_of_a_capture_is_what_folding_it_gives(
        batches in batches(),
        keys in keys(),
        ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let (a, b) = (ends.0.index(batches.len() + 1), ends.1.index(batches.len() + 1));
        a_span_is_what_folding_it_gives(&batches, &keys, a.min(b), a.max(b))?;
    }

    #[test]
    fn merged_before_it_is_recorded_a_capture_says_the_same(batches in batches(), keys in keys()) {
        let merged = Batch::merge_all(batches.clone());
        let capture = opened(&recorded(&merged, &keys));
        same(&told(&folded(replayed(&capture))), &told(&folded(batches)))?;
    }
}
