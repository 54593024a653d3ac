//! Models of parts of the history.

use super::Span;
use super::store::{CaptureStore, Store, Stored};
use crate::capture::{Capture, Decoded, Decoder};
use crate::model::{Bounds, Model};
use crate::source::Batch;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Models that are kept of the way to a position, so that going back is quick.
const CHECKPOINTS: usize = 4;
/// Ticks between two of them at first, and at least: half a minute at the usual interval.
const FIRST_STRIDE: u64 = 120;

/// Ticks that are looked ahead: most stacks have their names within so many. What the names of a stack
/// are is not a matter of when they were told.
pub const LOOK_AHEAD: usize = 8;

/// Why there is no model of a span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeekError {
    /// Its first ticks are not kept any more.
    #[error("that long ago is not kept any more")]
    Forgotten,
    /// The capture cannot be read.
    #[error("cannot read the capture: {0}")]
    Io(String),
}

/// What could not be read on the way to a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Frames whose contents are damaged.
    pub frames: u64,
    /// Batches in them.
    pub batches: u64,
    /// Names and stacks that were told in frames that are missing: notes stand in their place.
    pub unknown: u64,
    /// What is wrong with the first of the frames.
    pub reason: Option<String>,
}

/// Makes models of spans. Going on from the last span is cheap; another one costs folding it anew.
#[derive(Debug)]
pub struct Seeker {
    store: Box<dyn Store>,
    bounds: Bounds,
    walk: Option<Walk>,
    checkpoints: Option<Checkpoints>,
    damaged: BTreeSet<u64>,
    losses: Losses,
}

/// A model, and how far it has come.
#[derive(Debug)]
struct Walk {
    /// Where its counters begin.
    start: u64,
    /// The next tick that it takes in.
    at: u64,
    /// Up to which tick it goes.
    goal: u64,
    model: Arc<Model>,
    decoder: Decoder,
    /// Batches that are decoded and not taken in yet; `None` stands for one that is damaged.
    waiting: VecDeque<Option<Batch>>,
    /// First ticks of keys among those, and what was so before them.
    keys: VecDeque<(u64, Option<Batch>)>,
}

/// Models on the way of a walk, by the tick they stand at: always the first of a key.
#[derive(Debug)]
struct Checkpoints {
    /// Where their counters begin.
    start: u64,
    models: BTreeMap<u64, Arc<Model>>,
    /// The one at the last key before where the walk goes: steps back begin there.
    near: Option<(u64, Arc<Model>)>,
    /// Ticks between two of the others.
    stride: u64,
}

impl Checkpoints {
    fn new(start: u64) -> Self {
        Self { start, models: BTreeMap::new(), near: None, stride: FIRST_STRIDE }
    }

    /// The last one at or before a tick.
    fn before(&self, tick: u64) -> Option<(u64, Arc<Model>)> {
        let (at, model) = self.models.range(..=tick).next_back().unzip();
        let near = self.near.as_ref().filter(|near| near.0 <= tick && Some(&near.0) >= at);
        match near {
            Some((at, model)) => Some((*at, Arc::clone(model))),
            None => Some((*at?, Arc::clone(model?))),
        }
    }

    /// Keeps the model of a walk, if it is far enough from the last one that is kept, or if no key
    /// comes before the walk ends.
    fn keep(&mut self, walk: &Walk, last_key: Option<u64>) {
        if last_key == Some(walk.at) {
            self.near = Some((walk.at, Arc::clone(&walk.model)));
        }
        let last = self.models.last_key_value().map_or(self.start, |(at, _)| *at);
        if walk.at < last + self.stride {
            return;
        }
        self.models.insert(walk.at, Arc::clone(&walk.model));
        if self.models.len() > CHECKPOINTS {
            self.stride *= 2;
            let mut odd = false;
            self.models.retain(|_, _| {
                odd = !odd;
                !odd
            });
        }
    }
}

impl Seeker {
    /// Models of what is in a store.
    pub fn new(store: Box<dyn Store>, bounds: Bounds) -> Self {
        Self {
            store,
            bounds,
            walk: None,
            checkpoints: Some(Checkpoints::new(0)),
            damaged: BTreeSet::new(),
            losses: Losses::default(),
        }
    }

    /// Models of a capture's parts.
    pub fn of_capture(capture: Arc<Capture>, bounds: Bounds) -> Self {
        Self::new(Box::new(CaptureStore::new(capture)), bounds)
    }

    /// Keeps no models on the way: going back is not wanted, and they would cost memory.
    pub fn one_way(mut self) -> Self {
        self.checkpoints = None;
        self
    }

    /// The model of a span. Ticks behind the end of what is recorded are left out.
    ///
    /// # Errors
    ///
    /// When the start is not kept any more, or the store cannot be read.
    pub fn model(&mut self, span: Span) -> Result<Arc<Model>, SeekError> {
        let mut walk = match self.walk.take() {
            Some(walk) if walk.start == span.start && walk.at <= span.end => walk,
            _ => self.begin(span)?,
        };
        self.advance(&mut walk, span.end)?;
        self.look_ahead(&mut walk)?;
        let model = Arc::clone(&walk.model);
        self.walk = Some(walk);
        Ok(model)
    }

