//! What filters accept, what they refuse, and what the kernel gets of them.

use super::*;

pub(super) fn candidate<'a>(
    pid: u32,
    comm: &'a str,
    cmdline: &'a str,
    lineage: &'a [u32],
) -> Candidate<'a> {
    Candidate { pid, comm, cmdline, lineage }
}

pub(super) fn filter(text: &str) -> Filter {
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
        ("(main() or nginx)", true),
        ("\")\" or nginx", true),
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
        ("a or b) c", ")", "closes nothing"),
        ("pid:1)", ")", "closes nothing"),
        ("a or b( c", "(", "quote it"),
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
    let both = filter("a() or b").and(&filter("pid:7")).unwrap();
    assert_eq!(both.text(), "(a() or b) pid:7");
    assert!(!both.matches(&candidate(8, "b", "", &[])));
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
