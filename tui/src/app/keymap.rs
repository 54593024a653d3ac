//! The one table of keys. What a key does, the footer and the help all come from it.

use super::line::Edit;
use super::table::Move;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// End the program.
    Quit,
    /// Stop the program as Ctrl-Z does in a shell.
    Suspend,
    /// Show the help.
    Help,
    /// Focus the pane after this one.
    FocusNext,
    /// Focus the pane before this one.
    FocusPrevious,
    /// Focus the pane with this index.
    Focus(usize),
    /// Show what was lost, and what watching costs.
    Health,
    /// Go into what is selected.
    Enter,
    /// Go back.
    Back,
    /// Give the focused pane the whole screen, or take it back.
    Maximize,
    /// Move the cursor up or down.
    Go(Move),
    /// Move to the left: the pane there, or the box there.
    Left,
    /// Move to the right.
    Right,
    /// Type a filter.
    Filter,
    /// Filter to the selected process.
    FilterSelected,
    /// Take the filter away.
    FilterClear,
    /// Sort by the next column.
    SortNext,
    /// Sort in the other order.
    SortReverse,
    /// Stand still, or go on.
    Pause,
    /// Set the counters to zero.
    Clear,
    /// Write the flame graph to a file.
    Export,
    /// Change between flame graph and top functions.
    Functions,
    /// Change between CPU profile and wall-clock time.
    Wall,
    /// Show only the opens that failed, or all again.
    FailedOnly,
    /// Type what to search for.
    Search,
    /// To the next match.
    SearchNext,
    /// To the match before.
    SearchPrevious,
    /// Go by so many batches on the timeline.
    StepTime(i64),
    /// Jump on the timeline: forward or back.
    JumpTime(bool),
    /// Go to the start of the timeline.
    TimeStart,
    /// Go to its end; live: to what happens now.
    TimeEnd,
    /// Mark the start of a range.
    MarkStart,
    /// Mark the end of a range.
    MarkEnd,
    /// Play twice as fast.
    Faster,
    /// Play half as fast.
    Slower,
    /// Start recording to a file, or end it.
    Record,
    /// Write what is kept of the past to a file.
    SaveHistory,
    /// Keep the line that was typed.
    LineAccept,
    /// Take back what was typed.
    LineCancel,
    /// Change the line that is typed.
    LineEdit(Edit),
}

/// What has the keys: bits, for a binding may work in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(u8);

impl Context {
    /// A table.
    pub const TABLE: Self = Self(1);
    /// The stream of opens.
    pub const STREAM: Self = Self(2);
    /// A flame graph.
    pub const FLAME: Self = Self(4);
    /// The top functions.
    pub const FUNCTIONS: Self = Self(8);
    /// The line in which a filter is typed.
    pub const FILTER: Self = Self(16);
    /// The line in which a search is typed.
    pub const SEARCH: Self = Self(32);
    /// A page of text over the panes: help, a stack.
    pub const PAGE: Self = Self(64);

    const TABLES: Self = Self(1 + 2);
    const PROFILE: Self = Self(4 + 8);
    const PANES: Self = Self(1 + 2 + 4 + 8);
    const LINES: Self = Self(16 + 32);
    const SORTED: Self = Self(1 + 8);
    const BROWSED: Self = Self(1 + 2 + 4 + 8 + 64);
    const ANY: Self = Self(127);

    /// Whether one is in the other.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A key with its modifiers. Shift counts only where a key has no other sign for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    control: bool,
}

const fn key(code: KeyCode) -> Key {
    Key { code, control: false }
}

const fn char(c: char) -> Key {
    key(KeyCode::Char(c))
}

const fn control(c: char) -> Key {
    Key { code: KeyCode::Char(c), control: true }
}

/// One row of the table: some keys and what they do.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys.
    pub keys: &'static [Key],
    /// What they do.
    pub action: Action,
    /// Where they work.
    pub context: Context,
    /// The keys as the footer and the help name them; empty: named by the row before.
    pub label: &'static str,
    /// What they do in a word or two, for the footer; empty: not in the footer.
    pub short: &'static str,
    /// What they do, for the help.
    pub about: &'static str,
}

const fn bind(
    keys: &'static [Key],
    action: Action,
    context: Context,
    label: &'static str,
    short: &'static str,
    about: &'static str,
) -> Binding {
    Binding { keys, action, context, label, short, about }
}

