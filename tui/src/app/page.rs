//! A page of text over the panes: the help, a stack, all about an open or a call.

use super::derive;
use super::keymap::{BINDINGS, Binding, Context};
use super::state::App;
use super::table::Move;
use crate::model::{CallStats, Model, OpenRow, Place, ProcKey};
use crate::probes::PROBES;
use crate::source::{Frame, WaitState};
use crate::text;
use syscope_shared::hist;
use unicode_segmentation::UnicodeSegmentation;

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The program.
    Help,
    /// A system call of a process, by number.
    Call(ProcKey, u32),
    /// A place where a process waits.
    Place(ProcKey, Place),
    /// A file open, by number.
    Open(u64),
}

/// How a line of a page is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Begins a section.
    Heading,
    /// Less important than the others.
    Quiet,
}

/// One line of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageLine {
    /// How it is meant.
    pub tone: Tone,
    /// A word that names it, shown in a column of its own.
    pub label: String,
    /// The text, not yet made safe.
    pub text: String,
}

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// What it is about.
    pub subject: Subject,
    /// Its title.
    pub title: String,
    /// Its lines, wrapped to the width of the page.
    pub lines: Vec<PageLine>,
    /// Index of the first visible line.
    pub scroll: usize,
    height: usize,
}

/// Width of the column of labels, the gap included.
pub const LABEL_WIDTH: usize = 12;

impl Page {
    /// A page that is not filled yet.
    pub fn new(subject: Subject) -> Self {
        Self { subject, title: String::new(), lines: Vec::new(), scroll: 0, height: 0 }
    }

    /// Scrolls.
    pub fn go(&mut self, step: Move) {
        let half = (self.height / 2).max(1) as isize;
        self.scroll = match step {
            Move::Lines(lines) => self.scroll.saturating_add_signed(lines),
            Move::Halves(halves) => self.scroll.saturating_add_signed(halves * half),
            Move::Top => 0,
            Move::Bottom => usize::MAX,
        };
        self.clamp();
    }

    fn clamp(&mut self) {
        self.scroll = self.scroll.min(self.lines.len().saturating_sub(self.height));
    }

    /// Fills the page with what is known now.
    pub(super) fn refresh(&mut self, app: &App) {
        let screen = app.layout.screen;
        // The frame around it takes a line and two columns on each side.
        self.height = usize::from(screen.height.saturating_sub(2));
        let width = usize::from(screen.width.saturating_sub(4));
        let (title, lines) = match self.subject {
            Subject::Help => ("Help".to_owned(), help()),
            Subject::Call(key, nr) => call(app.model(), key, nr),
            Subject::Place(key, place) => self::place(app.model(), key, &place),
            Subject::Open(number) => match derive::opens::open(app.model(), number) {
                Some(row) => open(app, row),
                None => ("Open".to_owned(), vec![plain("", "this open is no longer kept")]),
            },
        };
        self.title = title;
        self.lines = lines.into_iter().flat_map(|line| wrap(line, width)).collect();
        self.clamp();
    }
}

fn plain(label: &str, text: impl Into<String>) -> PageLine {
    PageLine { tone: Tone::Plain, label: label.to_owned(), text: text.into() }
}

fn quiet(text: impl Into<String>) -> PageLine {
    PageLine { tone: Tone::Quiet, label: String::new(), text: text.into() }
}

fn heading(text: &str) -> PageLine {
    PageLine { tone: Tone::Heading, label: String::new(), text: text.to_owned() }
}

/// Breaks a line into as many as the width asks for: at blanks where there are, else anywhere.
fn wrap(line: PageLine, width: usize) -> Vec<PageLine> {
    let indent = if line.label.is_empty() { 0 } else { LABEL_WIDTH };
    let room = width.saturating_sub(indent).max(1);
    let mut lines: Vec<PageLine> = Vec::new();
    let safe = text::visible(&line.text).into_owned();
    for part in wrap_text(&safe, room) {
        let label = match lines.is_empty() {
            true => line.label.clone(),
            false if indent > 0 => " ".to_owned(),
            false => String::new(),
        };
        lines.push(PageLine { tone: line.tone, label, text: part });
    }
    lines
}

/// Breaks safe text at blanks where there are, else anywhere.
pub fn wrap_text(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_word_bounds() {
        let width = text::width(word);
        if used + width > columns && used > 0 && (width <= columns || word.trim().is_empty()) {
            lines.push(String::new());
            used = 0;
            if word.trim().is_empty() {
                continue;
            }
        }
        for grapheme in word.graphemes(true) {
            let width = text::width(grapheme);
            if used + width > columns && used > 0 {
                lines.push(String::new());
                used = 0;
            }
            lines.last_mut().expect("one at least").push_str(grapheme);
            used += width;
        }
    }
    lines
}