    /// What could not be read so far.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// A walk from as near as possible before the end of the span.
    fn begin(&mut self, span: Span) -> Result<Walk, SeekError> {
        if let Some(checkpoints) = &mut self.checkpoints {
            if checkpoints.start != span.start {
                *checkpoints = Checkpoints::new(span.start);
            }
            if let Some((at, model)) = checkpoints.before(span.end) {
                return Ok(Walk::new(span.start, at, model));
            }
        }
        let key = self.store.key_before(span.start).ok_or(SeekError::Forgotten)?;
        let model = Arc::new(Model::new(self.store.watched(), self.bounds));
        let mut walk = Walk::new(span.start, key, model);
        self.load(&mut walk)?;
        while walk.at < span.start && self.step(&mut walk)? {}
        Arc::make_mut(&mut walk.model).clear();
        Ok(walk)
    }

    fn advance(&mut self, walk: &mut Walk, end: u64) -> Result<(), SeekError> {
        walk.goal = end;
        while walk.at < end && self.step(walk)? {}
        Ok(())
    }

    /// Takes in the names of stacks that are told right after the position.
    fn look_ahead(&mut self, walk: &mut Walk) -> Result<(), SeekError> {
        while walk.waiting.len() < LOOK_AHEAD && self.load(walk)? {}
        let ahead = walk.waiting.iter().take(LOOK_AHEAD).flatten();
        let stacks: Vec<_> = ahead.flat_map(|batch| batch.stacks.iter().cloned()).collect();
        if !stacks.is_empty() {
            Arc::make_mut(&mut walk.model).stacks.fold(stacks);
        }
        Ok(())
    }

    /// Takes one tick in. Whether there was one.
    fn step(&mut self, walk: &mut Walk) -> Result<bool, SeekError> {
        if walk.waiting.is_empty() && !self.load(walk)? {
            return Ok(false);
        }
        if let Some((_, before)) = walk.keys.pop_front_if(|(first, _)| *first == walk.at) {
            walk.recall(before);
            if let Some(checkpoints) = &mut self.checkpoints
                && walk.at > walk.start
            {
                checkpoints.keep(walk, self.store.key_before(walk.goal));
            }
        }
        if let Some(batch) = walk.waiting.pop_front().flatten() {
            Arc::make_mut(&mut walk.model).fold(batch);
        }
        walk.at += 1;
        Ok(true)
    }

    /// Decodes the frame behind what is decoded already. Whether there is one.
    fn load(&mut self, walk: &mut Walk) -> Result<bool, SeekError> {
        let at = walk.at + walk.waiting.len() as u64;
        if at < self.store.first() {
            return Err(SeekError::Forgotten);
        }
        let stored = self.store.frame_of(at).map_err(|e| SeekError::Io(e.to_string()))?;
        let Some(stored) = stored else { return Ok(false) };
        let unknown = walk.decoder.unknown();
        match walk.decoder.decode(&stored.bytes) {
            Ok(decoded) if decoded.batches.len() as u64 == stored.ticks => {
                walk.take_in(decoded, at, (at - stored.first) as usize);
            }
            Ok(_) => self.damage(walk, &stored, at, "it does not hold what it says"),
            Err(damage) => self.damage(walk, &stored, at, &damage.0),
        }
        self.losses.unknown += walk.decoder.unknown() - unknown;
        Ok(true)
    }

    /// The frame is of no use, from tick `at` on.
    fn damage(&mut self, walk: &mut Walk, stored: &Stored, at: u64, reason: &str) {
        if self.damaged.insert(stored.first) {
            self.losses.frames += 1;
            self.losses.batches += stored.ticks;
            self.losses.reason.get_or_insert_with(|| reason.to_owned());
        }
        let left = stored.first + stored.ticks - at;
        walk.waiting.extend((0..left).map(|_| None));
    }
}

impl Walk {
    fn new(start: u64, at: u64, model: Arc<Model>) -> Self {
        let decoder = Decoder::new();
        Self {
            start,
            at,
            goal: at,
            model,
            decoder,
            waiting: VecDeque::new(),
            keys: VecDeque::new(),
        }
    }

    /// Takes a decoded frame in, of which the first `skip` batches, those before tick `at`, are in the
    /// model already.
    fn take_in(&mut self, decoded: Decoded, at: u64, skip: usize) {
        match decoded.before {
            Some(before) if at == self.at => {
                self.recall(Some(before));
                self.keys.push_back((at, None));
            }
            Some(before) if skip == 0 => self.keys.push_back((at, Some(before))),
            _ => {}
        }
        let model = Arc::make_mut(&mut self.model);
        model.stacks.fold(decoded.recalled);
        self.waiting.extend(decoded.batches.into_iter().skip(skip).map(Some));
    }

    /// What was so before a key: for a model that knows nothing yet.
    fn recall(&mut self, before: Option<Batch>) {
        if let Some(before) = before
            && self.model.ticks.number() == 0
        {
            Arc::make_mut(&mut self.model).recall(before);
        }
    }
}
