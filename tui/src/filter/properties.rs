//! What holds for every filter: above all, the kernel never hides what it accepts.

use super::tests::{candidate, filter};
use super::*;
use crate::model::Processes;
use crate::source::ProcessEvent;
use proptest::prelude::*;

/// A term made of few PIDs and names, so that they meet those of the processes.
fn term() -> impl Strategy<Value = String> {
    let pid = 1u32..12;
    prop_oneof![
        prop::sample::select(vec!["a", "b", "cmd:a", "cmd:b", "comm:a*", "comm:b"])
            .prop_map(str::to_owned),
        pid.clone().prop_map(|pid| format!("pid:{pid}")),
        pid.prop_map(|pid| format!("tree:{pid}")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    term().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a} {b})")),
        ]
    })
}

/// What happens next: in the life of a few processes whose PIDs come back, or to syscope, which looks at
/// the kernel's list, some time later reads what happened, and some time later answers it.
#[derive(Clone, Debug)]
enum Step {
    Fork { parent: usize, pid: u32 },
    Exec { process: usize, comm: &'static str, cmdline: &'static str },
    Exit { process: usize },
    Look,
    Read,
    Answer,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || prop::sample::select(vec!["a", "b", "ab", "c"]);
    prop_oneof![
        3 => (any::<usize>(), 1u32..12).prop_map(|(parent, pid)| Step::Fork { parent, pid }),
        3 => (any::<usize>(), name(), name()).prop_map(|(process, comm, cmdline)| Step::Exec {
            process,
            comm,
            cmdline
        }),
        2 => any::<usize>().prop_map(|process| Step::Exit { process }),
        1 => Just(Step::Look),
        1 => Just(Step::Read),
        1 => Just(Step::Answer),
    ]
}

/// The machine: its processes, and the kernel's list, which the programs extend as events happen.
struct Machine {
    processes: Processes,
    events: Vec<ProcessEvent>,
    listed: BTreeSet<u32>,
    inherit_forks: bool,
    adopt_execs: bool,
    time_ns: u64,
}

impl Machine {
    fn new() -> Self {
        let mut machine = Self {
            processes: Processes::default(),
            events: Vec::new(),
            listed: BTreeSet::new(),
            inherit_forks: false,
            adopt_execs: false,
            time_ns: 1,
        };
        machine.happen(ProcessEvent::Fork { time_ns: 1, pid: 1, parent: 0, comm: "c".into() });
        machine
    }

    fn living(&self, number: usize) -> u32 {
        let mut pids: Vec<_> = self.processes.iter_living().map(|p| p.key.pid).collect();
        pids.sort_unstable();
        pids[number % pids.len()]
    }

    fn step(&mut self, step: &Step) {
        self.time_ns += 1;
        let time_ns = self.time_ns;
        match *step {
            Step::Fork { parent, pid } if self.processes.living(pid).is_none() => {
                let parent = self.living(parent);
                let comm = self.processes.living(parent).unwrap().comm.clone();
                self.happen(ProcessEvent::Fork { time_ns, pid, parent, comm });
                if self.inherit_forks && self.listed.contains(&parent) {
                    self.listed.insert(pid);
                }
            }
            Step::Exec { process, comm, cmdline } => {
                let pid = self.living(process);
                let (comm, cmdline) = (comm.to_owned(), cmdline.to_owned());
                self.happen(ProcessEvent::Exec { time_ns, pid, comm, cmdline });
                if self.adopt_execs {
                    self.listed.insert(pid);
                }
            }
            // The first stays, so that there is always one.
            Step::Exit { process } if self.living(process) != 1 => {
                self.happen(ProcessEvent::Exit { time_ns, pid: self.living(process) });
            }
            _ => {}
        }
    }

    fn happen(&mut self, event: ProcessEvent) {
        self.processes.fold(event.clone());
        self.events.push(event);
    }
}

/// The side of syscope: what it knows so far, and what it saw in the kernel's list.
#[derive(Default)]
struct Watcher {
    known: Processes,
    read: usize,
    seen: BTreeSet<u32>,
    plan: Option<PushDown>,
}

