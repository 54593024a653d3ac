//! Batches to frames.

use super::budget;
use super::clear;
use super::column::{put, put_delta};
use super::container::Packer;
use super::kinds::{health, offcpu, opens, processes, profile, stacks, syscalls, waiting};
use super::limits::{
    BATCH_DECODED, BATCHES_MAX, DICTIONARY_MAX, FRAME_DECODED, FRAME_DECODED_MAX, FRAME_NS,
    FRAME_RAW, KEY_NS, KEY_RAW, RAW_MAX,
};
use super::memory::{Memory, Recall};
use super::messages;
use super::tell::Telling;
use super::{Decoded, Tick};
use crate::source::{Batch, StackId};
use prost::Message;
use std::sync::Arc;

/// One frame, ready to be written: its bytes are the same in a file and in memory.
#[derive(Clone, Debug)]
pub struct Frame {
    /// All bytes, the frame's own header included.
    pub bytes: Arc<[u8]>,
    /// Reading can start here.
    pub key: bool,
    /// One entry a batch.
    pub ticks: Vec<Tick>,
    /// File opens and other entries that were left out, for the batch was larger than a frame may be.
    pub left_out: u64,
}

/// Makes frames of batches. What it needs to know of earlier batches (processes, stacks, waits) it
/// keeps itself; that is bounded by what lives and what was used lately.
#[derive(Debug)]
pub struct Encoder {
    cmdlines: bool,
    memory: Memory,
    told: Telling,
    /// What was told last of the health.
    health: Vec<u64>,
    frame: Option<Building>,
    packer: Packer,
    key: Option<Key>,
    /// Checksum of the last frame's body.
    last: u32,
    /// Opens and other things that are missing in the next batches, and not counted yet.
    left_out: (u64, u64),
}

/// The last key.
#[derive(Clone, Copy, Debug)]
struct Key {
    /// When its first batch began, in ns.
    time_ns: u64,
    /// Checksum of its body; 0 until it is complete.
    crc: u32,
    /// Bytes since, before compression.
    raw: u64,
}

/// A frame that is not complete.
#[derive(Debug, Default)]
struct Building {
    key: bool,
    /// When its first batch began, in ns.
    time_ns: u64,
    ticks: Vec<Tick>,
    left_out: u64,
    left_out_other: u64,
    decoded: u64,
    /// What all that was told before it costs.
    told_before: u64,
    batches: messages::Batches,
    last_ns: u64,
    processes: processes::Writer,
    syscalls: syscalls::Writer,
    opens: opens::Writer,
    offcpu: offcpu::Writer,
    waiting: waiting::Writer,
    profile: profile::Writer,
    stacks: stacks::Writer,
    recalled: stacks::Writer,
    recalled_count: usize,
    forgotten: Vec<u8>,
    health: health::Writer,
}

impl Encoder {
    /// Starts with a key. `cmdlines`: whether command lines of processes are kept.
    pub fn new(cmdlines: bool) -> Self {
        Self {
            cmdlines,
            memory: Memory::default(),
            told: Telling::default(),
            health: Vec::new(),
            frame: None,
            packer: Packer::new(),
            key: None,
            last: 0,
            left_out: (0, 0),
        }
    }

    /// Takes a batch in, which must be the next one after those before. Gives a frame when one is
    /// complete: when it spans a second, or is large.
    pub fn push(&mut self, batch: &Batch) -> Option<Frame> {
        let start_ns = batch.time_ns.saturating_sub(batch.window_ns);
        let mut frame = match self.frame.take() {
            Some(frame) => frame,
            None => self.begin(start_ns),
        };
        let (shortened, opens, other) = fit(batch);
        let batch = shortened.as_ref().unwrap_or(batch);
        let before = std::mem::take(&mut self.left_out);
        frame.left_out += opens + before.0;
        frame.left_out_other += other + before.1;
        frame.ticks.push(Tick::of(batch));
        self.append(&mut frame, batch);
        self.memory.follow(batch, self.cmdlines);
        let complete = batch.time_ns.abs_diff(frame.time_ns) >= FRAME_NS
            || frame.ticks.len() as u64 + 1 >= BATCHES_MAX
            || frame.decoded >= FRAME_DECODED
            || self.raw_len(&frame) >= FRAME_RAW;
        self.frame = Some(frame);
        if complete { self.flush() } else { None }
    }

