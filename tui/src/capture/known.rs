//! What a reader was told since the last key.

use super::Damage;
use super::budget::{self, Budget};
use super::column::{Column, all_read};
use super::limits::{DICTIONARY_MAX, STACK_MAX};
use super::messages;
use crate::source::{Frame, FrameKind, StackId};
use std::sync::Arc;

/// Stands for a name that was told in a frame that is missing.
pub const LOST: &str = "[lost: damaged part of the capture]";

/// All that was told, and the numbers of this frame.
#[derive(Debug)]
pub struct Known {
    strings: Told<Arc<str>>,
    frames: Told<Arc<Frame>>,
    nodes: Told<Node>,
    pids: Vec<u32>,
    pub stack_ids: Vec<StackId>,
    /// What decoding this frame may still take.
    pub budget: Budget,
    /// Memory of the dictionaries, in bytes.
    size: u64,
    /// References to what was not told.
    pub unknown: u64,
    lost_string: Arc<str>,
    lost_frame: Arc<Frame>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    above: u64,
    frame: u64,
}

/// Where the dictionaries ended before a frame.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    strings: usize,
    frames: usize,
    nodes: usize,
    size: u64,
    unknown: u64,
}

impl Known {
    pub fn new() -> Self {
        Self {
            strings: Told::default(),
            frames: Told::default(),
            nodes: Told::default(),
            pids: Vec::new(),
            stack_ids: Vec::new(),
            budget: Budget::of_frame(),
            size: 0,
            unknown: 0,
            lost_string: Arc::from(LOST),
            lost_frame: Arc::new(Frame::note(LOST)),
        }
    }

    /// To be able to forget a frame.
    pub fn mark(&self) -> Mark {
        Mark {
            strings: self.strings.stretches.len(),
            frames: self.frames.stretches.len(),
            nodes: self.nodes.stretches.len(),
            size: self.size,
            unknown: self.unknown,
        }
    }

    /// Forgets what was told since.
    pub fn back_to(&mut self, mark: &Mark) {
        self.strings.stretches.truncate(mark.strings);
        self.frames.stretches.truncate(mark.frames);
        self.nodes.stretches.truncate(mark.nodes);
        self.size = mark.size;
        self.unknown = mark.unknown;
    }

    /// Takes in what a frame tells.
    pub fn learn(&mut self, body: &messages::Body) -> Result<(), Damage> {
        self.budget = Budget::of_frame();
        self.learn_strings(&body.strings)?;
        self.learn_frames(&body.frames)?;
        self.learn_nodes(&body.nodes)?;
        self.pids = self.table(&body.pids)?;
        self.stack_ids = self.table(&body.stack_ids)?.into_iter().map(StackId).collect();
        Ok(())
    }

    fn grow(&mut self, bytes: u64) -> Result<(), Damage> {
        self.size += bytes;
        self.budget.pay(bytes)?;
        let fits = self.size <= DICTIONARY_MAX;
        if fits { Ok(()) } else { Err(Damage("its names would take too much memory".to_owned())) }
    }

    fn learn_strings(&mut self, told: &messages::Strings) -> Result<(), Damage> {
        let mut directories = Column::new(&told.directory);
        let (mut lengths, mut text, mut new) =
            (Column::new(&told.length), &told.text[..], Vec::new());
        while !lengths.is_empty() {
            let length = usize::try_from(lengths.next()?).unwrap_or(usize::MAX);
            let (head, rest) = text
                .split_at_checked(length)
                .ok_or_else(|| Damage("a string is cut".to_owned()))?;
            let end = std::str::from_utf8(head)
                .map_err(|_| Damage("a string is not UTF-8".to_owned()))?;
            let directory = match directories.next()?.checked_sub(1) {
                Some(number) => self.directory(number, told.first, &new),
                None => Arc::from(""),
            };
            self.grow(budget::of_string(end) + directory.len() as u64)?;
            new.push(if directory.is_empty() {
                Arc::from(end)
            } else {
                format!("{directory}{end}").into()
            });
            text = rest;
        }
        all_read(&[directories])?;
        self.strings.append(told.first, new)
    }

    /// A string that begins others: of this frame or of one before.
    fn directory(&mut self, number: u64, first: u64, new: &[Arc<str>]) -> Arc<str> {
        let here =
            number.checked_sub(first).and_then(|index| new.get(usize::try_from(index).ok()?));
        match here {
            Some(string) => Arc::clone(string),
            None => self.shared(number),
        }
    }

    fn learn_frames(&mut self, told: &messages::Frames) -> Result<(), Damage> {
        let columns = [
            &told.flags,
            &told.name,
            &told.module,
            &told.build_id,
            &told.offset,
            &told.file,
            &told.line,
        ];
        let mut columns = columns.map(|column| Column::new(column));
        let mut new = Vec::new();
        while !columns[0].is_empty() {
            self.grow(128)?;
            let mut values = [0; 7];
            for (value, column) in values.iter_mut().zip(&mut columns) {
                *value = column.next()?;
            }
            new.push(Arc::new(self.frame(values)?));
        }
        all_read(&columns)?;
        self.frames.append(told.first, new)
    }

