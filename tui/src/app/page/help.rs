//! The help: what is shown, and the keys out of their one table.

use super::{PageLine, heading, plain};
use crate::app::keymap::{BINDINGS, Binding, Context};
use crate::probes::PROBES;

/// A section of the keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Panes,
    Time,
    Opens,
    Profile,
    Typing,
}

const SECTIONS: [Section; 5] =
    [Section::Panes, Section::Time, Section::Opens, Section::Profile, Section::Typing];

impl Section {
    fn title(self) -> &'static str {
        match self {
            Self::Panes => "Keys",
            Self::Time => "Keys of the timeline",
            Self::Opens => "Keys in the file opens",
            Self::Profile => "Keys in the CPU profile",
            Self::Typing => "Keys while a filter or a search is typed",
        }
    }

    fn of(binding: &Binding) -> Self {
        let meets = |context| binding.context.meets(context);
        if binding.action.is_of_time() {
            Self::Time
        } else if meets(Context::FILTER) && !meets(Context::PAGE) {
            Self::Typing
        } else if meets(Context::STREAM) && !meets(Context::TABLE) {
            Self::Opens
        } else if !meets(Context::TABLE) && !meets(Context::STREAM) && !meets(Context::FILTER) {
            Self::Profile
        } else {
            Self::Panes
        }
    }
}

/// What is on the screen, and the mouse.
pub(super) fn shown() -> Vec<PageLine> {
    let mut lines = vec![heading("What is shown")];
    for (number, probe) in (1..).zip(PROBES.iter().filter(|probe| !probe.title.is_empty())) {
        lines.push(plain(&format!("{number}"), format!("{}: {}", probe.title, probe.about)));
    }
    let also = [
        ("LIVE", "counters since the start, or since c was pressed; rates over the last second"),
        ("self, bpf", "what watching costs: share of one CPU, and of the whole machine"),
        ("lost 0", "what happened and is not on screen, all probes together; i says where"),
        ("· 2 stacks", "of waits and samples that are on screen, but without their stack"),
        ("kernel", "watches so many PIDs; the others cost next to nothing"),
        ("ERR", "red where more than half of the calls fail, and more than 10"),
        (
            "idle",
            "it only waited for work (poll, sleep, accept, wait): below a line, until you sort",
        ),
        ("DISK", "the part of BLOCKED in uninterruptible sleep (D state)"),
        (
            "timeline",
            "the highest rate in each column; ◆ here, ━ shown, [ ] range, ! events lost, ┄ · gap",
        ),
        ("(all)", "of the timeline: its curves are of all that was recorded, whatever the filter"),
        ("blocked", "seconds that waits which ended then had taken, a second"),
        ("†name", "the process has ended; after 30 s it is in the last row, with its sums"),
        ("?path", "relative, and its directory is not known"),
        ("path…", "longer than 4096 bytes, and cut"),
        ("name_[k]", "in a flame graph: kernel code; _[i]: inlined; …7 at the edge: narrow boxes"),
        ("[stack ends", "the rest of these stacks is missing, and why; i has how many"),
        ("[blocked: …", "with w: at the leaves, what threads waited for; else they ran"),
    ];
    lines.extend(also.map(|(label, about)| plain(label, about)));
    lines.extend([
        plain("", ""),
        heading("Mouse"),
        plain("click", "select; a column's head: sort; twice: open"),
        plain("wheel", "scroll; on the timeline: one batch back, on"),
        plain("timeline", "click: go there; drag: mark a range"),
        plain("Shift", "with it, the terminal's own selection works as ever"),
    ]);
    lines
}

/// What the keys do; those of the timeline first where that is on the screen.
pub(super) fn keys(timeline: bool) -> Vec<PageLine> {
    let mut lines = Vec::new();
    let mut sections = SECTIONS;
    sections.sort_by_key(|section| !(timeline && *section == Section::Time));
    for section in sections {
        if !lines.is_empty() {
            lines.push(plain("", ""));
        }
        lines.push(heading(section.title()));
        let shown = BINDINGS.iter().filter(|b| !b.about.is_empty() && Section::of(b) == section);
        lines.extend(shown.map(|binding| plain(binding.label, binding.about)));
    }
    lines
}
