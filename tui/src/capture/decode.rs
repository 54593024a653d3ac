//! Frames to batches.

use super::Damage;
use super::clear;
use super::column::{Column, all_read};
use super::container::{self, Head, Kind};
use super::kinds::{health, offcpu, opens, processes, profile, stacks, syscalls, waiting};
use super::known::{Known, LOST};
use super::limits::BATCHES_MAX;
use super::messages;
use crate::source::{Batch, Frame, ResolvedStack, StackId, WaitingNow};
use prost::Message;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// Stands for the frames of a stack that the writer had forgotten.
const FORGOTTEN: &str = "[not recorded: the stack was not used for long before]";
/// Stacks that are remembered as told at most.
const TOLD_MAX: usize = 1 << 20;

/// What a frame holds.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// Of a key: what was so before its first batch, as a batch: processes
    /// ([`crate::source::ProcessEvent::Seen`]), waits, health. For whoever starts reading here.
    pub before: Option<Batch>,
    /// Stacks that its batches use and that were told in frames before the key: told again, for
    /// whoever starts reading here.
    pub recalled: Vec<Arc<ResolvedStack>>,
    /// The batches, exactly as they were recorded.
    pub batches: Vec<Batch>,
    /// File opens that were left out when it was recorded: there were more than a frame can hold.
    pub left_out: u64,
    /// Anything else that was left out so.
    pub left_out_other: u64,
}

/// Reads frames one after the other. Can start at any key.
#[derive(Debug)]
pub struct Decoder {
    known: Known,
    /// Checksum of the last key's body; 0 when the key is missing.
    key: u32,
    /// Checksum of the last frame's body.
    last: u32,
    /// A frame since the last key is missing.
    gap: bool,
    /// The last list of waits; `None` when it is not known.
    waiting: Option<Vec<WaitingNow>>,
    health: health::Row,
    /// Stacks that were told, ever.
    told: FxHashSet<StackId>,
    unknown: u64,
}

impl Decoder {
    /// Knows nothing yet: the first frame should be a key. What another refers to is not known.
    #[expect(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            known: Known::new(),
            key: 0,
            last: 0,
            gap: true,
            waiting: None,
            health: health::Row::of_nothing(),
            told: FxHashSet::default(),
            unknown: 0,
        }
    }

    /// Decodes the next frame; `bytes` are those of [`super::Frame::bytes`]. After a frame that was
    /// left out (damaged, skipped), names and stacks that were told there are replaced by notes that
    /// say so, until the next key; they are counted in [`Decoder::unknown`].
    ///
    /// # Errors
    ///
    /// When the bytes are not those of a frame: nothing of it is used then, and the decoder can go on
    /// with the next.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Decoded, Damage> {
        let (head, clear, raw) = container::unpack(bytes)?;
        if head.kind != Kind::Batches {
            return Err(Damage("it is no frame of batches".to_owned()));
        }
        let clear = clear::read(clear)?;
        let body = messages::Body::decode(&raw[..]).map_err(|error| Damage(error.to_string()))?;
        drop(raw);
        let mut next = self.start(&head, &body);
        let decoded = next.read(&head, &body, &clear);
        self.finish(&head, next, decoded)
    }

    /// References so far to what was told in a frame that is missing.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// What is known when this frame begins. The names of this stretch move there for the time.
    fn start(&mut self, head: &Head, body: &messages::Body) -> Next {
        let fresh = head.key || body.key != self.key;
        let known = std::mem::replace(&mut self.known, Known::new());
        let (known, aside) = if fresh { (Known::new(), Some(known)) } else { (known, None) };
        let gap = !head.key && (fresh || self.gap || body.after != self.last);
        let lost_base = !head.key && (fresh || body.after != self.last);
        let waiting = match (head.key, lost_base) {
            (true, _) => Some(Vec::new()),
            (false, true) => None,
            (false, false) => self.waiting.clone(),
        };
        let mut health = self.health.clone();
        if head.key {
            health = health::Row::default();
        } else if fresh {
            health.unknown = true;
        }
        Next { mark: known.mark(), known, aside, gap, waiting, health }
    }

    fn finish(
        &mut self,
        head: &Head,
        mut next: Next,
        decoded: Result<(Decoded, u32), Damage>,
    ) -> Result<Decoded, Damage> {
        let (mut decoded, key) = match decoded {
            Ok(decoded) => decoded,
            Err(damage) => {
                next.known.back_to(&next.mark);
                self.known = next.aside.unwrap_or(next.known);
                return Err(damage);
            }
        };
        if head.key && self.told.len() > TOLD_MAX {
            self.told.clear();
        }
        let stacks = decoded.batches.iter().flat_map(|batch| &batch.stacks);
        self.told.extend(decoded.recalled.iter().chain(stacks).map(|stack| stack.id));
        if next.gap {
            self.note_lost_stacks(&mut next, &mut decoded);
        }
        self.unknown += next.known.unknown;
        next.known.unknown = 0;
        self.key = if head.key { head.body_crc } else { key };
        self.last = head.body_crc;
        self.known = next.known;
        self.gap = next.gap;
        self.waiting = next.waiting;
        self.health = next.health;
        Ok(decoded)
    }

    /// Stacks that are used and of which nothing was heard: told in a frame that is missing, mostly.
    fn note_lost_stacks(&mut self, next: &mut Next, decoded: &mut Decoded) {
        let frames = vec![Arc::new(Frame::note(LOST))];
        for id in &next.known.stack_ids {
            if *id >= StackId::FIRST && self.told.insert(*id) {
                let stack = ResolvedStack { id: *id, frames: frames.clone() };
                decoded.recalled.push(Arc::new(stack));
                next.known.unknown += 1;
            }
        }
    }
}

