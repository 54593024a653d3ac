//! Lines of batches made by hand.

use super::clock::Clock;
use super::lost::Lost;
use super::stream::{Format, Stream};
use super::{Kind, text};
use crate::filter::Filter;
use crate::source::{Batch, FailedCall, Health, OpenEvent, OpenPath, ProbeHealth};
use crate::source::{ProcessEvent, ProcessSeen};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

const ROOM: usize = usize::MAX;

fn stream(kind: Kind, format: Format, filter: &str) -> Stream {
    let clock = Clock::new(1_000_000_000_000_000_000, TimeZone::UTC);
    Stream::new(kind, format, Filter::parse(filter).unwrap(), clock)
}

fn open(time_ns: u64, pid: u32, path: &str) -> OpenEvent {
    OpenEvent {
        time_ns,
        duration_ns: 12_345,
        pid,
        tid: pid + 1,
        comm: "cat".to_owned(),
        path: OpenPath { text: path.to_owned(), ..OpenPath::default() },
        flags: libc::O_CLOEXEC as u32,
        mode: 0,
        result: Ok(3),
    }
}

fn opens(events: Vec<OpenEvent>) -> Batch {
    Batch { opens: events, ..Batch::default() }
}

fn failed(nr: u32, errno: u32) -> Batch {
    let call = FailedCall {
        time_ns: 0,
        duration_ns: 900,
        pid: 7,
        tid: 8,
        comm: "a\x1bb".to_owned(),
        nr,
        errno,
    };
    Batch { failed: vec![call], ..Batch::default() }
}

fn text_of(lines: Vec<u8>) -> String {
    String::from_utf8(lines).unwrap()
}

fn objects(lines: Vec<u8>) -> Vec<Value> {
    text_of(lines).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn opens_stand_under_their_head() {
    let mut stream = stream(Kind::Opens, Format::Text, "");
    let mut batch = opens(vec![open(0, 7, "/etc/hosts"), open(1_500, 4_194_303, "a\n")]);
    batch.opens[1].path.unresolved = true;
    batch.opens[1].result = Err(13);
    let text = text_of(stream.head()) + &text_of(stream.lines(batch, ROOM));
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_not_known_of_a_path_is_said() {
    let mut stream = stream(Kind::Opens, Format::Text, "");
    let mut batch = opens(vec![open(0, 7, "/cut"), open(0, 7, "")]);
    batch.opens[0].path.cut = true;
    batch.opens[1].path.unreadable = true;
    let text = text_of(stream.lines(batch, ROOM));
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].ends_with(" /cut (cut)"), "{text}");
    assert!(lines[1].ends_with(" (could not be read)"), "{text}");
}

#[test]
fn a_name_that_is_longer_for_its_escapes_is_not_cut() {
    let mut stream = stream(Kind::Opens, Format::Text, "");
    let mut batch = opens(vec![open(0, 7, "/x")]);
    batch.opens[0].comm = "\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b".to_owned();
    let text = text_of(stream.lines(batch, ROOM));
    assert!(text.contains(" \\e\\e\\e\\e\\e\\e\\e\\e\\e fd 3 "), "{text}");
}

