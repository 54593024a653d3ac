//! The events that are printed, and whom they are about.

use super::Kind;
use crate::filter::{Candidate, Filter};
use crate::model::{Process, Processes};
use crate::source::{Batch, FailedCall, OpenEvent, ProcessEvent};

/// Ended processes whose names are kept.
const DEAD_KEPT: usize = 1_000;

/// One event, to be printed in a line.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A file open.
    Open(&'a OpenEvent),
    /// A program that starts.
    Exec {
        /// When, in ns.
        time_ns: u64,
        /// The process, as it is with the new program.
        process: &'a Process,
    },
    /// A system call that failed.
    Failed(&'a FailedCall),
}

/// Takes the events of one kind out of batches: those that the whole filter accepts, of which the
/// kernel applies only a part.
pub struct Picker {
    kind: Kind,
    filter: Filter,
    processes: Processes,
}

impl Picker {
    /// Picks events of this kind that the filter accepts.
    pub fn new(kind: Kind, filter: Filter) -> Self {
        Self { kind, filter, processes: Processes::default() }
    }

    /// Calls `each` with the events of a batch, in order. A process is judged by the name that it had
    /// at the time of the event.
    pub fn pick(&mut self, batch: Batch, mut each: impl FnMut(Event<'_>)) {
        let mut processes = batch.processes;
        if self.kind != Kind::Exec && self.filter.is_empty() {
            processes.clear(); // nobody asks for names
        }
        // Those found running may come behind what they did, for it made them be looked for.
        let (seen, news): (Vec<_>, Vec<_>) =
            processes.into_iter().partition(|event| matches!(event, ProcessEvent::Seen(_)));
        seen.into_iter().for_each(|event| self.processes.fold(event));
        let mut news = news.into_iter().peekable();
        let mut fold_until = |processes: &mut Processes, time_ns: u64| {
            while let Some(event) = news.next_if(|event| time_of(event) <= time_ns) {
                processes.fold(event);
            }
        };
        match self.kind {
            Kind::Opens => {
                for open in &batch.opens {
                    fold_until(&mut self.processes, open.time_ns);
                    if self.accepts(open.pid, open.time_ns) {
                        each(Event::Open(open));
                    }
                }
            }
            Kind::SyscallsFailed => {
                for call in &batch.failed {
                    fold_until(&mut self.processes, call.time_ns);
                    if self.accepts(call.pid, call.time_ns) {
                        each(Event::Failed(call));
                    }
                }
            }
            Kind::Exec => {}
        }
        for event in news {
            self.fold_and_pick(event, &mut each);
        }
        self.processes.forget_beyond(DEAD_KEPT);
    }

    fn accepts(&mut self, pid: u32, time_ns: u64) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let key = self.processes.key_of(pid, time_ns);
        let process = self.processes.get(key);
        process.is_some_and(|process| self.filter.matches(&Candidate::from(process)))
    }

    fn fold_and_pick(&mut self, event: ProcessEvent, each: &mut impl FnMut(Event<'_>)) {
        let exec = match event {
            ProcessEvent::Exec { time_ns, pid, .. } if self.kind == Kind::Exec => {
                Some((time_ns, pid))
            }
            _ => None,
        };
        self.processes.fold(event);
        let Some((time_ns, pid)) = exec else { return };
        let key = self.processes.key_of(pid, time_ns);
        if let Some(process) = self.processes.get(key)
            && self.filter.matches(&Candidate::from(process))
        {
            each(Event::Exec { time_ns, process });
        }
    }
}

/// When an event of a process was; of one found running, before everything.
fn time_of(event: &ProcessEvent) -> u64 {
    match event {
        ProcessEvent::Seen(_) => 0,
        ProcessEvent::Fork { time_ns, .. }
        | ProcessEvent::Exec { time_ns, .. }
        | ProcessEvent::Exit { time_ns, .. } => *time_ns,
    }
}
