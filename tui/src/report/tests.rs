//! Reports of a small machine whose every number is known.

use super::*;
use crate::model::{Bounds, Watched};
use crate::source::*;
use std::sync::Arc;

const HOSTILE: &str = "/tmp/\x1b[2J\u{202e}\u{9b}x";

fn seen(pid: u32, parent: u32, comm: &str, cmdline: &str) -> ProcessEvent {
    let (comm, cmdline) = (comm.to_owned(), cmdline.to_owned());
    ProcessEvent::Seen(ProcessSeen {
        pid,
        parent,
        start_ns: u64::from(pid),
        comm,
        cmdline,
        ..ProcessSeen::default()
    })
}

fn calls(pid: u32, nr: u32, calls: u64, bucket: usize, errnos: &[(u32, u64)]) -> SyscallDelta {
    let mut hist = [0; syscope_shared::hist::BUCKETS];
    hist[bucket] = calls as u32;
    let errors = errnos.iter().map(|(_, n)| n).sum();
    let total_ns = calls * syscope_shared::hist::range(bucket).0;
    SyscallDelta { pid, nr, calls, errors, total_ns, hist, errnos: errnos.to_vec() }
}

fn open(time_ns: u64, pid: u32, path: OpenPath, result: Result<u32, u32>) -> OpenEvent {
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as u32;
    let (tid, comm) = (pid + 1, "worker".to_owned());
    OpenEvent { time_ns, duration_ns: 2_000, pid, tid, comm, path, flags, mode: 0, result }
}

fn path(text: &str) -> OpenPath {
    OpenPath { text: text.to_owned(), ..OpenPath::default() }
}

fn stack(id: u32, kind: FrameKind, names: &[&str]) -> Arc<ResolvedStack> {
    let frame = |(depth, name): (usize, &&str)| {
        Arc::new(Frame {
            kind,
            name: (*name).to_owned(),
            module: Some("/usr/bin/x".into()),
            build_id: None,
            offset: 16,
            file: (depth == 0).then(|| "src/x.c".into()),
            line: (depth == 0).then_some(7),
            inlined: depth == 0 && kind == FrameKind::User,
            resolved: true,
        })
    };
    let frames = names.iter().enumerate().map(frame).collect();
    Arc::new(ResolvedStack { id: StackId(id), frames })
}

fn offcpu(pid: u32, state: WaitState, kernel: u32, user: u32, blocked_ns: u64) -> OffcpuDelta {
    let (kernel_stack, user_stack) = (StackId(kernel), StackId(user));
    OffcpuDelta { pid, state, kernel_stack, user_stack, blocked_ns, runqueue_ns: 5_000, waits: 10 }
}

fn samples(pid: u32, comm: &str, kernel: u32, user: u32, samples: u64) -> ProfileDelta {
    let (kernel_stack, user_stack) = (StackId(kernel), StackId(user));
    ProfileDelta { pid, comm: comm.to_owned(), kernel_stack, user_stack, samples }
}

fn health() -> Health {
    let probe = |name| ProbeHealth { name, events: 100, ..ProbeHealth::default() };
    let off = ProbeStatus::Off("no raw tracepoint; mount tracefs".to_owned());
    Health {
        probes: vec![
            probe("syscalls"),
            ProbeHealth { ring_full: 12, unreadable: 1, ..probe("opens") },
            ProbeHealth { stack_errors: 4, ..probe("offcpu") },
            ProbeHealth { unresolved_frames: 40, ..probe("profile") },
            ProbeHealth { status: off, ..probe("lifecycle") },
        ],
        skipped_ticks: 2,
        overhead: Overhead { self_cpu: 0.004, bpf_share: Some(0.0123) },
        pushed_down: Some(2),
        overrun: 5,
        ..Health::default()
    }
}

