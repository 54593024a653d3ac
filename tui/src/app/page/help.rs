//! The help: what is shown, and the keys out of their one table.

use super::{PageLine, heading, plain};
use crate::app::keymap::{BINDINGS, Binding, Context};
use crate::probes::PROBES;

/// A section of the keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Panes,
    Profile,
    Typing,
}

impl Section {
    fn title(self) -> &'static str {
        match self {
            Self::Panes => "Keys",
            Self::Profile => "Keys in the CPU profile",
            Self::Typing => "Keys while a filter or a search is typed",
        }
    }

    fn of(binding: &Binding) -> Self {
        let meets = |context| binding.context.meets(context);
        if meets(Context::FILTER) && !meets(Context::PAGE) {
            Self::Typing
        } else if !meets(Context::TABLE) && !meets(Context::STREAM) && !meets(Context::FILTER) {
            Self::Profile
        } else {
            Self::Panes
        }
    }
}

/// The lines of the help.
pub(super) fn lines() -> Vec<PageLine> {
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
        plain("lost", "what happened and is not on screen, in all probes together; i says where"),
        plain("kernel:", "how many PIDs the kernel lets through; the others cost next to nothing"),
        plain("?path", "relative, and its directory is not known"),
        plain("path…", "longer than 4096 bytes, and cut"),
    ]);
    for section in [Section::Panes, Section::Profile, Section::Typing] {
        lines.extend([plain("", ""), heading(section.title())]);
        let shown = BINDINGS.iter().filter(|b| !b.about.is_empty() && Section::of(b) == section);
        lines.extend(shown.map(|binding| plain(binding.label, binding.about)));
    }
    lines.push(plain("Mouse", "click: select; double click: open; wheel: scroll; click a head: sort; with Shift the terminal's own selection works as ever"));
    lines
}
