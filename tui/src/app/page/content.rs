//! What the pages say, but for the help.

use super::{PageLine, Subject, heading, health, plain, quiet};
use crate::app::time::words;
use crate::app::{App, derive};
use crate::model::{CallStats, Model, OpenRow, Place, ProcKey};
use crate::source::{Frame, WaitState};
use crate::text;
use syscope_shared::hist;

/// Title and lines of a page.
pub(super) fn of(app: &App, subject: Subject) -> (String, Vec<PageLine>) {
    match subject {
        Subject::Help => (String::new(), Vec::new()),
        Subject::Health => ("Health".to_owned(), health::lines(app)),
        Subject::Call(key, nr) => call(app.model(), key, nr),
        Subject::Place(key, place) => self::place(app.model(), key, &place),
        Subject::Open(number) => match derive::opens::open(app.model(), number) {
            Some(row) => open(app, row),
            None => ("Open".to_owned(), vec![plain("", "this open is no longer kept")]),
        },
    }
}

fn name(model: &Model, key: ProcKey) -> String {
    format!("{} ({})", derive::comm(model, key), key.pid)
}

fn call(model: &Model, key: ProcKey, nr: u32) -> (String, Vec<PageLine>) {
    let title = format!("{} by {}", text::syscall_name(&model.watched.arch, nr), name(model, key));
    let Some(stats) = model.syscalls.of(key).and_then(|calls| calls.by_nr.get(&nr)) else {
        return (title, vec![plain("", "no calls since the counters start")]);
    };
    let mut lines = vec![
        plain(
            "calls",
            format!("{} ({})", stats.calls, text::rate(stats.rate.per_second(&model.ticks))),
        ),
        plain("returned", format!("{} in {}", stats.returned(), text::duration(stats.total_ns))),
        plain("errors", stats.errors.to_string()),
    ];
    for (errno, count) in &stats.errnos {
        lines.push(plain("", format!("{count:>12}  {}", text::errno_name(*errno))));
    }
    lines.extend([plain("", ""), heading("Latency")]);
    lines.extend(histogram(stats));
    (title, lines)
}

fn histogram(stats: &CallStats) -> Vec<PageLine> {
    const BAR: u64 = 30;
    let most = stats.hist.iter().copied().max().unwrap_or(0);
    let Some(first) = stats.hist.iter().position(|n| *n > 0) else {
        return vec![quiet("no call has returned")];
    };
    let last = stats.hist.iter().rposition(|n| *n > 0).unwrap_or(first);
    let row = |index: usize| {
        let (low, high) = hist::range(index);
        let count = stats.hist[index];
        let bar = "█".repeat((count * BAR).div_ceil(most) as usize);
        let upper = if high == u64::MAX { "∞".to_owned() } else { text::duration(high) };
        plain("", format!("{:>7} – {upper:>7} {count:>10} {bar}", text::duration(low)))
    };
    (first..=last).map(row).collect()
}

fn place(model: &Model, key: ProcKey, place: &Place) -> (String, Vec<PageLine>) {
    let title = format!("{} waits here", name(model, key));
    let stats = model.offcpu.places(key, model.now_ns).remove(place).unwrap_or_default();
    let mut lines = vec![
        plain("state", state_in_full(place.state)),
        plain("blocked", text::duration(stats.blocked_ns)),
        plain("runqueue", format!("{} waiting for a CPU", text::duration(stats.runqueue_ns))),
        plain("waits", format!("{} ended, {}", stats.waits, waiting_now(stats.waiting))),
        plain("", ""),
        heading("Stack, root first"),
    ];
    let user = model.stacks.frames(place.user_stack).iter().rev();
    let kernel = model.stacks.frames(place.kernel_stack).iter().rev();
    let before = lines.len();
    lines.extend(user.chain(kernel).map(|frame| plain("", frame_line(frame))));
    if lines.len() == before {
        lines.push(quiet("no frames"));
    }
    (title, lines)
}

fn waiting_now(threads: u64) -> String {
    match threads {
        1 => "1 thread waits now".to_owned(),
        threads => format!("{threads} threads wait now"),
    }
}

/// A frame in one line: name, module, source.
pub fn frame_line(frame: &Frame) -> String {
    let mut line = frame.name.clone();
    if frame.inlined {
        line.push_str(" (inlined)");
    }
    if let Some(module) = frame.module.as_deref().filter(|_| frame.resolved) {
        line = format!("{line}  {module}");
    }
    match (&frame.file, frame.line) {
        (Some(file), Some(number)) => format!("{line}  {file}:{number}"),
        (Some(file), None) => format!("{line}  {file}"),
        (None, _) => line,
    }
}

/// A state in a word.
pub fn state_name(state: WaitState) -> &'static str {
    match state {
        WaitState::Runnable => "runnable",
        WaitState::Interruptible => "sleep",
        WaitState::Uninterruptible => "D state",
        WaitState::Stopped => "stopped",
        WaitState::Idle => "idle",
    }
}

fn state_in_full(state: WaitState) -> &'static str {
    match state {
        WaitState::Runnable => "runnable: preempted or yielded, it only waited for a CPU",
        WaitState::Interruptible => "interruptible sleep (S)",
        WaitState::Uninterruptible => {
            "uninterruptible sleep (D), mostly disk or a lock in the kernel"
        }
        WaitState::Stopped => "stopped by job control or a tracer (T)",
        WaitState::Idle => "an idle kernel thread (I)",
    }
}

fn open(app: &App, row: &OpenRow) -> (String, Vec<PageLine>) {
    let event = &row.event;
    let title = format!("Open by {}", name(app.model(), row.process));
    let result = match event.result {
        Ok(fd) => format!("file descriptor {fd}"),
        Err(errno) => format!("{} ({errno})", text::errno_name(errno)),
    };
    let path = match (&event.path.text, event.path.unreadable) {
        (_, true) => "could not be read from the memory of the process".to_owned(),
        (path, false) => path.clone(),
    };
    let mut lines = vec![plain("path", path)];
    if event.path.unresolved {
        lines.push(plain("", "relative, and its directory is not known"));
    }
    if event.path.cut {
        lines.push(plain("", "longer than 4096 bytes, and cut"));
    }
    lines.extend([
        plain("result", result),
        plain("flags", text::open_flags(&app.model().watched.arch, event.flags)),
        plain("mode", format!("{:04o}", event.mode)),
        plain("began", clock(app, event.time_ns)),
        plain("took", text::open_duration(event.duration_ns)),
        plain("thread", format!("{} ({})", event.comm, event.tid)),
    ]);
    (title, lines)
}

/// A time of day, to the ms.
pub fn clock(app: &App, monotonic_ns: u64) -> String {
    words::moment(app, monotonic_ns, "%H:%M:%S.%3f")
}

#[cfg(test)]
mod tests {
    use super::waiting_now;

    #[test]
    fn one_thread_waits_and_several_wait() {
        let said = [0, 1, 2].map(waiting_now);
        assert_eq!(said, ["0 threads wait now", "1 thread waits now", "2 threads wait now"]);
    }
}