fn batch() -> Batch {
    let relative = OpenPath { unresolved: true, cut: true, ..path("conf.d/x") };
    let unreadable = OpenPath { unreadable: true, ..path("") };
    let getppid = syscalls::Sysno::getppid.id() as u32;
    let openat = syscalls::Sysno::openat.id() as u32;
    Batch {
        failed: Vec::new(),
        time_ns: 6_000_000_000,
        window_ns: 5_000_000_000,
        processes: vec![
            seen(1, 0, "init", "/sbin/init"),
            seen(10, 1, "nginx", "nginx: worker"),
            seen(20, 1, "ev\x1b[31mil", "evil \u{202e}"),
            ProcessEvent::Exit { time_ns: 5_900_000_000, pid: 20 },
        ],
        syscalls: vec![
            calls(10, openat, 1_000, 5, &[(2, 30), (13, 4)]),
            calls(10, getppid, 9_000, 1, &[]),
            calls(20, getppid, 10, 1, &[]),
        ],
        opens: vec![
            open(2_000_000_000, 10, path("/etc/nginx.conf"), Ok(3)),
            open(2_000_100_000, 10, path("/etc/nginx.conf"), Ok(4)),
            open(2_000_200_000, 10, path("/missing"), Err(2)),
            open(2_000_300_000, 20, path(HOSTILE), Ok(5)),
            open(2_000_400_000, 20, relative, Ok(6)),
            open(2_000_500_000, 20, unreadable, Err(14)),
        ],
        offcpu: vec![
            offcpu(10, WaitState::Interruptible, 3, 4, 4_000_000_000),
            offcpu(10, WaitState::Uninterruptible, 1, 4, 20_000_000),
            offcpu(20, WaitState::Runnable, 0, 4, 0),
        ],
        waiting: Some(vec![WaitingNow {
            pid: 10,
            tid: 10,
            state: WaitState::Interruptible,
            kernel_stack: StackId(3),
            user_stack: StackId(4),
            since_ns: 5_500_000_000,
            woken_ns: None,
        }]),
        profile: vec![
            samples(10, "nginx", 0, 4, 60),
            samples(10, "nginx", 5, 4, 30),
            samples(20, "evil", 99, 0, 9),
        ],
        stacks: vec![
            stack(3, FrameKind::Kernel, &["schedule", "ep_poll", "do_epoll_wait"]),
            stack(4, FrameKind::User, &["a", "b", "c", "d", "e", "f", "g", "main"]),
            stack(5, FrameKind::Kernel, &["copy_to_user"]),
        ],
        health: health(),
    }
}

fn model() -> Model {
    let watched = Watched {
        host: "web1".to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        kernel: "6.18.0".to_owned(),
        cpus: 2,
        realtime_offset_ns: 1_700_000_000_000_000_000,
        start_ns: 1_000_000_000,
        frequency_hz: 99,
        ..Watched::default()
    };
    let mut model = Model::new(watched, Bounds::REPORT);
    model.fold(batch());
    model
}

fn text(filter: &str, top: Option<usize>) -> String {
    let mut out = Vec::new();
    write_text(
        &model(),
        &Filter::parse(filter).unwrap(),
        Options { top, ..Options::default() },
        &mut out,
    )
    .unwrap();
    String::from_utf8(out).unwrap()
}