/// What the decoder will know when a frame has been read.
struct Next {
    known: Known,
    /// Where the names ended before this frame.
    mark: super::known::Mark,
    /// The names of the last stretch, when this frame begins another.
    aside: Option<Known>,
    gap: bool,
    waiting: Option<Vec<WaitingNow>>,
    health: health::Row,
}

impl Next {
    fn read(
        &mut self,
        head: &Head,
        body: &messages::Body,
        clear: &clear::Clear,
    ) -> Result<(Decoded, u32), Damage> {
        let known = &mut self.known;
        known.learn(body)?;
        let mut recalled = Vec::new();
        stacks::read(&body.recalled, known, 1, |_, stack| recalled.push(stack))?;
        read_forgotten(&body.forgotten, known, &mut recalled)?;
        let mut batches = read_batches(&body.batches, known)?;
        processes::read(&body.processes, known, &mut batches)?;
        syscalls::read(&body.syscalls, known, &mut batches)?;
        opens::read(&body.opens, known, &mut batches)?;
        offcpu::read(&body.offcpu, known, &mut batches)?;
        waiting::read(&body.waiting, known, &mut self.waiting, &mut batches)?;
        profile::read(&body.profile, known, &mut batches)?;
        let count = batches.len();
        stacks::read(&body.stacks, known, count, |batch, stack| batches[batch].stacks.push(stack))?;
        health::read(&body.health, known, &mut self.health, &mut batches)?;
        let before = (head.key && !batches.is_empty()).then(|| batches.remove(0));
        if batches.len() != clear.ticks.len() {
            return Err(Damage("its timeline does not fit".to_owned()));
        }
        let clear::Clear { left_out, left_out_other, .. } = *clear;
        Ok((Decoded { before, recalled, batches, left_out, left_out_other }, body.key))
    }
}

fn read_batches(message: &messages::Batches, known: &mut Known) -> Result<Vec<Batch>, Damage> {
    let mut time_ns = Column::new(&message.time_ns);
    let mut window_ns = Column::new(&message.window_ns);
    let mut batches = Vec::new();
    while !time_ns.is_empty() {
        if batches.len() as u64 == BATCHES_MAX {
            return Err(Damage("it has too many batches".to_owned()));
        }
        known.budget.pay_for::<Batch>(1)?;
        batches.push(Batch {
            time_ns: time_ns.next_delta()?,
            window_ns: window_ns.next()?,
            ..Batch::default()
        });
    }
    all_read(&[time_ns, window_ns])?;
    Ok(batches)
}

fn read_forgotten(
    ids: &[u8],
    known: &mut Known,
    recalled: &mut Vec<Arc<ResolvedStack>>,
) -> Result<(), Damage> {
    let mut ids = Column::new(ids);
    let frames = vec![Arc::new(Frame::note(FORGOTTEN))];
    while !ids.is_empty() {
        let id = StackId(ids.next_u32()?);
        known.budget.pay(super::budget::of_stack(1))?;
        known.unknown += 1;
        recalled.push(Arc::new(ResolvedStack { id, frames: frames.clone() }));
    }
    Ok(())
}