#[test]
fn failed_calls_stand_under_their_head() {
    let mut stream = stream(Kind::SyscallsFailed, Format::Text, "");
    let openat = syscalls::Sysno::openat.id() as u32;
    let mut text = text_of(stream.head());
    for (nr, errno) in [(openat, 2), (openat, 512), (99_999, 4_000)] {
        text += &text_of(stream.lines(failed(nr, errno), ROOM));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn programs_that_start_come_with_their_parent() {
    let exec = |time_ns, cmdline: &str| ProcessEvent::Exec {
        time_ns,
        pid: 9,
        comm: "ls".to_owned(),
        cmdline: cmdline.to_owned(),
    };
    let processes = vec![
        ProcessEvent::Fork { time_ns: 5, pid: 9, parent: 7, comm: "sh".to_owned() },
        exec(6, "ls -l a\nb…"),
        ProcessEvent::Exit { time_ns: 7, pid: 9 },
    ];
    let batch = Batch { processes, ..Batch::default() };
    let mut people = stream(Kind::Exec, Format::Text, "");
    let text = text_of(people.head()) + &text_of(people.lines(batch.clone(), ROOM));
    insta::assert_snapshot!(text);
    let mut programs = stream(Kind::Exec, Format::Json, "comm:ls");
    assert_eq!(
        objects(programs.lines(batch.clone(), ROOM)),
        [json!({ "type": "exec", "time_ns": 1_000_000_000_000_000_006u64, "pid": 9, "parent": 7,
            "comm": "ls", "cmdline": "ls -l a\nb…" })]
    );
    assert!(stream(Kind::Exec, Format::Json, "comm:sh").lines(batch, ROOM).is_empty());
}

#[test]
fn objects_have_the_fields_that_help_names() {
    let mut stream = stream(Kind::Opens, Format::Json, "");
    let mut batch = opens(vec![open(5, 7, "/a\n"), open(6, 7, "b")]);
    batch.opens[1].path.unresolved = true;
    batch.opens[1].result = Err(2);
    let lines = text_of(stream.lines(batch, ROOM));
    let objects: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut first = json!({ "type": "open", "time_ns": 1_000_000_000_000_000_005u64, "pid": 7,
        "tid": 8, "comm": "cat", "path": "/a\n", "flags": "O_RDONLY|O_CLOEXEC", "fd": 3,
        "duration_ns": 12_345 });
    assert_eq!(objects[0], first);
    let second = first.as_object_mut().unwrap();
    second.remove("fd");
    second.insert("time_ns".into(), json!(1_000_000_000_000_000_006u64));
    for (key, value) in
        [("path", json!("b")), ("errno", json!("ENOENT")), ("unresolved", json!(true))]
    {
        second.insert(key.into(), value);
    }
    assert_eq!(objects[1], first);

    let mut stream = self::stream(Kind::SyscallsFailed, Format::Json, "");
    let close = syscalls::Sysno::close.id() as u32;
    assert_eq!(
        self::objects(stream.lines(failed(close, 9), ROOM)),
        [json!({ "type": "failed", "time_ns": 1_000_000_000_000_000_000u64, "pid": 7, "tid": 8,
            "comm": "a\x1bb", "syscall": "close", "errno": "EBADF", "error": "Bad file descriptor",
            "duration_ns": 900 })]
    );
}

#[test]
fn what_does_not_fit_is_lost_and_told_where_it_is_missing() {
    let mut stream = stream(Kind::Opens, Format::Json, "");
    let batch = || opens((0..10).map(|n| open(n, 7, "/x")).collect());
    let first = objects(stream.lines(batch(), 300));
    let printed = stream.printed();
    assert!((1..10).contains(&printed) && first.len() as u64 == printed, "{first:#?}");
    assert!(stream.lines(batch(), 0).is_empty());
    let third = objects(stream.lines(batch(), ROOM));
    assert_eq!(third[0]["type"], "lost");
    assert_eq!(third[0]["lost"], 20 - printed);
    assert_eq!(third[0]["overrun"], 20 - printed);
    assert_eq!(third.len(), 11);
    assert_eq!((stream.printed(), stream.lost().total()), (printed + 10, 20 - printed));
    assert!(stream.end().is_empty(), "all is told");
}

#[test]
fn what_the_kernel_lost_is_told_once() {
    let health = |ring_full, skipped_runs, overrun| {
        let probe = |name, ring_full, skipped_runs| ProbeHealth {
            name,
            ring_full,
            skipped_runs,
            ..ProbeHealth::default()
        };
        let probes = vec![probe("syscalls", 0, skipped_runs), probe("opens", ring_full, 0)];
        Health { probes, overrun, ..Health::default() }
    };
    let mut stream = stream(Kind::Opens, Format::Json, "");
    let batch = |health, time_ns| Batch { health, time_ns, ..opens(vec![open(0, 7, "/x")]) };
    let lines = objects(stream.lines(batch(health(5, 0, 1), 40), ROOM));
    assert_eq!(lines[0]["type"], "open");
    let lost = json!({ "type": "lost", "time_ns": 1_000_000_000_000_000_040u64, "lost": 6,
        "ring_full": 5, "map_full": 0, "skipped_runs": 0, "overrun": 1 });
    assert_eq!(lines[1], lost);
    // Counters that could not be read once take nothing back, and are not counted twice.
    let lines = objects(stream.lines(batch(Health::default(), 50), ROOM));
    assert_eq!(lines.len(), 1);
    let lines = objects(stream.lines(batch(health(7, 3, 1), 60), ROOM));
    assert_eq!((&lines[1]["lost"], &lines[1]["ring_full"]), (&json!(5), &json!(2)));
    assert_eq!(stream.lost(), Lost { ring_full: 7, map_full: 0, skipped_runs: 3, overrun: 1 });
    assert_eq!(
        stream.lost().to_string(),
        "1 because standard output was not read fast enough, 7 because the ring buffer was full, 3 \
         because the kernel skipped the probe, which was busy"
    );
}

#[test]
fn lines_for_people_say_nothing_of_losses_between_them() {
    let mut stream = stream(Kind::Opens, Format::Text, "");
    stream.lines(opens(vec![open(0, 7, "/x")]), 0);
    assert!(stream.lines(Batch::default(), ROOM).is_empty() && stream.end().is_empty());
    assert_eq!(stream.lost().total(), 1);
}

#[test]
fn a_process_is_judged_by_its_name_at_the_time() {
    let exec = ProcessEvent::Exec {
        time_ns: 10,
        pid: 7,
        comm: "cat".to_owned(),
        cmdline: "cat /b".to_owned(),
    };
    let seen = |pid, comm: &str| {
        ProcessEvent::Seen(ProcessSeen { pid, comm: comm.to_owned(), ..ProcessSeen::default() })
    };
    let batch = Batch {
        // The second was looked up because of its open, after the exec was read.
        processes: vec![seen(7, "sh"), exec, seen(8, "cat")],
        opens: vec![open(5, 7, "/a"), open(15, 7, "/b"), open(6, 8, "/c")],
        ..Batch::default()
    };
    let paths = |filter| -> Vec<_> {
        let lines = objects(stream(Kind::Opens, Format::Json, filter).lines(batch.clone(), ROOM));
        lines.iter().map(|line| line["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths("comm:cat"), ["/b", "/c"]);
    assert_eq!(paths("comm:sh"), ["/a"]);
    assert_eq!(paths("pid:7"), ["/a", "/b"]);
    assert_eq!(paths(""), ["/a", "/b", "/c"]);
}

#[test]
fn heads_are_one_line() {
    for kind in [Kind::Opens, Kind::Exec, Kind::SyscallsFailed] {
        let mut head = Vec::new();
        text::head(kind, &mut head);
        assert_eq!(text_of(head).lines().count(), 1);
        assert!(stream(kind, Format::Json, "").head().is_empty());
    }
}