fn json(filter: &str, top: Option<usize>) -> (String, serde_json::Value) {
    let mut out = Vec::new();
    write_json(
        &model(),
        &Filter::parse(filter).unwrap(),
        Options { top, ..Options::default() },
        &mut out,
    )
    .unwrap();
    let text = String::from_utf8(out).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

#[test]
fn the_text_says_it_all() {
    insta::assert_snapshot!(text("", None));
}

#[test]
fn the_text_of_a_filter_is_about_what_it_accepts() {
    insta::assert_snapshot!(text("comm:nginx", Some(1)));
}

#[test]
fn the_json_document_keeps_its_schema() {
    let (model, filter) = (model(), Filter::default());
    let document = document(&model, &filter, Options::default());
    let pretty = serde_json::to_string_pretty(&document).unwrap();
    let lines: Vec<_> = pretty.lines().map(crate::text::visible).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_filter_applies_to_every_table_of_the_document() {
    let (_, all) = json("", None);
    assert_eq!(all["opens"]["total"], 6);
    assert_eq!(all["opens"]["failed"], 2);
    assert_eq!(all["opens"]["events"][0]["time_ns"], 1_700_000_002_000_000_000_u64);
    assert_eq!(all["opens"]["events"][0]["fd"], 3);
    assert_eq!(all["opens"]["events"][2]["errno"], "ENOENT");
    let (text, one) = json("pid:20", None);
    assert!(!text.contains("nginx"), "{text}");
    for (table, length) in [("processes", 1), ("syscalls", 1), ("offcpu", 1)] {
        assert_eq!(one[table].as_array().unwrap().len(), length, "{table}");
    }
    assert_eq!((&one["opens"]["total"], &one["opens"]["failed"]), (&3.into(), &1.into()));
    assert_eq!(one["profile"]["samples"], 9);
    assert_eq!(one["profile"]["by_process"][0]["percent"], 100.0);
    let (_, none) = json("nobody", None);
    assert_eq!(none["profile"]["samples"], 0);
    assert_eq!(none["opens"]["events"], serde_json::json!([]));
}

#[test]
fn top_limits_processes_and_stacks_but_no_total() {
    let (_, top) = json("", Some(1));
    assert_eq!(top["syscalls"].as_array().unwrap().len(), 1);
    assert_eq!(top["syscalls"][0]["pid"], 10);
    assert_eq!(top["offcpu"][0]["stacks"].as_array().unwrap().len(), 1);
    assert_eq!(top["profile"]["stacks"].as_array().unwrap().len(), 1);
    assert_eq!(top["profile"]["samples"], 99);
    assert_eq!(top["opens"]["events"].as_array().unwrap().len(), 1);
    assert_eq!(top["opens"]["total"], 6);
}

#[test]
fn hostile_text_reaches_no_terminal_and_stays_what_it_is() {
    let (json, value) = json("", None);
    for output in [json.trim_end_matches('\n'), &text("", None).replace('\n', "")] {
        let hidden = output.chars().find(|c| crate::text::screen::is_hidden(*c));
        assert_eq!(hidden, None, "{output}");
    }
    assert_eq!(value["opens"]["events"][3]["path"], HOSTILE);
}

#[test]
fn a_probe_that_is_off_says_why_in_place_of_its_table() {
    let mut model = model();
    model.health.probes[3].status = ProbeStatus::Off("no perf events: raise it".to_owned());
    let mut out = Vec::new();
    write_text(&model, &Filter::default(), Options::default(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("CPU profile: off: no perf events: raise it\n"), "{text}");
    assert!(!text.contains("SAMPLES"), "{text}");
}

#[test]
fn an_empty_model_is_a_report_too() {
    let model = Model::new(Watched::default(), Bounds::REPORT);
    let mut out = Vec::new();
    write_text(&model, &Filter::default(), Options::default(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("Lost: nothing") && !text.contains("NaN"), "{text}");
}

#[test]
fn what_a_capture_lacks_is_said_and_nothing_is_when_it_is_whole() {
    let missing = Missing { cut_bytes: 812, ..Missing::default() };
    let options = Options { missing: Some(missing), ..Options::default() };
    let (model, filter) = (model(), Filter::default());
    let mut out = Vec::new();
    write_text(&model, &filter, options, &mut out).unwrap();
    let said = String::from_utf8(out).unwrap();
    let last = said.lines().last().unwrap();
    assert_eq!(
        last,
        "The capture is not whole: it was cut off at its end, in the middle of a frame (812 B)"
    );
    let mut out = Vec::new();
    write_json(&model, &filter, options, &mut out).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["capture"]["complete"], false);
    assert_eq!(value["capture"]["cut_bytes"], 812);
    assert!(!text("", None).contains("capture") && json("", None).1.get("capture").is_none());
}