    /// Makes a frame of the batches that wait for one; `None` when none do.
    pub fn flush(&mut self) -> Option<Frame> {
        let mut frame = self.frame.take()?;
        let (key, ticks) = (frame.key, std::mem::take(&mut frame.ticks));
        let (mut left_out, mut other) = (frame.left_out, frame.left_out_other);
        let decoded = frame.decoded + self.told.cost().saturating_sub(frame.told_before);
        let times = frame.batches.clone();
        let mut raw = self.body(frame).encode_to_vec();
        let too_large = decoded > FRAME_DECODED_MAX || raw.len() > RAW_MAX as usize;
        if too_large {
            left_out += ticks.iter().map(|tick| tick.opens).sum::<u64>();
            other += 1;
            raw = self.without_content(times, key, ticks.len()).encode_to_vec();
        }
        let clear = clear::write(&ticks, left_out, other);
        let (bytes, crc) = self.packer.pack(key, &clear, &raw);
        if let Some(last) = &mut self.key {
            last.raw += raw.len() as u64;
            if key {
                last.crc = crc;
            }
        }
        self.last = crc;
        if too_large {
            // What it told is not told.
            self.key = None;
        }
        Some(Frame { bytes: bytes.into(), key, ticks, left_out: left_out.saturating_add(other) })
    }

    /// Takes in what was so before the first batch, where that is one in the middle of a capture. An
    /// empty batch says nothing.
    pub fn recall_before(&mut self, before: &Batch) {
        if *before != Batch::default() {
            self.memory.follow(before, self.cmdlines);
        }
    }

    /// Takes in what came with the batches of a frame that are pushed next: stacks that were told
    /// before them, and what was left out of them already.
    pub fn recall_of_frame(&mut self, decoded: &Decoded) {
        let now_ns = decoded.batches.first().map_or(0, |batch| batch.time_ns);
        decoded.recalled.iter().for_each(|stack| self.memory.keep(stack, now_ns));
        self.left_out = (decoded.left_out, decoded.left_out_other);
    }

    /// Makes the next frame a key, wherever the last one was. To be called when none waits (after
    /// [`Encoder::flush`]).
    pub fn begin_key(&mut self) {
        self.key = None;
    }

    fn begin(&mut self, start_ns: u64) -> Building {
        let due = |key: Key| start_ns.abs_diff(key.time_ns) >= KEY_NS || key.raw >= KEY_RAW;
        let key = self.key.is_none_or(due) || self.told.cost() >= DICTIONARY_MAX / 4;
        let mut frame = Building {
            key,
            time_ns: start_ns,
            told_before: if key { 0 } else { self.told.cost() },
            processes: processes::Writer::new(self.cmdlines),
            ..Building::default()
        };
        if key {
            self.key = Some(Key { time_ns: start_ns, crc: 0, raw: 0 });
            self.told = Telling::default();
            self.health.clear();
            let before = self.memory.before();
            self.memory.forget_old();
            let waiting = self.memory.waiting.take();
            self.append(&mut frame, &before);
            self.memory.waiting = waiting;
        }
        frame
    }

    fn append(&mut self, frame: &mut Building, batch: &Batch) {
        let told = &mut self.told;
        put_delta(&mut frame.batches.time_ns, &mut frame.last_ns, batch.time_ns);
        put(&mut frame.batches.window_ns, batch.window_ns);
        frame.processes.push(&batch.processes, told);
        frame.syscalls.push(&batch.syscalls, told);
        frame.opens.push(&batch.opens, told);
        for stack in &batch.stacks {
            frame.stacks.push(stack, told);
            self.memory.keep(stack, batch.time_ns);
        }
        frame.stacks.count(batch.stacks.len());
        frame.offcpu.push(&batch.offcpu, told);
        let waiting = batch.waiting.as_deref();
        let before = self.memory.waiting.as_deref().unwrap_or_default();
        frame.waiting.push(batch.time_ns, waiting, before, told);
        frame.profile.push(&batch.profile, told);
        frame.health.push(&batch.health, &mut self.health, told);
        frame.decoded += budget::of_batch(batch);
        self.recall(frame, batch);
    }

