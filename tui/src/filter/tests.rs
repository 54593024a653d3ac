//! What filters accept, what they refuse, and that the kernel never hides what they accept.

use super::*;
use proptest::prelude::*;

fn candidate<'a>(pid: u32, comm: &'a str, cmdline: &'a str, lineage: &'a [u32]) -> Candidate<'a> {
    Candidate { pid, comm, cmdline, lineage }
}

fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|e| panic!("{}", e.pointed(text)))
}

#[test]
fn a_filter_accepts_what_its_text_says() {
    let nginx = candidate(123, "nginx", "nginx: worker /etc/Nginx.conf", &[100, 1]);
    for (text, accepted) in [
        ("", true),
        ("  \t", true),
        ("GIN", true),
        ("worker", true),
        ("postgres", false),
        ("\"worker /etc\"", true),
        ("\"or\"", true),
        ("pid:123", true),
        ("pid:5,123", true),
        ("PID:5", false),
        ("comm:nginx", true),
        ("comm:Nginx", false),
        ("comm:ngin", false),
        ("comm:ngin*", true),
        ("comm:n?i*x", true),
        ("comm:*", true),
        ("comm:\"ngin*\"", false),
        ("cmd:nginx.conf", true),
        ("cmd:postgres", false),
        ("tree:100", true),
        ("tree:123", true),
        ("tree:7,1", true),
        ("tree:7", false),
        ("!comm:cron", true),
        ("!comm:nginx", false),
        ("!!comm:nginx", true),
        ("nginx pid:5", false),
        ("nginx and pid:123", true),
        ("pid:5 or nginx", true),
        ("pid:5 nginx or worker", true),
        ("worker or pid:5 nginx", true),
        ("(worker or nginx) pid:5", false),
        ("!(pid:5 or cron) nginx", true),
        ("worker OR postgres", true),
        ("oracle or android", false),
    ] {
        assert_eq!(filter(text).matches(&nginx), accepted, "{text}");
    }
}

#[test]
fn names_longer_than_the_kernel_keeps_match_what_it_keeps() {
    let journald = candidate(5, "systemd-journal", "/lib/systemd/systemd-journald", &[1]);
    assert!(filter("comm:systemd-journald").matches(&journald));
    assert!(filter("comm:systemd-journal").matches(&journald));
    assert!(filter("comm:systemd-journald*").matches(&journald));
    assert!(!filter("comm:systemd-journ").matches(&journald));
    // The cut goes through the fifth of these three-byte characters' successor.
    assert!(filter("comm:ab日本語日本").matches(&candidate(6, "ab日本語日\\xe6", "", &[])));
    // Workers of the kernel have longer names in /proc.
    let worker = candidate(7, "kworker/u8:2-events_unbound", "", &[2]);
    assert!(filter("comm:kworker/u8:2-events_unbound").matches(&worker));
    assert!(filter("kworker/u8:2").matches(&worker));
}

#[test]
fn an_error_points_at_the_place_and_says_what_would_be_right() {
    for (text, wrong, hint) in [
        ("nginx pdi:12", "pdi:", "did you mean `pid:`"),
        ("http://x", "http:", "quote it"),
        ("pid:abc", "abc", "pid: takes numbers"),
        ("pid:12,x", "x", "comm:x"),
        ("pid:", "pid:", "as in pid:123"),
        ("pid:1,", "pid:1,", "as in pid:123"),
        ("tree:-1", "-1", "tree: takes numbers"),
        ("pid:99999999999", "99999999999", "too large"),
        ("comm:", "comm:", "as in comm:nginx"),
        ("a or", "or", "both sides"),
        ("or a", "or", "both sides"),
        ("a or or b", "or", "both sides"),
        ("a and", "and", "both sides"),
        ("a !", "!", "right behind it"),
        ("! a", "!", "right behind it"),
        ("say \"hello", "\"", "not closed"),
        ("(a or b", "(", "not closed"),
        ("a )", ")", "closes nothing"),
        ("()", ")", "nothing in these parentheses"),
        ("\"\"", "\"\"", "nothing in these quotes"),
    ] {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(&text[error.at.clone()], wrong, "{text}: {error}");
        assert!(error.message.contains(hint), "{text}: {error}");
    }
    assert!(Filter::parse(&"(".repeat(100_000)).is_err());
    let pointed = Filter::parse("日本 pid:x").unwrap_err().pointed("日本 pid:x");
    assert!(pointed.starts_with("日本 pid:x\n         ^\n"), "{pointed}");
}

#[test]
fn command_line_options_make_a_filter() {
    let text = |pids: &[u32], comms: &[&str], follow: bool| {
        let comms: Vec<_> = comms.iter().map(|c| (*c).to_owned()).collect();
        Filter::from_cli(pids, &comms, follow).text().to_owned()
    };
    assert_eq!(text(&[], &[], false), "");
    assert_eq!(text(&[1, 2], &[], false), "pid:1,2");
    assert_eq!(text(&[1], &["nginx"], false), "pid:1 comm:nginx");
    assert_eq!(text(&[1], &["nginx", "cron"], true), "tree:1 (comm:nginx or comm:cron)");
    assert_eq!(text(&[], &["tmux: server", "a*"], false), "comm:tmux:\" \"server or comm:a*");
    assert_eq!(Filter::with_pid(7).text(), "pid:7");
    let both = filter("a or b").and(&filter("c or d")).unwrap();
    assert_eq!(both.text(), "(a or b) (c or d)");
}

#[test]
fn pids_that_are_not_there_are_told() {
    let living = || [candidate(1, "init", "", &[]), candidate(2, "sh", "", &[1])].into_iter();
    let missing = |text| Vec::from_iter(filter(text).unmatched_pids(living()));
    assert_eq!(missing("pid:1,5 or tree:7,2"), [5, 7]);
    assert_eq!(missing("!pid:9 init"), [0; 0]);
}

#[test]
fn the_kernel_gets_no_more_than_it_needs() {
    let living = || {
        [
            candidate(1, "init", "/sbin/init", &[]),
            candidate(10, "nginx", "nginx", &[1]),
            candidate(11, "nginx", "nginx", &[10, 1]),
            candidate(20, "cron", "cron", &[1]),
        ]
        .into_iter()
    };
    let only = |pids: &[u32], inherit_forks, adopt_execs| PushDown::Only {
        pids: pids.iter().copied().collect(),
        inherit_forks,
        adopt_execs,
    };
    for (text, plan) in [
        ("", PushDown::All),
        ("pid:10", only(&[10], false, false)),
        ("pid:10,20", only(&[10, 20], false, false)),
        // It may exec into nginx; others are of no interest.
        ("pid:20 comm:nginx", only(&[20], false, false)),
        ("tree:10", only(&[10, 11], true, false)),
        ("comm:nginx", only(&[10, 11], true, true)),
        ("pid:1 or nginx", only(&[1, 10, 11], true, true)),
        ("!comm:nginx", only(&[1, 20], true, true)),
        // A child of 1 is to be seen from its fork on.
        ("!pid:1 !comm:nginx", only(&[1, 20], true, true)),
        ("tree:10 !tree:11", only(&[10], true, false)),
    ] {
        assert_eq!(filter(text).plan(living()), plan, "{text}");
    }
    let many: Vec<_> = (0..=syscope_shared::filter::FILTER_SLOTS).collect();
    let crowd = many.iter().map(|pid| candidate(*pid, "nginx", "", &[]));
    assert_eq!(filter("nginx").plan(crowd), PushDown::All);
}

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
