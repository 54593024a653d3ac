//! What happened to processes and waits for a batch, when nobody takes batches for long.

use crate::source::ProcessEvent;
use rustc_hash::FxHashMap;

/// Events that may wait before those are dropped that nobody can miss.
const MANY: usize = 100_000;

/// Bounds the events that wait for a batch.
#[derive(Debug, Default)]
pub struct Pending {
    /// Events that were left the last time.
    left: usize,
    /// Events that were dropped, since the start.
    pub dropped: u64,
}

impl Pending {
    /// Drops all events of processes that were born and ended meanwhile, and execs before the last
    /// one, if there are too many; whether it did. What is left is bounded by the processes that live
    /// or did when the last batch was taken.
    pub fn bound(&mut self, events: &mut Vec<ProcessEvent>) -> bool {
        if events.len() <= MANY.max(2 * self.left) {
            return false;
        }
        let before = events.len();
        compact(events);
        self.left = events.len();
        self.dropped += (before - self.left) as u64;
        true
    }

    /// A batch was taken.
    pub fn taken(&mut self) {
        self.left = 0;
    }
}

/// Where the events of a process are.
#[derive(Default)]
struct Life {
    born: bool,
    events: Vec<usize>,
    exec: Option<usize>,
}

fn compact(events: &mut Vec<ProcessEvent>) {
    let mut drop = vec![false; events.len()];
    let mut lives: FxHashMap<u32, Life> = FxHashMap::default();
    for (index, event) in events.iter().enumerate() {
        match event {
            ProcessEvent::Seen(seen) => lives.entry(seen.pid).or_default().events.push(index),
            ProcessEvent::Fork { pid, .. } => {
                let life = Life { born: true, events: vec![index], exec: None };
                lives.insert(*pid, life);
            }
            ProcessEvent::Exec { pid, .. } => {
                let life = lives.entry(*pid).or_default();
                if let Some(earlier) = life.exec.replace(index) {
                    drop[earlier] = true;
                }
                life.events.push(index);
            }
            ProcessEvent::Exit { pid, .. } => {
                if let Some(life) = lives.remove(pid).filter(|life| life.born) {
                    life.events.iter().for_each(|event| drop[*event] = true);
                    drop[index] = true;
                }
            }
        }
    }
    let mut drop = drop.into_iter();
    events.retain(|_| !drop.next().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Processes;

    fn fork(pid: u32, parent: u32) -> ProcessEvent {
        ProcessEvent::Fork { time_ns: 1, pid, parent, comm: "child".to_owned() }
    }

    fn exec(pid: u32, comm: &str) -> ProcessEvent {
        let (comm, cmdline) = (comm.to_owned(), String::new());
        ProcessEvent::Exec { time_ns: 2, pid, comm, cmdline }
    }

    fn exit(pid: u32) -> ProcessEvent {
        ProcessEvent::Exit { time_ns: 3, pid }
    }

    #[test]
    fn only_what_came_and_went_is_dropped() {
        let mut events = vec![
            exit(7),
            fork(10, 1),
            exec(10, "one"),
            fork(11, 10),
            exec(10, "two"),
            exit(10),
            exec(12, "first"),
            exec(12, "last"),
            fork(10, 1),
        ];
        compact(&mut events);
        assert_eq!(events, [exit(7), fork(11, 10), exec(12, "last"), fork(10, 1)]);
    }

    #[test]
    fn a_day_of_churn_with_nobody_to_take_it_stays_bounded() {
        let (mut pending, mut events) = (Pending::default(), Vec::new());
        for pid in 0..400_000 {
            events.extend([fork(pid, 1), exec(pid, "short"), exit(pid)]);
            if pending.bound(&mut events) {
                assert!(events.is_empty());
            }
        }
        assert!(events.len() <= MANY + 3 && pending.dropped > 1_000_000);
        pending.taken();
        assert!(!pending.bound(&mut events));
    }

    #[test]
    fn the_same_processes_live_after_it() {
        let mut events = Vec::new();
        for pid in 10..200 {
            events.extend([fork(pid, pid - 1), exec(pid, "x")]);
            if pid % 3 == 0 {
                events.push(exit(pid));
            }
        }
        let living = |events: &[ProcessEvent]| {
            let mut known = Processes::default();
            events.iter().for_each(|event| known.fold(event.clone()));
            let mut living: Vec<_> =
                known.iter_living().map(|process| (process.key, process.comm.clone())).collect();
            living.sort();
            living
        };
        let before = living(&events);
        compact(&mut events);
        assert_eq!(living(&events), before);
    }
}
