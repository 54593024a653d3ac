//! What is left out of a recording with a filter: the processes that it is not about.
//!
//! The source tells of all processes, for the filter on the screen may change. In a recording, names and
//! command lines of others have no place.

use crate::filter::{Candidate, Filter};
use crate::model::Processes;
use crate::source::{Batch, ProcessEvent, ProcessSeen};
use rustc_hash::FxHashSet;
use std::borrow::Cow;

/// Ended processes that are remembered: their last counts come after their end.
const DEAD_KEPT: usize = 1_000;

/// Leaves out processes that the filter does not accept and that nothing was counted of.
#[derive(Debug)]
pub struct Strangers {
    filter: Filter,
    known: Processes,
    /// PIDs of processes that were told.
    told: FxHashSet<u32>,
}

impl Strangers {
    /// Of a recording with this filter.
    pub fn new(filter: Filter) -> Self {
        Self { filter, known: Processes::default(), told: FxHashSet::default() }
    }

    /// The next batch without them.
    pub fn leave_out<'a>(&mut self, batch: &'a Batch) -> Cow<'a, Batch> {
        if self.filter.is_empty() {
            return Cow::Borrowed(batch);
        }
        let processes = self.judge(batch, Vec::new());
        Cow::Owned(Batch { processes, ..batch.clone() })
    }

    /// The next batch without them, where each batch says what was watched. What is accepted only now
    /// is told now. `missed`: what is told of processes before it.
    pub fn leave_out_of_watched(&mut self, mut batch: Batch, missed: Vec<ProcessEvent>) -> Batch {
        let missed = missed.into_iter().filter(|event| !self.known.has(pid_of(event)));
        let missed: Vec<_> = missed.collect();
        batch.processes.splice(0..0, missed);
        let mut news = Vec::new();
        if batch.health.filter != self.filter.text() {
            // It was parsed before: what cannot be understood filters nothing.
            self.filter = Filter::parse(&batch.health.filter).unwrap_or_default();
            news = self.newly_accepted();
        }
        batch.processes = self.judge(&batch, news);
        batch
    }

    /// Processes that were strangers to another filter.
    fn newly_accepted(&mut self) -> Vec<ProcessEvent> {
        let (filter, told) = (&self.filter, &self.told);
        let strangers = self.known.iter().filter(|process| {
            process.exited_ns.is_none()
                && !told.contains(&process.key.pid)
                && filter.admits(&Candidate::from(*process))
        });
        let mut news: Vec<_> = strangers.map(ProcessSeen::from).collect();
        news.sort_unstable_by_key(|seen| (seen.start_ns, seen.pid));
        self.told.extend(news.iter().map(|seen| seen.pid));
        news.into_iter().map(ProcessEvent::Seen).collect()
    }

    /// What is told of the processes of a batch, behind `events`.
    fn judge(&mut self, batch: &Batch, mut events: Vec<ProcessEvent>) -> Vec<ProcessEvent> {
        let counted = counted(batch);
        for event in &batch.processes {
            self.take(event, &counted, &mut events);
        }
        for pid in counted {
            self.tell_late(pid, batch.time_ns, &mut events);
        }
        self.known.forget_beyond(DEAD_KEPT);
        let known = &self.known;
        self.told.retain(|pid| known.has(*pid));
        events
    }

    fn take(
        &mut self,
        event: &ProcessEvent,
        counted: &FxHashSet<u32>,
        events: &mut Vec<ProcessEvent>,
    ) {
        let pid = pid_of(event);
        self.known.fold(event.clone());
        // Another process, with a PID that is used again.
        let another = matches!(event, ProcessEvent::Fork { .. }) && self.told.remove(&pid);
        if self.told.contains(&pid) {
            return events.push(event.clone());
        }
        let Some(process) = self.known.latest(pid) else { return };
        if !counted.contains(&pid) && !self.filter.admits(&Candidate::from(process)) {
            return;
        }
        self.told.insert(pid);
        let seen = ProcessEvent::Seen(ProcessSeen::from(process));
        match event {
            // Told as it is, where its ancestors are known from its parent; and where it would be
            // taken for the one that had its PID before, whose end may come behind it.
            ProcessEvent::Fork { parent, .. } if another || self.told.contains(parent) => {
                events.push(event.clone());
            }
            ProcessEvent::Exit { .. } => events.extend([seen, event.clone()]),
            _ => events.push(seen),
        }
    }

    /// A process that something is counted of only now.
    fn tell_late(&mut self, pid: u32, time_ns: u64, events: &mut Vec<ProcessEvent>) {
        if let Some(process) = self.known.latest(pid)
            && self.told.insert(pid)
        {
            events.push(ProcessEvent::Seen(ProcessSeen::from(process)));
            if process.exited_ns.is_some() {
                events.push(ProcessEvent::Exit { time_ns, pid });
            }
        }
    }
}

fn pid_of(event: &ProcessEvent) -> u32 {
    match event {
        ProcessEvent::Seen(seen) => seen.pid,
        ProcessEvent::Fork { pid, .. }
        | ProcessEvent::Exec { pid, .. }
        | ProcessEvent::Exit { pid, .. } => *pid,
    }
}

