//! What a writer has told since the last key: strings, frames, stacks. Each is told once, and
//! referred to by number from then on.

use super::budget;
use super::column::{put, put_delta};
use super::limits::{STACK_MAX, STRING_MAX, WORDS_MAX};
use super::messages;
use crate::source::{Frame, FrameKind, StackId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use std::sync::Arc;

/// Ends the frames of a stack that has more than [`STACK_MAX`].
const STACK_CUT: &str = "[cut: the stack is deeper than a capture holds]";

/// A string as a capture can hold it.
pub fn clip(text: &str) -> Cow<'_, str> {
    if text.len() <= STRING_MAX {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(STRING_MAX - '…'.len_utf8());
    Cow::Owned(format!("{}…", &text[..end]))
}

/// All that was told.
#[derive(Debug, Default)]
pub struct Telling {
    strings: Strings,
    frames: Frames,
    nodes: Nodes,
    /// Numbers of PIDs, in this frame only.
    pids: Table,
    /// Numbers of stack ids, in this frame only.
    stack_ids: Table,
    /// Stacks whose frames were told.
    pub stacks: FxHashSet<StackId>,
}

impl Telling {
    /// Memory that a reader needs for all of it, in bytes.
    pub fn cost(&self) -> u64 {
        self.strings.cost
            + 128 * self.frames.numbers.len() as u64
            + 16 * self.nodes.numbers.len() as u64
    }
}

impl Telling {
    /// The number of a string.
    pub fn string(&mut self, text: &str) -> u64 {
        self.strings.number(text)
    }

    /// The number of a string that may be missing: 0 when it is.
    pub fn optional(&mut self, text: Option<&str>) -> u64 {
        text.map_or(0, |text| self.strings.number(text) + 1)
    }

    /// The numbers of a command line's words; none when it is empty.
    pub fn words(&mut self, text: &str, words: &mut Vec<u8>) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let text = clip(text);
        let numbers = text.splitn(WORDS_MAX, ' ').map(|word| self.strings.number(word));
        numbers.map(|number| put(words, number)).count() as u64
    }

    /// The number of a PID.
    pub fn pid(&mut self, pid: u32) -> u64 {
        self.pids.number(pid)
    }

    /// The number of a stack's id.
    pub fn stack_id(&mut self, id: StackId) -> u64 {
        self.stack_ids.number(id.0)
    }

    /// The number of the node that stands for these frames, leaf first.
    pub fn node(&mut self, frames: &[Arc<Frame>]) -> u64 {
        let cut = frames.len() > STACK_MAX;
        let kept = &frames[..if cut { STACK_MAX - 1 } else { frames.len() }];
        let note = cut.then(|| Arc::new(Frame::note(STACK_CUT)));
        let mut node = 0;
        for frame in note.iter().chain(kept.iter().rev()) {
            let frame = self.frames.number(frame, &mut self.strings);
            node = self.nodes.number(node, frame);
        }
        node
    }

    /// Bytes of what is new in this frame, about.
    pub fn raw_len(&self) -> usize {
        let (strings, frames, nodes) = (&self.strings.new, &self.frames.new, &self.nodes.new);
        strings.text.len()
            + 2 * strings.length.len()
            + 7 * frames.flags.len()
            + nodes.above.len()
            + nodes.frame.len()
            + self.pids.column.len()
            + self.stack_ids.column.len()
    }

    /// Moves what is new in this frame into its body.
    pub fn finish_frame(&mut self, body: &mut messages::Body) {
        let strings =
            messages::Strings { first: self.strings.numbers.len() as u64, ..Default::default() };
        body.strings = std::mem::replace(&mut self.strings.new, strings);
        let frames =
            messages::Frames { first: self.frames.numbers.len() as u64, ..Default::default() };
        body.frames = std::mem::replace(&mut self.frames.new, frames);
        let nodes =
            messages::Nodes { first: self.nodes.numbers.len() as u64, ..Default::default() };
        body.nodes = std::mem::replace(&mut self.nodes.new, nodes);
        body.pids = std::mem::take(&mut self.pids).column;
        body.stack_ids = std::mem::take(&mut self.stack_ids).column;
    }
}