fn name(model: &Model, key: ProcKey) -> String {
    format!("{} ({})", derive::comm(model, key), key.pid)
}

fn help() -> Vec<PageLine> {
    let mut lines = vec![heading("What is shown")];
    for (number, probe) in (1..).zip(PROBES.iter().filter(|probe| !probe.title.is_empty())) {
        lines.push(plain(&format!("{number}"), format!("{}: {}", probe.title, probe.about)));
    }
    lines.extend([
        plain(
            "LIVE",
            "counters since the start, or since c was pressed; rates over the last second",
        ),
        plain("self, bpf", "what watching costs: share of one CPU, and of the whole machine"),
        plain("lost", "what happened and is not on screen, in all probes together"),
        plain("kernel:", "how many PIDs the kernel lets through; the others cost next to nothing"),
        plain("?path", "relative, and its directory is not known"),
        plain("path…", "longer than 4096 bytes, and cut"),
    ]);
    let sections: [(&str, fn(&Binding) -> bool); 3] = [
        ("Keys", |b| !in_profile_only(b) && !in_lines_only(b)),
        ("Keys in the CPU profile", in_profile_only),
        ("Keys while a filter or a search is typed", in_lines_only),
    ];
    for (title, belongs) in sections {
        lines.extend([plain("", ""), heading(title)]);
        let shown = BINDINGS.iter().filter(|b| !b.about.is_empty() && belongs(b));
        lines.extend(shown.map(|binding| plain(binding.label, binding.about)));
    }
    lines.push(plain("Mouse", "click: select; double click: open; wheel: scroll; head: sort"));
    lines
}

fn in_lines_only(binding: &Binding) -> bool {
    binding.context.meets(Context::FILTER) && !binding.context.meets(Context::PAGE)
}

fn in_profile_only(binding: &Binding) -> bool {
    let profile =
        Context::FLAME.meets(binding.context) || Context::FUNCTIONS.meets(binding.context);
    profile && !Context::TABLE.meets(binding.context) && !Context::STREAM.meets(binding.context)
}

fn call(model: &Model, key: ProcKey, nr: u32) -> (String, Vec<PageLine>) {
    let title = format!("{} by {}", text::syscall_name(nr), name(model, key));
    let Some(stats) = model.syscalls.of(key).and_then(|calls| calls.by_nr.get(&nr)) else {
        return (title, vec![plain("", "no calls since the counters were cleared")]);
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
        return vec![quiet("no call has returned yet")];
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
        plain("state", state_name(place.state)),
        plain("blocked", text::duration(stats.blocked_ns)),
        plain("runqueue", format!("{} waiting for a CPU", text::duration(stats.runqueue_ns))),
        plain("waits", format!("{} ended, {} threads wait now", stats.waits, stats.waiting)),
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

/// A frame in one line: name, module, source.
pub fn frame_line(frame: &Frame) -> String {
    let mut line = frame.name.clone();
    if frame.inlined {
        line.push_str(" (inlined)");
    }
    if let Some(module) = frame.module.as_deref().filter(|_| frame.resolved) {
        line.push_str(&format!("  {module}"));
    }
    if let Some(file) = &frame.file {
        line.push_str(&format!("  {file}"));
        if let Some(number) = frame.line {
            line.push_str(&format!(":{number}"));
        }
    }
    line
}

/// What a thread in this state waits for.
pub fn state_name(state: WaitState) -> &'static str {
    match state {
        WaitState::Runnable => "runnable",
        WaitState::Interruptible => "sleep",
        WaitState::Uninterruptible => "disk sleep",
        WaitState::Stopped => "stopped",
        WaitState::Idle => "idle",
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
        plain("flags", text::open_flags(event.flags)),
        plain("mode", format!("{:04o}", event.mode)),
        plain("began", clock(app, event.time_ns)),
        plain("took", text::duration(event.duration_ns)),
        plain("thread", format!("{} ({})", event.comm, event.tid)),
    ]);
    (title, lines)
}

/// A time of day, to the ms.
pub fn clock(app: &App, monotonic_ns: u64) -> String {
    let offset = app.model().watched.realtime_offset_ns;
    let real = i128::from(monotonic_ns) + i128::from(offset);
    match jiff::Timestamp::from_nanosecond(real) {
        Ok(time) => time.to_zoned(app.time_zone.clone()).strftime("%H:%M:%S.%3f").to_string(),
        Err(_) => "?".to_owned(),
    }
}
