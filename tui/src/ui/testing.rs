//! A machine made by hand, and screens as text: for tests.

mod tape;

pub(crate) use tape::*;

use super::render;
use super::theme::Theme;
use crate::app::update::{Effect, Message};
use crate::app::{App, ColourChoice, script};
use crate::filter::Filter;
use crate::model::Watched;
use crate::probes::PROBES;
use crate::source::{
    Batch, Frame, FrameKind, Health, OffcpuDelta, OpenEvent, OpenPath, Overhead, ProbeHealth,
    ProbeStatus, ProcessEvent, ProcessSeen, ProfileDelta, ResolvedStack, StackId, SyscallDelta,
    WaitState, WaitingNow,
};
use jiff::tz::TimeZone;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use std::fmt::Write;
use std::sync::Arc;
use syscope_shared::hist;

/// ns in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;
/// When watching begins.
pub(crate) const START: u64 = 10_000 * SECOND;

/// What is watched.
pub(crate) fn watched() -> Watched {
    Watched {
        host: "web1".to_owned(),
        arch: "x86_64".to_owned(),
        kernel: "6.18.0-amd64".to_owned(),
        cpus: 8,
        // 2026-01-02 03:04:05 UTC at the start.
        realtime_offset_ns: 1_767_323_045 * SECOND as i64 - START as i64,
        boottime_offset_ns: 3_600 * SECOND,
        start_ns: START,
        frequency_hz: 99,
    }
}

/// An app at the start, nothing read yet.
pub(crate) fn app(width: u16, height: u16) -> App {
    let mut app = App::new(watched(), Filter::default(), TimeZone::UTC);
    app.update(Message::Resize(Size { width, height }));
    app.refresh();
    app
}

/// An app after two batches of a machine on which something happens.
pub(crate) fn busy(width: u16, height: u16) -> App {
    let mut app = app(width, height);
    feed(&mut app, first_batch());
    feed(&mut app, second_batch());
    app.refresh();
    app
}

/// Hands a batch over.
pub(crate) fn feed(app: &mut App, batch: Batch) {
    app.update(Message::Batch(Box::new(batch)));
}

/// Presses keys: words of `keys` are names of keys (`Enter`, `C-u`) or characters to type.
pub(crate) fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    keys.split(' ').flat_map(|word| press_word(app, word)).collect()
}

fn press_word(app: &mut App, word: &str) -> Vec<Effect> {
    script::keys(word).into_iter().filter_map(|key| app.update(Message::Key(key))).collect()
}

fn seen(pid: u32, parent: u32, comm: &str, cmdline: &str) -> ProcessEvent {
    let (comm, cmdline) = (comm.to_owned(), cmdline.to_owned());
    let start_ns = START - u64::from(5_000 - pid.min(4_999)) * SECOND;
    ProcessEvent::Seen(ProcessSeen {
        pid,
        parent,
        start_ns,
        comm,
        cmdline,
        ..ProcessSeen::default()
    })
}

/// Calls of one system call.
pub(crate) fn calls(
    pid: u32,
    nr: u32,
    calls: u64,
    each_ns: u64,
    errnos: &[(u32, u64)],
) -> SyscallDelta {
    let mut hist = [0; hist::BUCKETS];
    hist[hist::bucket(each_ns)] = calls as u32;
    let errors = errnos.iter().map(|(_, count)| count).sum();
    let errnos = errnos.to_vec();
    SyscallDelta { pid, nr, calls, errors, total_ns: calls * each_ns, hist, errnos }
}

/// One open.
pub(crate) fn open(
    pid: u32,
    comm: &str,
    path: &str,
    at_ms: u64,
    result: Result<u32, u32>,
) -> OpenEvent {
    OpenEvent {
        time_ns: START + at_ms * 1_000_000,
        duration_ns: 4_300,
        pid,
        tid: pid,
        comm: comm.to_owned(),
        path: OpenPath { text: path.to_owned(), ..OpenPath::default() },
        flags: 0o2_000_000,
        mode: 0,
        result,
    }
}