impl Watcher {
    /// Reads the events and makes the plan anew.
    fn read(&mut self, machine: &Machine, filter: &Filter) {
        for event in &machine.events[self.read..] {
            self.known.fold(event.clone());
        }
        self.read = machine.events.len();
        self.plan = Some(filter.plan(self.known.iter_living().map(Candidate::from)));
    }

    /// Hands the plan to the kernel. Takes out of the list only what it saw there before it read.
    fn answer(&mut self, machine: &mut Machine) {
        match self.plan.take() {
            Some(PushDown::Only { pids, inherit_forks, adopt_execs }) => {
                machine.listed.retain(|pid| pids.contains(pid) || !self.seen.contains(pid));
                machine.listed.extend(&pids);
                (machine.inherit_forks, machine.adopt_execs) = (inherit_forks, adopt_execs);
                self.seen = pids;
            }
            Some(PushDown::All) => panic!("few processes fit into the list"),
            None => {}
        }
    }

    /// The one gap there is: a process that was listed already execs (or its PID is used again) after
    /// syscope read and before it answers. It is listed again at the next reading.
    fn would_miss(&self, machine: &Machine, step: &Step) -> bool {
        let pid = match *step {
            Step::Fork { pid, .. } => pid,
            Step::Exec { process, .. } => machine.living(process),
            _ => return false,
        };
        self.plan.is_some() && self.seen.contains(&pid)
    }
}

proptest! {
    #[test]
    fn parsing_never_panics_and_errors_point_into_the_text(text in "[ !()\"\\\\,:*?a-z0-9é日]{0,40}|\\PC*") {
        match Filter::parse(&text) {
            Ok(filter) => {
                prop_assert_eq!(filter.text(), &text);
                filter.matches(&candidate(1, "a", "a b", &[2]));
            }
            Err(error) => {
                prop_assert!(text.get(error.at.clone()).is_some(), "{:?}", error);
                prop_assert!(!error.at.is_empty());
                error.pointed(&text);
            }
        }
    }

    #[test]
    fn filters_that_were_put_together_read_back(
        pids in prop::collection::vec(any::<u32>(), 0..4),
        comms in prop::collection::vec("[ \"\\\\()a*?:é]{1,12}", 0..3),
        follow: bool,
        other in expression(),
    ) {
        let made = Filter::from_cli(&pids, &comms, follow);
        prop_assert_eq!(&filter(made.text()), &made);
        let both = made.and(&filter(&other)).unwrap();
        prop_assert_eq!(&filter(both.text()), &both);
        for comm in comms.iter().filter(|comm| comm.len() < 16 && !comm.contains(['*', '?'])) {
            let named = candidate(pids.first().copied().unwrap_or(1), comm, "", &[]);
            prop_assert!(made.matches(&named), "{} on {comm:?}", made.text());
        }
    }

    /// The kernel starts with the plan and extends its list by its own rules. User space answers late,
    /// and takes out again what an exec brought in for nothing.
    #[test]
    fn the_kernel_never_hides_what_the_filter_accepts(
        text in expression(),
        before in prop::collection::vec(step(), 0..12),
        after in prop::collection::vec(step(), 0..24),
    ) {
        let filter = filter(&text);
        let (mut machine, mut watcher) = (Machine::new(), Watcher::default());
        before.iter().for_each(|step| machine.step(step));
        watcher.read(&machine, &filter);
        watcher.answer(&mut machine);
        for step in &after {
            match step {
                Step::Look if watcher.plan.is_none() => watcher.seen.extend(&machine.listed),
                Step::Look => {}
                Step::Read => watcher.read(&machine, &filter),
                Step::Answer => watcher.answer(&mut machine),
                step if watcher.would_miss(&machine, step) => {}
                step => machine.step(step),
            }
            for process in machine.processes.iter_living() {
                let hidden = !machine.listed.contains(&process.key.pid);
                let accepted = filter.matches(&Candidate::from(process));
                prop_assert!(!(hidden && accepted), "{text} hides {process:?} after {step:?}");
            }
        }
    }
}
