//! The recording that comes with syscope: whole, small, and about nothing but the demo's programs.

use std::fs;
use syscope::capture::{Capture, Decoded, Decoder};
use syscope::source::{Batch, ProcessEvent};
use syscope_tests::binary::checkout;

/// Programs of the demo, as processes call themselves; a process is named by its parent's until it
/// is another program (`exe`: syscope, which starts the story).
const PROGRAMS: &[&str] = &[
    "exe",
    "syscope",
    "env",
    "unshare",
    "setpriv",
    "story.sh",
    "sh",
    "postgres",
    "pg_isready",
    "pgbench",
    "sessiond",
    "confwatch",
    "python3",
    "sleep",
    "make",
    "gcc",
    "cc1",
    "as",
    "collect2",
    "ld",
    "rm",
    "ticketd",
    "ledger",
];
const MOST_BYTES: u64 = 2 * 1024 * 1024;

fn recording() -> Capture {
    let capture = Capture::open(&checkout().join("assets/demo.syscope"));
    capture.unwrap_or_else(|error| panic!("{error}"))
}

fn decoded(capture: &Capture) -> Vec<Decoded> {
    let mut decoder = Decoder::new();
    let decode = |frame| decoder.decode(&capture.read(frame).expect("it can be read"));
    let frames: Result<Vec<_>, _> = (0..capture.frames.len()).map(decode).collect();
    frames.expect("no frame is damaged")
}

/// Name and command line of every process that is told.
fn processes(batch: &Batch) -> impl Iterator<Item = (&str, &str)> {
    batch.processes.iter().filter_map(|event| match event {
        ProcessEvent::Seen(seen) => Some((seen.comm.as_str(), seen.cmdline.as_str())),
        ProcessEvent::Fork { comm, .. } => Some((comm.as_str(), "")),
        ProcessEvent::Exec { comm, cmdline, .. } => Some((comm.as_str(), cmdline.as_str())),
        ProcessEvent::Exit { .. } => None,
    })
}

#[test]
fn it_is_whole_and_small() {
    let capture = recording();
    assert!(capture.complete);
    assert_eq!((capture.damaged, capture.cut_bytes), (0, 0));
    let bytes = fs::metadata(checkout().join("assets/demo.syscope")).expect("it is there").len();
    assert!(bytes <= MOST_BYTES, "{bytes}");
    assert!(!decoded(&capture).is_empty());
}

#[test]
fn it_tells_nothing_of_the_machine_it_was_made_on() {
    let capture = recording();
    assert_eq!(capture.header.watched.host, "demo");
    let version = |c: char| c == '.' || c.is_ascii_digit();
    assert!(capture.header.watched.kernel.chars().all(version), "{:?}", capture.header.watched);
    let called = capture.header.called.join(" ");
    assert!(called.starts_with("bin/syscope record -o demo.syscope -- env -i "), "{called}");
    for frame in decoded(&capture) {
        for batch in frame.before.iter().chain(&frame.batches) {
            for (comm, cmdline) in processes(batch) {
                assert!(PROGRAMS.contains(&comm), "{comm}: {cmdline}");
                assert!(!cmdline.contains("/root") && !cmdline.contains("target/"), "{cmdline}");
            }
        }
    }
}