/// Waits of a process at one place.
pub(crate) fn waits(
    pid: u32,
    state: WaitState,
    stacks: (u32, u32),
    blocked_ms: u64,
    runqueue_ms: u64,
) -> OffcpuDelta {
    OffcpuDelta {
        pid,
        state,
        kernel_stack: StackId(stacks.0),
        user_stack: StackId(stacks.1),
        blocked_ns: blocked_ms * 1_000_000,
        runqueue_ns: runqueue_ms * 1_000_000,
        waits: blocked_ms / 10 + 1,
    }
}

fn frame(name: &str) -> Arc<Frame> {
    let kernel = name.ends_with("_k");
    let plain = name.trim_end_matches("_k");
    Arc::new(Frame {
        kind: if kernel { FrameKind::Kernel } else { FrameKind::User },
        module: Some(if kernel { "[kernel]" } else { "/usr/sbin/nginx" }.into()),
        file: (!kernel).then(|| "src/core/nginx.c".into()),
        line: (!kernel).then_some(382),
        ..Frame::note(plain)
    })
}

/// A stack by its functions.
pub(crate) fn stack(id: u32, root_first: &[&str]) -> Arc<ResolvedStack> {
    let frames = root_first.iter().rev().map(|name| frame(name)).collect();
    Arc::new(ResolvedStack { id: StackId(id), frames })
}

/// Samples at one place.
pub(crate) fn samples(pid: u32, comm: &str, user: u32, kernel: u32, samples: u64) -> ProfileDelta {
    let (user_stack, kernel_stack) = (StackId(user), StackId(kernel));
    ProfileDelta { pid, comm: comm.to_owned(), kernel_stack, user_stack, samples }
}

/// Health of a machine where all is well.
pub(crate) fn health() -> Health {
    let probes =
        PROBES.iter().map(|probe| ProbeHealth { name: probe.name, ..ProbeHealth::default() });
    Health {
        probes: probes.collect(),
        overhead: Overhead { self_cpu: 0.0031, bpf_share: Some(0.0012) },
        ..Health::default()
    }
}

/// As [`health`], with a probe that cannot run.
pub(crate) fn health_without(name: &str) -> Health {
    let mut health = health();
    let reason = "this kernel has no perf events; set kernel.perf_event_paranoid to 2 or less";
    for probe in health.probes.iter_mut().filter(|probe| probe.name == name) {
        probe.status = ProbeStatus::Off(reason.to_owned());
    }
    health
}

/// What is read first.
pub(crate) fn first_batch() -> Batch {
    Batch {
        time_ns: START + SECOND / 4,
        window_ns: SECOND / 4,
        processes: vec![
            seen(1, 0, "systemd", "/sbin/init"),
            seen(812, 1, "nginx", "nginx: master process /usr/sbin/nginx"),
            seen(813, 812, "nginx", "nginx: worker process"),
            seen(990, 1, "postgres", "/usr/lib/postgresql/17/bin/postgres -D /var/lib/pg"),
            seen(1204, 1, "backup.sh", "/bin/sh /usr/local/bin/backup.sh --all"),
            seen(17, 2, "kworker/0:1", ""),
        ],
        stacks: vec![
            stack(
                10,
                &["main", "ngx_worker_process_cycle", "ngx_process_events", "ngx_http_handler"],
            ),
            stack(11, &["main", "ngx_worker_process_cycle", "epoll_wait"]),
            stack(12, &["main", "ServerLoop", "ExecutorRun"]),
            stack(20, &["entry_SYSCALL_64_k", "do_epoll_wait_k", "schedule_k", "__schedule_k"]),
            stack(
                21,
                &[
                    "entry_SYSCALL_64_k",
                    "vfs_read_k",
                    "folio_wait_bit_k",
                    "io_schedule_k",
                    "schedule_k",
                    "__schedule_k",
                ],
            ),
            stack(22, &["entry_SYSCALL_64_k", "tcp_sendmsg_k", "copy_from_iter_k"]),
        ],
        health: health(),
        ..Batch::default()
    }
}

