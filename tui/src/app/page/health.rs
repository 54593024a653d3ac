//! The page about what was lost and what watching costs; of a capture, also what it says of itself.

use super::{PageLine, heading, plain};
use crate::app::App;
use crate::app::time::{Replayed, words};
use crate::history::Losses;
use crate::model::StackEnds;
use crate::source::{Health, ProbeStatus, StackEnd};
use crate::text;

/// Its lines.
pub(super) fn lines(app: &App) -> Vec<PageLine> {
    let health = &app.health_model().health;
    let mut lines = Vec::new();
    if let Some(replayed) = &app.time.replayed {
        lines.extend(capture(app, replayed));
        lines.extend([plain("", ""), heading("what the recording cost")]);
    }
    let unmeasured = if app.time.is_chosen() { "not measured" } else { "not measured yet" };
    let bpf = health.overhead.bpf_share.map_or(unmeasured.to_owned(), text::percent);
    let own = text::percent(health.overhead.self_cpu);
    lines.extend(table(health));
    lines.extend([
        plain("self", format!("{own} of one CPU: reading, symbols, screen")),
        plain("bpf", format!("{bpf} of the machine: the BPF programs in the kernel")),
        plain("", ""),
        heading("reading"),
    ]);
    let model = app.health_model();
    if model.since_ns > model.watched.start_ns {
        let of_all = "from the first reading on; the header counts what is shown";
        lines.push(plain("counts", of_all));
    }
    match shortfalls(&health.shortfalls()) {
        wrong if wrong.is_empty() => lines.push(plain(" ", "nothing went wrong")),
        wrong => lines.extend(wrong),
    }
    lines.extend(stacks(app));
    for probe in &health.probes {
        lines.extend([plain("", ""), heading(probe.name)]);
        if let ProbeStatus::Off(reason) = &probe.status {
            lines.push(plain("off", reason));
            continue;
        }
        lines.push(counted("seen", probe.events, "events"));
        lines.push(counted("lost", probe.lost(), "events"));
        lines.extend(shortfalls(&probe.shortfalls()));
    }
    lines
}

/// What each probe saw, what came of it, and what it costs.
fn table(health: &Health) -> Vec<PageLine> {
    let mut lines = vec![heading("probes"), plain(" ", text::HEALTH_HEAD)];
    for (probe, (name, numbers)) in health.probes.iter().zip(text::health_rows(health)) {
        lines.push(plain(name, numbers));
        lines.extend(probe.sparing().map(|what| plain(" ", format!("sparing for budget: {what}"))));
    }
    lines.push(plain("", ""));
    lines
}

/// How the stacks of all samples ended, and what they are walked with.
fn stacks(app: &App) -> Vec<PageLine> {
    let model = app.health_model();
    let ends = StackEnds::of(model, |_| true);
    let Some(share) = ends.complete_share() else { return Vec::new() };
    let samples = text::count(ends.samples);
    let whole =
        format!("{} of {samples} samples: to the start of the thread", text::percent(share));
    let mut lines =
        vec![plain("", ""), heading("stacks of the CPU profile"), plain("complete", whole)];
    for end in StackEnd::ALL.into_iter().filter(|end| ends.ended(*end) > 0) {
        if let Some(note) = end.note() {
            lines.push(counted("cut", ends.ended(end), note));
        }
    }
    if ends.unknown > 0 {
        lines.push(counted("unknown", ends.unknown, "lost, or still being looked up"));
    }
    let unwind = &model.health.unwind;
    if unwind.tables > 0 {
        let bytes = text::bytes(unwind.bytes);
        let tables = format!("{} of {bytes}, of the files whose code runs", unwind.tables);
        lines.push(plain("tables", tables));
    }
    lines
}

/// What there is of it; without labels, for it belongs to the line above.
fn shortfalls(all: &[(u64, &str)]) -> Vec<PageLine> {
    let short = all.iter().filter(|(count, _)| *count > 0);
    short.map(|(count, what)| counted(" ", *count, what)).collect()
}

/// Counts below each other, their ends in one column.
fn counted(label: &str, count: u64, what: &str) -> PageLine {
    plain(label, format!("{:>5} {what}", text::count(count)))
}

/// What a capture says about itself, and what is wrong with it.
fn capture(app: &App, replayed: &Replayed) -> Vec<PageLine> {
    let Replayed { name, header, .. } = replayed;
    let watched = &header.watched;
    let timeline = &app.time.timeline;
    let (start_ns, end_ns) = (timeline.time_at(timeline.first()), timeline.time_at(timeline.end()));
    let from = words::moment(app, start_ns, "%F %T");
    let until = words::moment(app, end_ns, "%F %T %Z");
    let plural = if watched.cpus == 1 { "" } else { "s" };
    let host = format!(
        "{}, Linux {} {}, {} CPU{plural}",
        watched.host, watched.kernel, watched.arch, watched.cpus
    );
    let batches = format!(
        "{}, {} batches, one every {}",
        text::duration(end_ns.saturating_sub(start_ns)),
        timeline.iter().len(),
        text::duration(header.interval_ns),
    );
    let filter = match header.filter.trim() {
        "" => "none at the start: every process".to_owned(),
        filter => format!("{filter} (at the start): nothing else was recorded"),
    };
    let cmdlines = if header.cmdlines { "recorded" } else { "left out" };
    let mut lines = vec![
        heading("capture"),
        plain("file", name),
        plain("host", host),
        plain("time", format!("{from} to {until}")),
        plain(" ", batches),
        plain("recorder", format!("syscope {}", header.recorder)),
    ];
    if !header.called.is_empty() {
        lines.push(plain("called", header.called.join(" ")));
    }
    lines.push(plain("filter", filter));
    lines.push(plain("commands", format!("command lines of processes are {cmdlines}")));
    let wrong = wrong(replayed);
    match wrong.is_empty() {
        true => lines.push(plain("state", "complete")),
        false => lines.extend(wrong.into_iter().map(|(label, what)| plain(label, what))),
    }
    lines
}

/// What is missing in a capture, and why.
fn wrong(replayed: &Replayed) -> Vec<(&'static str, String)> {
    let Replayed { complete, cut_bytes, damaged, damaged_bytes, left_out, losses, .. } = replayed;
    let mut wrong = Vec::new();
    match (cut_bytes, complete) {
        (1.., _) => {
            let bytes = text::bytes(*cut_bytes);
            let what = format!("the last {bytes} are no whole frame; what came there is missing");
            wrong.push(("cut", what));
        }
        (0, false) => {
            let what = "the recording was not ended in an orderly way: what came later is missing";
            wrong.push(("not ended", what.to_owned()));
        }
        (0, true) => {}
    }
    if *damaged > 0 {
        let bytes = text::bytes(*damaged_bytes);
        wrong.push(("damaged", format!("{damaged} stretches, {bytes}: they are left out")));
    }
    if *left_out > 0 {
        let left_out = text::count(*left_out);
        let what = format!("{left_out} opens and others when it was recorded: too much at once");
        wrong.push(("left out", what));
    }
    let Losses { frames, batches, unknown, reason } = losses;
    if *frames > 0 {
        let reason = reason.as_deref().unwrap_or("");
        let what = format!("{frames} frames so far, with {batches} batches: {reason}");
        wrong.push(("damaged", what));
    }
    if *unknown > 0 {
        let what =
            format!("{} names and stacks so far: told where it is damaged", text::count(*unknown));
        wrong.push(("unknown", what));
    }
    wrong
}
