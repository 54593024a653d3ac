//! Processes that are met, and end before a stack of theirs is looked up.

use super::programs::{in_libc_of, libc_function, sleep_path, sleeper, start_of_program};
use super::{Asker, wait_until};
use crate::symbols::address_space::AddressSpace;
use crate::symbols::binary::Binaries;
use crate::symbols::frames::Names;
use crate::symbols::held::Held;
use crate::symbols::process::{Processes, Snapshot};
use crate::symbols::queue::Shared;
use crate::symbols::reader::{Reader, ReaderKind};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

#[test]
fn stacks_of_a_process_that_was_met_and_ended_are_resolved() {
    let mut child = sleeper(sleep_path());
    let (pid, (offset, _)) = (child.pid(), libc_function());
    let address = in_libc_of(pid, offset);
    let mut asker = Asker::new();
    asker.worker.meet(pid);
    wait_until("it was looked at", || asker.worker.shared.meetings_left() == 0);
    child.kill();
    // Its end is told before a stack is asked for, too.
    asker.worker.ended(pid);
    assert!(asker.user(pid, address).last().unwrap().name.contains("nanosleep"));
}

#[test]
fn a_process_that_was_met_has_a_deleted_program() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: without root, deleted files are not readable");
    }
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("sleep-deleted");
    std::fs::copy(sleep_path(), &own).unwrap();
    let mut child = sleeper(&own);
    let pid = child.pid();
    let (start, _) = start_of_program(pid, "sleep-deleted");
    let mut asker = Asker::new();
    asker.worker.meet(pid);
    wait_until("it was looked at", || asker.worker.shared.meetings_left() == 0);
    std::fs::remove_file(&own).unwrap();
    child.kill();
    let frames = asker.user(pid, start + 0x40);
    // Only who can read the file knows it.
    assert!(frames[0].build_id.is_some(), "{frames:?}");
}

#[test]
fn one_that_is_met_often_is_looked_at_once() {
    let shared = Shared::new(3);
    for _ in 0..5 {
        shared.meet(7);
    }
    shared.meet(8);
    assert_eq!(shared.next_to_meet(), Some(7));
    assert_eq!(shared.next_to_meet(), Some(8));
    shared.stop();
    assert_eq!(shared.next_to_meet(), None);
}

#[test]
fn a_look_knows_whether_its_process_ran_another_program_meanwhile() {
    let shared = Shared::new(3);
    let looks = [7, 8, 7].map(|pid| shared.look_begins(pid));
    let at = Instant::now();
    shared.forget(7, at);
    let late = shared.look_begins(7);
    assert_eq!(looks.map(|look| shared.look_ends(look)), [Some(at), None, Some(at)]);
    assert_eq!(shared.look_ends(late), None, "that was told before it began");
    let look = shared.look_begins(8);
    shared.ended(8);
    assert_eq!(shared.look_ends(look), None, "what was seen of it holds");
}

#[test]
fn what_was_read_at_a_meeting_takes_no_place_of_what_was_read_later() {
    let mut child = sleeper(sleep_path());
    let pid = child.pid();
    let held = Arc::<Held>::default();
    let read = || AddressSpace::read(pid, &held).unwrap();
    let early = read();
    let (mut processes, mut binaries) =
        (Processes::new(), Binaries::new(Arc::clone(&held), Reader::start(ReaderKind::Thread)));
    let mut all = Names::default();
    let known = processes.find(pid, &mut binaries, &mut all).unwrap();
    processes.adopt(early, &mut binaries, &mut all);
    assert!(std::rc::Rc::ptr_eq(&known, &processes.find(pid, &mut binaries, &mut all).unwrap()));
    // Read before the end, and handed over after it.
    sleep(Duration::from_millis(2));
    let last = read();
    child.kill();
    processes.ended(pid);
    processes.adopt(last, &mut binaries, &mut all);
    let after = processes.find(pid, &mut binaries, &mut all).unwrap();
    assert!(!std::rc::Rc::ptr_eq(&known, &after));
    // Its PID may be used again, and that process end as well: this one is as dead as before.
    processes.ended(pid);
    assert!(processes.find(pid, &mut binaries, &mut all).is_err());
}

/// That this one is another program shows that nobody looked.
#[test]
fn a_child_has_the_memory_of_its_parent_until_it_runs_a_program_of_its_own() {
    let (parent, child) = (std::process::id(), sleeper(sleep_path()));
    let (mut processes, mut binaries) =
        (Processes::new(), Binaries::new(Arc::default(), Reader::start(ReaderKind::Thread)));
    let mut all = Names::default();
    let mut find = |processes: &mut Processes, pid| processes.find(pid, &mut binaries, &mut all);
    let here = a_child_has_the_memory_of_its_parent_until_it_runs_a_program_of_its_own as *const ();
    let is_parents = |found: &Snapshot| found.mapping(here as u64).is_some_and(|map| map.is_code);
    assert!(is_parents(&find(&mut processes, parent).unwrap()));
    processes.born(child.pid(), Some(parent));
    let born = find(&mut processes, child.pid()).unwrap();
    assert!(is_parents(&born) && born.pid == child.pid());
    // As after an exec.
    processes.born(child.pid(), None);
    processes.ended(child.pid());
    processes.born(child.pid(), None);
    assert!(!is_parents(&find(&mut processes, child.pid()).unwrap()));
}

/// A program that ended soon: what was seen of it holds, and what was seen of the one before does not.
#[test]
fn what_was_seen_before_an_exec_is_void_also_when_the_process_has_ended() {
    let held = Arc::<Held>::default();
    let mut all = Names::default();
    for (seen_after, found) in [(true, true), (false, false)] {
        let (mut processes, mut binaries) =
            (Processes::new(), Binaries::new(Arc::clone(&held), Reader::start(ReaderKind::Thread)));
        let mut child = sleeper(sleep_path());
        let pid = child.pid();
        let before = Instant::now();
        processes.adopt(AddressSpace::read(pid, &held).unwrap(), &mut binaries, &mut all);
        child.kill();
        let at = if seen_after { before } else { Instant::now() };
        processes.born(pid, None);
        processes.forget(pid, at, &mut binaries, &mut all);
        processes.ended(pid);
        assert_eq!(processes.find(pid, &mut binaries, &mut all).is_ok(), found);
    }
}

/// The thread that looks things up is busy while processes come and go.
#[test]
fn a_process_is_met_while_stacks_wait() {
    let shared = Arc::new(Shared::new(3));
    let held = Arc::<Held>::default();
    let meeting = {
        let (shared, held) = (Arc::clone(&shared), Arc::clone(&held));
        std::thread::spawn(move || crate::symbols::meeting::run(&shared, &held))
    };
    let mut child = sleeper(sleep_path());
    shared.meet(child.pid());
    wait_until("it was looked at", || shared.meetings_left() == 0);
    child.kill();
    let work = shared.take(9, Duration::ZERO).unwrap();
    assert_eq!(work.met.iter().map(|space| space.pid).collect::<Vec<_>>(), [child.pid()]);
    assert!(held.len() >= 3, "the program, the loader, the C library");
    shared.stop();
    meeting.join().unwrap();
}
