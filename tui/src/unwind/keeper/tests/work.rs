//! Processes: the one that runs the tests, and children that it says it has.

use super::super::work::Work;
use super::super::{Event, Keeper, Kept};
use super::{Memory, Written};
use crate::symbols::{ReaderKind, Worker};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use syscope_shared::unwind::{NO_TABLE, NOT_READY, Segment};

/// More words than the tables of this program have.
const WORDS: usize = 1 << 22;
/// A program's number, as the kernel's side would tell it.
const EXEC_ID: u32 = 7;
/// No process has this PID: it is above the most that the kernel gives out.
const CHILD: u32 = 1 << 23;

fn work(words: usize) -> (Work, Arc<Mutex<Written>>, Arc<Mutex<Kept>>, Worker) {
    let (maps, written) = Memory::new(words);
    let kept = Arc::new(Mutex::new(Kept::default()));
    let (walks, _) = channel();
    let symbols = Worker::start(None, |_| Ok(0), ReaderKind::Thread).expect("threads can be had");
    let work = Work::new(Box::new(maps), symbols.meeter(), walks, Arc::clone(&kept));
    (work, written, kept, symbols)
}

/// What the programs are told of a process.
fn told(written: &Mutex<Written>, pid: u32) -> Option<Vec<Segment>> {
    let written = written.lock().expect("nobody panicked");
    let process = written.processes.get(&pid)?;
    assert_eq!(process.exec_id, EXEC_ID);
    Some(written.segments[process.first as usize..][..process.count as usize].to_vec())
}

fn holding(segments: &[Segment], address: u64) -> &Segment {
    let has = |segment: &&Segment| (segment.start..segment.start + segment.len).contains(&address);
    segments.iter().find(has).expect("it is mapped")
}

#[test]
fn a_process_is_told_at_once_and_with_its_tables_when_they_are_made() {
    let (mut work, written, kept, _symbols) = work(WORDS);
    let here = std::process::id();
    let code = told as *const () as u64;
    work.handle(Event::Asked { pid: here, exec_id: EXEC_ID }).unwrap();
    assert_eq!(holding(&told(&written, here).unwrap(), code).base, NOT_READY);
    work.handle(Event::Forked { parent: here, child: CHILD }).unwrap();

    while work.has_to_make() {
        work.make_next(()).unwrap();
    }
    let segments = told(&written, here).unwrap();
    let ours = holding(&segments, code);
    assert!(ours.base < NOT_READY && ours.pages > 0, "{ours:?}");
    assert!(segments.is_sorted_by_key(|segment| segment.start));
    assert_eq!(told(&written, CHILD).unwrap(), segments, "a child has its parent's code");
    work.tell_kept();
    let kept = kept.lock().unwrap();
    assert!(kept.tables.tables >= 3 && kept.processes == 2, "{kept:?}");
}

#[test]
fn one_that_ended_is_withdrawn_and_its_stacks_can_still_be_walked() {
    let (mut work, written, _, _symbols) = work(WORDS);
    let here = std::process::id();
    work.handle(Event::Asked { pid: here, exec_id: EXEC_ID }).unwrap();
    work.handle(Event::Forked { parent: here, child: CHILD }).unwrap();
    work.handle(Event::Exited { pid: CHILD }).unwrap();
    assert_eq!(told(&written, CHILD), None);
    assert!(!work.spaces.is_ready(CHILD, EXEC_ID));
    while work.has_to_make() {
        work.make_next(()).unwrap();
    }
    assert!(work.spaces.is_ready(CHILD, EXEC_ID));
    let of = |pid| work.spaces.segments(pid, EXEC_ID).unwrap();
    assert_eq!(of(CHILD), of(here));
    assert_eq!(work.spaces.segments(CHILD, EXEC_ID + 1), None, "another program");
}

#[test]
fn a_process_that_is_not_there_is_told_as_nothing() {
    let (mut work, written, _, _symbols) = work(WORDS);
    work.handle(Event::Asked { pid: CHILD, exec_id: EXEC_ID }).unwrap();
    assert_eq!(told(&written, CHILD), None);
    assert!(!work.has_to_make());
}

#[test]
fn a_table_without_room_is_counted_and_its_code_has_none() {
    let (mut work, written, kept, _symbols) = work(1 << 12);
    let here = std::process::id();
    work.handle(Event::Asked { pid: here, exec_id: EXEC_ID }).unwrap();
    while work.has_to_make() {
        work.make_next(()).unwrap();
    }
    let segments = told(&written, here).unwrap();
    assert_eq!(holding(&segments, told as *const () as u64).base, NO_TABLE);
    work.tell_kept();
    assert!(kept.lock().unwrap().tables.no_room > 0);
}

/// An idle machine is not woken four times a second to find nothing.
#[test]
fn the_thread_wakes_up_only_as_long_as_time_brings_something() {
    let (maps, written) = Memory::new(WORDS);
    let symbols = Worker::start(None, |_| Ok(0), ReaderKind::Thread).expect("threads can be had");
    let mut keeper = Keeper::start(Box::new(maps), symbols.meeter()).expect("threads can be had");
    let rests = || written.lock().expect("nobody panicked").rests;
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(rests() <= 1, "{} times", rests());
    // It does not tell of unknown addresses for a while, and then is to do so again.
    keeper.tell(Event::Asked { pid: std::process::id(), exec_id: EXEC_ID });
    let met = Instant::now();
    while rests() < 3 {
        assert!(met.elapsed() < Duration::from_secs(20), "it does not listen again");
        std::thread::sleep(Duration::from_millis(50));
    }
}
