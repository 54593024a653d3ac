//! File opens: every one delivered or counted as lost, and none wrong.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use syscope_tests::require_bpf;
use syscope_tests::schema::Open;
use syscope_tests::watch::{Observed, observe};

/// Opens by path, flags and result.
type Multiset = BTreeMap<(String, String, String), u64>;

#[test]
fn every_one_of_20_000_opens_is_delivered_or_counted_as_lost_and_none_is_wrong() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for files");
    let base = dir.path().to_str().expect("plain text");
    let observed = observe(&["opens", base, "20000"], 5, &[]);
    let mut truth = expected(&observed.truth);
    assert_eq!(truth.values().sum::<u64>(), 20_000);
    let mut wrong = Vec::new();
    let mut delivered = 0;
    for open in observed.report.opens(observed.pid) {
        delivered += 1;
        match truth.get_mut(&key(open)) {
            Some(left) if *left > 0 => *left -= 1,
            _ => wrong.push(open),
        }
    }
    let missing: Vec<_> = truth.iter().filter(|(_, count)| **count > 0).take(20).collect();
    assert!(
        wrong.is_empty(),
        "{} opens that did not happen so, such as {:#?}; while these are missing: {missing:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(10)],
    );
    let lost = observed.report.health("opens").lost;
    assert_eq!(delivered + lost, 20_000, "{lost} counted as lost; missing: {missing:#?}");
    assert_counts(&observed);
}

#[test]
fn a_slow_stream_of_opens_loses_nothing() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for files");
    let base = dir.path().to_str().expect("plain text");
    let observed = observe(&["opens", base, "1500"], 2, &[]);
    assert_eq!(observed.report.health("opens").lost, 0);
    let mut delivered = Multiset::new();
    for open in observed.report.opens(observed.pid) {
        *delivered.entry(key(open)).or_default() += 1;
    }
    assert_eq!(delivered, expected(&observed.truth));
}

#[test]
fn an_open_says_who_when_and_how_long() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for files");
    let base = dir.path().to_str().expect("plain text");
    let observed = observe(&["opens", base, "1500"], 2, &[]);
    let opens: Vec<_> = observed.report.opens(observed.pid).collect();
    assert!(opens.iter().all(|open| open.comm == "workload"));
    let limit = observed.report.document.duration_ns;
    assert!(opens.iter().all(|open| (1..limit).contains(&open.duration_ns)));
    // The second thread opens one file only.
    let [own, others]: [Vec<_>; 2] = [true, false].map(|own| {
        opens.iter().filter(|open| open.path.ends_with("/elsewhere/own") == own).collect()
    });
    assert!(!own.is_empty() && own.iter().all(|open| open.tid != observed.pid), "{own:#?}");
    assert!(!others.is_empty() && others.iter().all(|open| open.tid == observed.pid));
    // Of one thread, each begins after the one before.
    assert!(others.is_sorted_by(|a, b| a.time_ns < b.time_ns));
}

#[test]
fn what_could_not_be_read_whole_is_marked() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for files");
    let base = dir.path().to_str().expect("plain text");
    let observed = observe(&["opens", base, "1500"], 2, &[]);
    let events = observed.report.raw["opens"]["events"].as_array().expect("a list");
    let marked = |mark: &str, errno: &str| {
        let marked: Vec<_> = events.iter().filter(|open| open[mark] == true).collect();
        assert!(!marked.is_empty(), "no open is marked {mark}");
        assert!(marked.iter().all(|open| open["errno"] == errno), "{mark}: {marked:#?}");
        let all = events.iter().filter(|open| open["errno"] == errno).count();
        assert_eq!(marked.len(), all, "all that fail with {errno} are {mark}");
    };
    marked("cut", "ENAMETOOLONG");
    marked("unreadable", "EFAULT");
    assert!(!events.iter().any(|open| open["unresolved"] == true), "all could be resolved");
}

fn assert_counts(observed: &Observed) {
    let opens = &observed.report.document.opens;
    assert_eq!(opens.total, opens.events.len() as u64);
    let failed = opens.events.iter().filter(|open| open.errno.is_some()).count();
    assert_eq!(opens.failed, failed as u64);
    let both = opens.events.iter().find(|open| open.fd.is_some() == open.errno.is_some());
    assert!(both.is_none(), "either a descriptor or an error: {both:?}");
}

fn expected(truth: &Value) -> Multiset {
    let mut all = Multiset::new();
    for entry in truth.as_array().expect("a list") {
        let text = |key: &str| entry[key].as_str().expect("text").to_owned();
        let key = (text("path"), sorted(&text("flags")), text("result"));
        *all.entry(key).or_default() += entry["count"].as_u64().expect("a count");
    }
    all
}

fn key(open: &Open) -> (String, String, String) {
    let result = match (&open.fd, &open.errno) {
        (Some(fd), _) => format!("fd {fd}"),
        (None, errno) => errno.clone().unwrap_or_default(),
    };
    (open.path.clone(), sorted(&open.flags), result)
}

/// Flags in an order of their own: which comes first is a matter of taste.
fn sorted(flags: &str) -> String {
    flags.split('|').collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("|")
}