/// What is read then.
pub(crate) fn second_batch() -> Batch {
    Batch {
        time_ns: START + SECOND / 2,
        window_ns: SECOND / 4,
        syscalls: vec![
            calls(813, 232, 4_000, 180_000, &[]),
            calls(813, 1, 7_500, 3_100, &[(11, 250), (32, 3)]),
            calls(812, 61, 2, 900, &[(10, 2)]),
            calls(990, 0, 1_200, 52_000, &[]),
            calls(1204, 257, 9, 4_321, &[(2, 4)]),
            calls(1204, 59, 1, 800_000, &[]),
        ],
        opens: vec![
            open(1204, "backup.sh", "/etc/ld.so.cache", 260, Ok(3)),
            open(1204, "backup.sh", "/usr/local/etc/backup.conf", 262, Err(2)),
            open(990, "postgres", "/var/lib/pg/base/16384/2619", 301, Ok(41)),
            open(813, "nginx", "/srv/www/index.html", 480, Ok(17)),
        ],
        offcpu: vec![
            waits(813, WaitState::Interruptible, (20, 11), 210, 4),
            waits(990, WaitState::Uninterruptible, (21, 12), 95, 12),
            waits(990, WaitState::Runnable, (0, 12), 0, 31),
        ],
        waiting: Some(sleepers()),
        profile: vec![
            samples(813, "nginx", 10, 0, 31),
            samples(813, "nginx", 10, 22, 9),
            samples(990, "postgres", 12, 0, 12),
            samples(17, "kworker/0:1", 0, 22, 2),
        ],
        health: health(),
        ..Batch::default()
    }
}

/// Half a second in which nothing happened.
pub(crate) fn half_second(time_ns: u64, health: Health) -> Batch {
    let waiting = Some(sleepers());
    Batch { time_ns, window_ns: SECOND / 2, waiting, health, ..Batch::default() }
}

/// Who waits on that machine all the time.
pub(crate) fn sleepers() -> Vec<WaitingNow> {
    let waiting = |pid, kernel, user, state| WaitingNow {
        pid,
        tid: pid,
        state,
        kernel_stack: StackId(kernel),
        user_stack: StackId(user),
        since_ns: START,
        woken_ns: None,
    };
    vec![waiting(17, 20, 0, WaitState::Idle), waiting(812, 20, 11, WaitState::Interruptible)]
}

/// The screen as text: its characters, then a map of its styles, then what the map's letters mean.
pub(crate) fn screen(app: &mut App) -> String {
    let buffer = draw(app, &Theme::new(ColourChoice::Always));
    let mut text = String::new();
    let mut styles: Vec<Style> = vec![Style::reset()];
    let mut map = String::new();
    for y in 0..buffer.area.height {
        let (mut line, mut marks) = (String::new(), String::new());
        let mut covered = 0;
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = crate::text::width(cell.symbol()).max(1);
            }
            covered -= 1;
            marks.push(letter(&mut styles, cell));
        }
        writeln!(text, "{}", line.trim_end()).unwrap();
        writeln!(map, "{}", marks.trim_end_matches('.')).unwrap();
    }
    for (index, style) in styles.iter().enumerate().skip(1) {
        writeln!(map, "{} {}", LETTERS[index] as char, describe(style)).unwrap();
    }
    format!("{text}\n{map}")
}

/// The screen's characters alone.
pub(crate) fn characters(app: &mut App) -> String {
    let all = screen(app);
    let height = usize::from(app.layout.screen.height);
    all.lines().take(height).collect::<Vec<_>>().join("\n")
}

/// Draws the state.
pub(crate) fn draw(app: &mut App, theme: &Theme) -> Buffer {
    app.refresh();
    let mut buffer = Buffer::empty(app.layout.screen);
    let area: Rect = buffer.area;
    render(app, theme, area, &mut buffer);
    buffer
}

const LETTERS: &[u8] = b".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn letter(styles: &mut Vec<Style>, cell: &Cell) -> char {
    let style = Style::reset().fg(cell.fg).bg(cell.bg).add_modifier(cell.modifier);
    let index = styles.iter().position(|known| describe(known) == describe(&style));
    let index = index.unwrap_or_else(|| {
        styles.push(style);
        styles.len() - 1
    });
    LETTERS[index] as char
}

fn describe(style: &Style) -> String {
    let mut words = Vec::new();
    if let Some(fg) = style.fg.filter(|colour| *colour != Color::Reset) {
        words.push(format!("{fg}"));
    }
    if let Some(bg) = style.bg.filter(|colour| *colour != Color::Reset) {
        words.push(format!("on {bg}"));
    }
    if style.add_modifier != Modifier::empty() {
        words.push(format!("{:?}", style.add_modifier));
    }
    words.join(" ")
}