    fn frame(&mut self, values: [u64; 7]) -> Result<Frame, Damage> {
        let [flags, name, module, build_id, offset, file, line] = values;
        let kind = match flags & 3 {
            0 => FrameKind::Kernel,
            1 => FrameKind::User,
            2 => FrameKind::Note,
            _ => FrameKind::End,
        };
        let line = match line {
            0 => None,
            line => Some(
                u32::try_from(line - 1).map_err(|_| Damage("a line is too large".to_owned()))?,
            ),
        };
        // Names are owned by each frame: a long one that many frames have must be paid for.
        let mut name = self.string(name)?;
        if flags & 16 != 0 {
            name.push_str(&format!("+{offset:#x}"));
        }
        Ok(Frame {
            kind,
            name,
            module: self.optional(module),
            build_id: self.optional(build_id),
            offset,
            file: self.optional(file),
            line,
            inlined: flags & 4 != 0,
            resolved: flags & 8 != 0,
        })
    }

    fn learn_nodes(&mut self, told: &messages::Nodes) -> Result<(), Damage> {
        let (mut above, mut frame) = (Column::new(&told.above), Column::new(&told.frame));
        let mut new = Vec::new();
        while !above.is_empty() {
            self.grow(size_of::<Node>() as u64)?;
            let number = told.first.saturating_add(new.len() as u64);
            // The number of this node is one more: 0 is the empty stack.
            let above = number
                .checked_sub(above.next()?)
                .ok_or_else(|| Damage("a stack's tree is broken".to_owned()))?;
            new.push(Node { above, frame: frame.next()? });
        }
        frame.end()?;
        self.nodes.append(told.first, new)
    }

    fn table(&mut self, column: &[u8]) -> Result<Vec<u32>, Damage> {
        let mut column = Column::new(column);
        let mut table = Vec::new();
        while !column.is_empty() {
            self.budget.pay_for::<u32>(1)?;
            table.push(column.next_delta_u32()?);
        }
        Ok(table)
    }

    fn shared(&mut self, number: u64) -> Arc<str> {
        match self.strings.get(number) {
            Some(string) => Arc::clone(string),
            None => {
                self.unknown += 1;
                Arc::clone(&self.lost_string)
            }
        }
    }

    /// A string, by its number.
    pub fn string(&mut self, number: u64) -> Result<String, Damage> {
        let string = self.shared(number);
        self.budget.pay(budget::of_string(&string))?;
        Ok(string.as_ref().to_owned())
    }

    fn optional(&mut self, number: u64) -> Option<Arc<str>> {
        number.checked_sub(1).map(|number| self.shared(number))
    }

    /// A command line of so many words.
    pub fn words(&mut self, words: u64, numbers: &mut Column<'_>) -> Result<String, Damage> {
        let mut text = String::new();
        for word in 0..words {
            if word > 0 {
                text.push(' ');
            }
            let string = self.shared(numbers.next()?);
            self.budget.pay(1 + string.len() as u64)?;
            text.push_str(&string);
        }
        Ok(text)
    }

    /// A PID, by its number.
    pub fn pid(&self, number: u64) -> Result<u32, Damage> {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        self.pids.get(index).copied().ok_or_else(|| Damage("a PID was not told".to_owned()))
    }

    /// A stack's id, by its number.
    pub fn stack_id(&self, number: u64) -> Result<StackId, Damage> {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        self.stack_ids.get(index).copied().ok_or_else(|| Damage("a stack was not told".to_owned()))
    }

    /// The frames that a node stands for, leaf first.
    pub fn stack(&mut self, node: u64) -> Result<Vec<Arc<Frame>>, Damage> {
        self.budget.pay(budget::of_stack(0))?;
        let (mut node, mut frames) = (node, Vec::new());
        while node > 0 {
            self.budget.pay(8)?;
            if frames.len() == STACK_MAX {
                return Err(Damage("a stack is too deep".to_owned()));
            }
            let known = self.nodes.get(node - 1).copied();
            let frame = known.and_then(|node| self.frames.get(node.frame));
            if frame.is_none() {
                self.unknown += 1;
            }
            frames.push(Arc::clone(frame.unwrap_or(&self.lost_frame)));
            node = known.map_or(0, |node| node.above);
        }
        Ok(frames)
    }
}

/// Things by number. What was told in a frame that is missing is not there.
#[derive(Debug)]
struct Told<T> {
    /// What each frame told, and the number of its first.
    stretches: Vec<(u64, Vec<T>)>,
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self { stretches: Vec::new() }
    }
}

impl<T> Told<T> {
    fn append(&mut self, first: u64, new: Vec<T>) -> Result<(), Damage> {
        if new.is_empty() {
            return Ok(());
        }
        let end = self.stretches.last().map_or(0, |(first, told)| first + told.len() as u64);
        if first < end || first > 1 << 40 {
            return Err(Damage(
                "it tells again what was told: it is not the next frame".to_owned(),
            ));
        }
        self.stretches.push((first, new));
        Ok(())
    }

    fn get(&self, number: u64) -> Option<&T> {
        let after = self.stretches.partition_point(|(first, _)| *first <= number);
        let (first, told) = self.stretches.get(after.checked_sub(1)?)?;
        told.get(usize::try_from(number - first).ok()?)
    }
}