    /// Tells stacks again that are used and were told before the key.
    fn recall(&mut self, frame: &mut Building, batch: &Batch) {
        let offcpu = batch.offcpu.iter().map(|d| (d.pid, d.kernel_stack, d.user_stack));
        let waiting = batch.waiting.iter().flatten();
        let waiting = waiting.map(|w| (w.pid, w.kernel_stack, w.user_stack));
        let profile = batch.profile.iter().map(|d| (d.pid, d.kernel_stack, d.user_stack));
        for (pid, kernel, user) in offcpu.chain(waiting).chain(profile) {
            for (id, pid) in [(kernel, 0), (user, pid)] {
                if id >= StackId::FIRST {
                    self.recall_one(frame, id, pid, batch.time_ns);
                }
            }
        }
    }

    fn recall_one(&mut self, frame: &mut Building, id: StackId, pid: u32, now_ns: u64) {
        match self.memory.recall(id, pid, now_ns, &self.told) {
            Recall::Never => {}
            Recall::Again(stack) => {
                frame.decoded += budget::of_stack(stack.frames.len());
                frame.recalled.push(&stack, &mut self.told);
                frame.recalled_count += 1;
            }
            Recall::Forgotten => {
                put(&mut frame.forgotten, u64::from(id.0));
                self.told.stacks.insert(id);
            }
        }
    }

    /// Bytes of the frame before compression, about.
    fn raw_len(&self, frame: &Building) -> usize {
        self.told.raw_len() + (frame.decoded / 8) as usize
    }

    fn body(&mut self, mut frame: Building) -> messages::Body {
        frame.recalled.count(frame.recalled_count);
        let key = self.key.filter(|_| !frame.key);
        let mut body = messages::Body {
            key: key.map_or(0, |key| key.crc),
            after: if frame.key { 0 } else { self.last },
            recalled: frame.recalled.finish(),
            forgotten: frame.forgotten,
            batches: frame.batches,
            processes: frame.processes.finish(),
            syscalls: frame.syscalls.finish(),
            opens: frame.opens.finish(),
            offcpu: frame.offcpu.finish(),
            waiting: frame.waiting.finish(),
            profile: frame.profile.finish(),
            stacks: frame.stacks.finish(),
            health: frame.health.finish(),
            ..messages::Body::default()
        };
        self.told.finish_frame(&mut body);
        body
    }

    /// A body that tells nothing but when its batches were: the last resort for one that no reader
    /// would take.
    fn without_content(
        &self,
        batches: messages::Batches,
        is_key: bool,
        count: usize,
    ) -> messages::Body {
        let count = count + usize::from(is_key);
        let key = self.key.filter(|_| !is_key);
        let mut body = messages::Body {
            key: key.map_or(0, |key| key.crc),
            after: if is_key { 0 } else { self.last },
            batches,
            ..messages::Body::default()
        };
        body.recalled.count = zeros(1);
        body.processes.count = zeros(count);
        body.syscalls.count = zeros(count);
        body.opens.count = zeros(count);
        body.offcpu.count = zeros(count);
        body.waiting.steps = zeros(count);
        body.profile.count = zeros(count);
        body.stacks.count = zeros(count);
        body.health.changes = zeros(count);
        body
    }
}

/// So many zeros.
fn zeros(count: usize) -> Vec<u8> {
    vec![0; count]
}

/// What fits in a frame of a batch that does not, with the number of opens and of other entries that
/// were left out; `None` when all of it fits.
fn fit(batch: &Batch) -> (Option<Batch>, u64, u64) {
    let size = budget::of_batch(batch);
    if size <= BATCH_DECODED {
        return (None, 0, 0);
    }
    let mut excess = size - BATCH_DECODED;
    let mut batch = batch.clone();
    let mut kept = batch.opens.len();
    while excess > 0 && kept > 0 {
        kept -= 1;
        excess = excess.saturating_sub(budget::of_open(&batch.opens[kept]));
    }
    let opens = (batch.opens.len() - kept) as u64;
    batch.opens.truncate(kept);
    if excess == 0 {
        return (Some(batch), opens, 0);
    }
    // No machine makes so much else in one tick. What is told of it is at least not wrong.
    let other = batch.processes.len()
        + batch.syscalls.len()
        + batch.offcpu.len()
        + batch.waiting.as_ref().map_or(0, Vec::len)
        + batch.profile.len()
        + batch.stacks.len();
    let rest = Batch {
        time_ns: batch.time_ns,
        window_ns: batch.window_ns,
        health: batch.health,
        ..Batch::default()
    };
    (Some(rest), opens, other as u64)
}