/// All keys, in the order in which the footer and the help name them.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = &[
    bind(&[control('c')], Action::Quit, Context::ANY, "", "", ""),

    bind(&[key(KeyCode::Enter)], Action::LineAccept, Context::LINES, "Enter", "keep", "keep what was typed"),
    bind(&[key(KeyCode::Esc)], Action::LineCancel, Context::LINES, "Esc", "restore", "back to what was before"),
    bind(&[key(KeyCode::Backspace), control('h')], Action::LineEdit(Edit::Backspace), Context::LINES, "", "", ""),
    bind(&[key(KeyCode::Delete), control('d')], Action::LineEdit(Edit::Delete), Context::LINES, "", "", ""),
    bind(&[control('u')], Action::LineEdit(Edit::DeleteToStart), Context::LINES, "Ctrl-U", "erase", "erase to the start of the line"),
    bind(&[control('w')], Action::LineEdit(Edit::DeleteWord), Context::LINES, "Ctrl-W", "erase word", "erase a word"),
    bind(&[key(KeyCode::Left), control('b')], Action::LineEdit(Edit::Left), Context::LINES, "", "", ""),
    bind(&[key(KeyCode::Right), control('f')], Action::LineEdit(Edit::Right), Context::LINES, "", "", ""),
    bind(&[key(KeyCode::Home), control('a')], Action::LineEdit(Edit::Home), Context::LINES, "", "", ""),
    bind(&[key(KeyCode::End), control('e')], Action::LineEdit(Edit::End), Context::LINES, "", "", ""),

    bind(&[char('q')], Action::Quit, Context::BROWSED, "q", "quit", "quit (Ctrl-C works everywhere)"),
    bind(&[char('?'), key(KeyCode::F(1))], Action::Help, Context::BROWSED, "?", "help", "this help (also F1)"),
    bind(&[key(KeyCode::Esc)], Action::Back, Context::BROWSED, "Esc", "back", "back: unzoom, leave the process, close"),
    bind(&[key(KeyCode::Enter)], Action::Enter, Context::TABLES, "Enter", "open", "open: a process, then a call, open or wait"),
    bind(&[key(KeyCode::Enter)], Action::Enter, Context::FLAME, "Enter", "zoom", "zoom into the box; box of a process: open it"),
    bind(&[key(KeyCode::Enter)], Action::Enter, Context::FUNCTIONS, "Enter", "find", "find the function in the flame graph"),
    bind(&[key(KeyCode::Tab)], Action::FocusNext, Context::PANES, "Tab", "pane", "next pane (Shift-Tab: the one before)"),
    bind(&[key(KeyCode::BackTab)], Action::FocusPrevious, Context::PANES, "", "", ""),
    bind(&[char('/')], Action::Filter, Context::PANES, "/", "filter", "filter: nginx, pid:12, comm:ng*, !comm:cron"),
    bind(&[char('x')], Action::FailedOnly, Context::STREAM, "x", "failed only", "only the opens that failed, or all again"),
    bind(&[char('t')], Action::Functions, Context::PROFILE, "t", "flame/top", "flame graph or top functions"),
    bind(&[char('w')], Action::Wall, Context::PROFILE, "w", "wall clock", "all time of threads: running, for a CPU, blocked"),
    bind(&[char('\\'), control('f')], Action::Search, Context::PROFILE, "\\", "search", "search functions (also Ctrl-F)"),
    bind(&[char('n')], Action::SearchNext, Context::PROFILE, "n/N", "match", "next match, match before"),
    bind(&[char('N')], Action::SearchPrevious, Context::PROFILE, "", "", ""),
    bind(&[char('f')], Action::FilterSelected, Context::PANES, "f", "only this", "filter to the selected process"),
    bind(&[char('F')], Action::FilterClear, Context::PANES, "F", "clear filter", "take the filter away"),
    bind(&[char('e')], Action::Export, Context::PANES, "e", "export", "write an SVG flame graph: off-CPU in pane 3, else pane 4's"),
    bind(&[char('z')], Action::Maximize, Context::PANES, "z", "maximize", "give this pane the whole screen, and back"),
    bind(&[char('s')], Action::SortNext, Context::SORTED, "s", "sort", "sort by the next column on screen"),
    bind(&[char('r')], Action::SortReverse, Context::SORTED, "r", "reverse", "sort in the other order"),
    bind(&[char(' ')], Action::Pause, Context::PANES, "Space", "pause", "live: stand still, watching goes on; past: play, pause"),
    bind(&[char(',')], Action::StepTime(-1), Context::PANES, ", .", "step", "one batch back, one on"),
    bind(&[char('.')], Action::StepTime(1), Context::PANES, "", "", ""),
    bind(&[char('<')], Action::JumpTime(false), Context::PANES, "< >", "10 s", "10 s back, 10 s on; live: into what is kept of the past"),
    bind(&[char('>')], Action::JumpTime(true), Context::PANES, "", "", ""),
    bind(&[char('[')], Action::MarkStart, Context::PANES, "[ ]", "range", "start, end of a range: all panes show only that"),
    bind(&[char(']')], Action::MarkEnd, Context::PANES, "", "", ""),
    bind(&[key(KeyCode::Home)], Action::TimeStart, Context::PANES, "Home", "start", "the start, of the range where there is one"),
    bind(&[key(KeyCode::End)], Action::TimeEnd, Context::PANES, "End", "end", "the end; live: back to now"),
    bind(&[char('+'), char('=')], Action::Faster, Context::PANES, "+ -", "speed", "play twice as fast, half as fast"),
    bind(&[char('-')], Action::Slower, Context::PANES, "", "", ""),
    bind(&[char('R')], Action::Record, Context::PANES, "R", "record", "record to a file in this folder; again: end that"),
    bind(&[char('W')], Action::SaveHistory, Context::PANES, "W", "save past", "write what is kept of the past to a file"),
    bind(&[char('c')], Action::Clear, Context::PANES, "c", "clear", "set all counters to zero; in the past: count from here"),
    bind(&[char('H'), char('i')], Action::Health, Context::BROWSED, "H", "health", "health: what was lost, what watching costs"),
    bind(&[control('z')], Action::Suspend, Context::ANY, "Ctrl-Z", "", "suspend; fg brings it back"),
    bind(&[char('1')], Action::Focus(0), Context::PANES, "1-4", "", "that pane"),
    bind(&[char('2')], Action::Focus(1), Context::PANES, "", "", ""),
    bind(&[char('3')], Action::Focus(2), Context::PANES, "", "", ""),
    bind(&[char('4')], Action::Focus(3), Context::PANES, "", "", ""),
    bind(&[key(KeyCode::Up), char('k')], Action::Go(Move::Lines(-1)), Context::BROWSED, "↑↓ kj", "", "up, down"),
    bind(&[key(KeyCode::Down), char('j')], Action::Go(Move::Lines(1)), Context::BROWSED, "", "", ""),
    bind(&[key(KeyCode::Left), char('h')], Action::Left, Context::PANES, "←→ hl", "", "pane, or box of the flame graph, beside"),
    bind(&[key(KeyCode::Right), char('l')], Action::Right, Context::PANES, "", "", ""),
    bind(&[key(KeyCode::PageUp), control('b')], Action::Go(Move::Halves(-2)), Context::BROWSED, "PgUp PgDn", "", "a page up, down"),
    bind(&[key(KeyCode::PageDown)], Action::Go(Move::Halves(2)), Context::BROWSED, "", "", ""),
    bind(&[control('u')], Action::Go(Move::Halves(-1)), Context::BROWSED, "Ctrl-U/D", "", "half a page up, down"),
    bind(&[control('d')], Action::Go(Move::Halves(1)), Context::BROWSED, "", "", ""),
    bind(&[char('g')], Action::Go(Move::Top), Context::BROWSED, "g G", "", "first, last; G follows new opens again"),
    bind(&[char('G')], Action::Go(Move::Bottom), Context::STREAM, "G", "follow", ""),
    bind(&[char('G')], Action::Go(Move::Bottom), Context::BROWSED, "", "", ""),
    bind(&[key(KeyCode::Home)], Action::Go(Move::Top), Context::PAGE, "", "", ""),
    bind(&[key(KeyCode::End)], Action::Go(Move::Bottom), Context::PAGE, "", "", ""),
];