/// PIDs that something in the batch was counted of.
fn counted(batch: &Batch) -> FxHashSet<u32> {
    (batch.syscalls.iter().map(|delta| delta.pid))
        .chain(batch.failed.iter().map(|failed| failed.pid))
        .chain(batch.opens.iter().map(|open| open.pid))
        .chain(batch.offcpu.iter().map(|delta| delta.pid))
        .chain(batch.waiting.iter().flatten().map(|waiting| waiting.pid))
        .chain(batch.profile.iter().map(|delta| delta.pid))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SyscallDelta;

    fn seen(pid: u32, parent: u32, comm: &str) -> ProcessEvent {
        let cmdline = format!("{comm} --of {pid}");
        let comm = comm.to_owned();
        ProcessEvent::Seen(ProcessSeen { pid, parent, comm, cmdline, ..ProcessSeen::default() })
    }

    fn fork(pid: u32, parent: u32) -> ProcessEvent {
        ProcessEvent::Fork { time_ns: 1, pid, parent, comm: "child".to_owned() }
    }

    fn exec(pid: u32, comm: &str) -> ProcessEvent {
        ProcessEvent::Exec { time_ns: 2, pid, comm: comm.to_owned(), cmdline: comm.to_owned() }
    }

    fn exit(pid: u32) -> ProcessEvent {
        ProcessEvent::Exit { time_ns: 3, pid }
    }

    fn batch(processes: Vec<ProcessEvent>) -> Batch {
        Batch { processes, ..Batch::default() }
    }

    fn strangers(filter: &str) -> Strangers {
        Strangers::new(Filter::parse(filter).expect("it is well-formed"))
    }

    fn told(strangers: &mut Strangers, events: Vec<ProcessEvent>) -> Vec<u32> {
        strangers.leave_out(&batch(events)).processes.iter().map(pid_of).collect()
    }

    #[test]
    fn without_a_filter_all_are_told() {
        let batch = batch(vec![seen(1, 0, "init"), fork(2, 1)]);
        assert_eq!(*strangers("").leave_out(&batch), batch);
    }

    #[test]
    fn names_and_command_lines_of_others_are_left_out() {
        let mut strangers = strangers("tree:10");
        let events =
            vec![seen(1, 0, "init"), seen(10, 1, "shop"), seen(11, 10, "db"), seen(20, 1, "mail")];
        assert_eq!(told(&mut strangers, events), [10, 11]);
        let later = vec![fork(12, 11), fork(21, 20), exec(21, "secret"), exit(21), exit(12)];
        assert_eq!(told(&mut strangers, later), [12, 12]);
    }

    #[test]
    fn one_that_comes_to_be_accepted_is_told_with_its_ancestors() {
        let mut strangers = strangers("comm:shop");
        assert!(
            told(&mut strangers, vec![seen(1, 0, "init"), seen(5, 1, "sh"), fork(6, 5)]).is_empty()
        );
        let now = strangers.leave_out(&batch(vec![exec(6, "shop"), exit(6)])).into_owned();
        let [ProcessEvent::Seen(process), ProcessEvent::Exit { pid: 6, .. }] = &now.processes[..]
        else {
            panic!("{:?}", now.processes);
        };
        assert_eq!((process.comm.as_str(), &process.ancestors[..]), ("shop", &[5, 1][..]));
    }

    #[test]
    fn one_that_something_is_counted_of_is_told_even_after_its_end() {
        let mut strangers = strangers("comm:shop");
        assert!(told(&mut strangers, vec![seen(7, 1, "other"), exit(7)]).is_empty());
        let delta = SyscallDelta {
            pid: 7,
            nr: 0,
            calls: 1,
            errors: 0,
            total_ns: 0,
            hist: [0; syscope_shared::hist::BUCKETS],
            errnos: Vec::new(),
        };
        let counts = Batch { syscalls: vec![delta], ..Batch::default() };
        let now = strangers.leave_out(&counts).into_owned();
        assert_eq!(now.processes.iter().map(pid_of).collect::<Vec<_>>(), [7, 7]);
        assert!(matches!(now.processes[1], ProcessEvent::Exit { .. }));
    }

    #[test]
    fn a_pid_that_is_used_again_before_the_end_was_told_is_a_birth() {
        let mut strangers = strangers("comm:child or comm:shop");
        assert_eq!(told(&mut strangers, vec![seen(1, 0, "init"), seen(10, 1, "shop")]), [10]);
        let now = strangers.leave_out(&batch(vec![fork(10, 1)])).into_owned();
        assert_eq!(now.processes, [fork(10, 1)]);
    }

    #[test]
    fn a_pid_that_is_used_again_is_another_process() {
        let mut strangers = strangers("tree:10");
        assert_eq!(
            told(&mut strangers, vec![seen(10, 1, "shop"), fork(11, 10), exit(11)]),
            [10, 11, 11]
        );
        assert!(
            told(&mut strangers, vec![seen(20, 1, "mail"), fork(11, 20), exec(11, "secret")])
                .is_empty()
        );
    }
}
