//! What holds for every filter: above all, the kernel never hides what it accepts.

use super::tests::{candidate, filter};
use super::*;
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

/// A step in the life of a few processes.
#[derive(Clone, Debug)]
enum Step {
    Fork { parent: usize, pid: u32 },
    Exec { process: usize, comm: &'static str, cmdline: &'static str },
}

fn step() -> impl Strategy<Value = Step> {
    let name = || prop::sample::select(vec!["a", "b", "ab", "c"]);
    prop_oneof![
        (any::<usize>(), 1u32..12).prop_map(|(parent, pid)| Step::Fork { parent, pid }),
        (any::<usize>(), name(), name()).prop_map(|(process, comm, cmdline)| Step::Exec {
            process,
            comm,
            cmdline
        }),
    ]
}

#[derive(Clone, Debug)]
struct Living {
    pid: u32,
    comm: &'static str,
    cmdline: &'static str,
    lineage: Vec<u32>,
}

impl Living {
    fn candidate(&self) -> Candidate<'_> {
        candidate(self.pid, self.comm, self.cmdline, &self.lineage)
    }
}

fn live(world: &mut Vec<Living>, step: &Step) -> Option<(u32, Option<u32>)> {
    match *step {
        Step::Fork { parent, pid } if world.iter().all(|process| process.pid != pid) => {
            let parent = world[parent % world.len()].clone();
            let lineage = [&[parent.pid], &parent.lineage[..]].concat();
            let from = parent.pid;
            world.push(Living { pid, lineage, ..parent });
            Some((pid, Some(from)))
        }
        Step::Fork { .. } => None,
        Step::Exec { process, comm, cmdline } => {
            let index = process % world.len();
            (world[index].comm, world[index].cmdline) = (comm, cmdline);
            Some((world[index].pid, None))
        }
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

    /// The kernel starts with the plan, extends its list by its own rules, and user space takes
    /// out again what an exec brought in for nothing.
    #[test]
    fn the_kernel_never_hides_what_the_filter_accepts(
        text in expression(),
        before in prop::collection::vec(step(), 0..12),
        after in prop::collection::vec(step(), 0..12),
    ) {
        let filter = filter(&text);
        let mut world = vec![Living { pid: 1, comm: "c", cmdline: "c", lineage: vec![] }];
        for step in &before {
            live(&mut world, step);
        }
        let plan = filter.plan(world.iter().map(Living::candidate));
        let PushDown::Only { pids: mut listed, inherit_forks, adopt_execs } = plan else {
            panic!("few processes fit into the list");
        };
        for step in [None].into_iter().chain(after.iter().map(Some)) {
            match step.and_then(|step| live(&mut world, step)) {
                Some((child, Some(parent))) if inherit_forks && listed.contains(&parent) => {
                    listed.insert(child);
                }
                Some((pid, None)) if adopt_execs => {
                    let process = world.iter().find(|process| process.pid == pid).unwrap();
                    if filter.admits(&process.candidate()) {
                        listed.insert(pid);
                    } else {
                        listed.remove(&pid);
                    }
                }
                _ => {}
            }
            for process in world.iter().filter(|process| filter.matches(&process.candidate())) {
                prop_assert!(listed.contains(&process.pid), "{text} hides {process:?}");
            }
        }
    }
}