impl Action {
    /// Whether it is about the timeline.
    pub fn is_of_time(self) -> bool {
        use Action::{
            Faster, JumpTime, MarkEnd, MarkStart, Pause, Record, SaveHistory, Slower, StepTime,
            TimeEnd, TimeStart,
        };
        let marks = matches!(self, MarkStart | MarkEnd | Record | SaveHistory);
        let moves = matches!(self, Pause | StepTime(_) | JumpTime(_) | TimeStart | TimeEnd);
        marks || moves || matches!(self, Faster | Slower)
    }
}

/// What a key does in a context.
pub fn action(event: &KeyEvent, context: Context) -> Option<Action> {
    let pressed =
        Key { code: event.code, control: event.modifiers.contains(KeyModifiers::CONTROL) };
    let bound = BINDINGS
        .iter()
        .find(|binding| binding.context.meets(context) && binding.keys.contains(&pressed))
        .map(|binding| binding.action);
    let typing = context.meets(Context::LINES);
    match (bound, event.code) {
        (Some(action), _) => Some(action),
        (None, KeyCode::Char(c))
            if typing && event.modifiers.difference(KeyModifiers::SHIFT).is_empty() =>
        {
            Some(Action::LineEdit(Edit::Insert(c)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_bound_twice_in_one_context() {
        for bit in 0..7 {
            let context = Context(1 << bit);
            let mut seen: Vec<(Key, Action)> = Vec::new();
            for binding in BINDINGS.iter().filter(|b| b.context.meets(context)) {
                for key in binding.keys {
                    let other = seen.iter().find(|(k, a)| k == key && *a != binding.action);
                    assert_eq!(other, None, "{key:?} in {context:?}");
                    seen.push((*key, binding.action));
                }
            }
        }
    }

    #[test]
    fn letters_are_text_where_text_is_typed() {
        let q = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(action(&q, Context::FILTER), Some(Action::LineEdit(Edit::Insert('q'))));
        assert_eq!(action(&q, Context::TABLE), Some(Action::Quit));
        let alt = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT);
        assert_eq!(action(&alt, Context::FILTER), None);
    }
}