#[derive(Debug, Default)]
struct Strings {
    numbers: FxHashMap<Box<str>, u64>,
    new: messages::Strings,
    cost: u64,
}

impl Strings {
    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let clipped = clip(text);
        if let Cow::Owned(clipped) = &clipped
            && let Some(number) = self.numbers.get(clipped.as_str())
        {
            return *number;
        }
        let (directory, rest) = split(&clipped);
        let directory = if directory.is_empty() { 0 } else { self.number(directory) + 1 };
        put(&mut self.new.directory, directory);
        put(&mut self.new.length, rest.len() as u64);
        self.new.text.extend_from_slice(rest.as_bytes());
        self.cost += budget::of_string(&clipped);
        let number = self.numbers.len() as u64;
        self.numbers.insert(clipped.into(), number);
        number
    }
}

/// The directory of a path, with its slash, and the rest. What ends in a slash has none.
fn split(text: &str) -> (&str, &str) {
    match text.rfind('/') {
        Some(slash) if slash > 0 && slash + 1 < text.len() => text.split_at(slash + 1),
        _ => ("", text),
    }
}

#[derive(Debug, Default)]
struct Frames {
    numbers: FxHashMap<Arc<Frame>, u64>,
    new: messages::Frames,
}

impl Frames {
    fn number(&mut self, frame: &Arc<Frame>, strings: &mut Strings) -> u64 {
        if let Some(number) = self.numbers.get(frame) {
            return *number;
        }
        let kind = match frame.kind {
            FrameKind::Kernel => 0,
            FrameKind::User => 1,
            FrameKind::Note => 2,
            FrameKind::End => 3,
        };
        let mut optional =
            |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| strings.number(text) + 1);
        let new = &mut self.new;
        put(&mut new.module, optional(&frame.module));
        put(&mut new.build_id, optional(&frame.build_id));
        put(&mut new.file, optional(&frame.file));
        // Of an address without a function name, the name says the offset once more: each is of its own.
        let label = frame.name.strip_suffix(&format!("+{:#x}", frame.offset));
        put(&mut new.name, strings.number(label.unwrap_or(&frame.name)));
        put(&mut new.offset, frame.offset);
        put(&mut new.line, frame.line.map_or(0, |line| u64::from(line) + 1));
        let flags = [frame.inlined, frame.resolved, label.is_some()];
        let bits = (2..).zip(flags).map(|(bit, flag)| u64::from(flag) << bit);
        put(&mut new.flags, kind | bits.sum::<u64>());
        let number = self.numbers.len() as u64;
        self.numbers.insert(Arc::clone(frame), number);
        number
    }
}

/// Stacks as a tree that grows from the root: most stacks differ only near the leaf. Node 0 is the
/// empty stack.
#[derive(Debug, Default)]
struct Nodes {
    numbers: FxHashMap<(u64, u64), u64>,
    new: messages::Nodes,
}

impl Nodes {
    fn number(&mut self, above: u64, frame: u64) -> u64 {
        let next = self.numbers.len() as u64 + 1;
        *self.numbers.entry((above, frame)).or_insert_with(|| {
            put(&mut self.new.above, next - 1 - above);
            put(&mut self.new.frame, frame);
            next
        })
    }
}

/// Numbers in the order of their first use.
#[derive(Debug, Default)]
struct Table {
    numbers: FxHashMap<u32, u64>,
    column: Vec<u8>,
    last: u64,
}

impl Table {
    fn number(&mut self, value: u32) -> u64 {
        let next = self.numbers.len() as u64;
        *self.numbers.entry(value).or_insert_with(|| {
            put_delta(&mut self.column, &mut self.last, u64::from(value));
            next
        })
    }
}
