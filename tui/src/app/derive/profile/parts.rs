//! What is known of each process of a graph, and kept for the next one: of ten thousand processes most
//! have changed little in the meantime.

use super::functions::{Lists, Tally};
use crate::app::derive::{Scope, comm};
use crate::flame::{self, Measure, Times, TopRow};
use crate::model::{
    Model, ProcKey, ProcessSamples, SamplePlace, StackEnds, Stacks, UserStack, WaitSums,
};
use crate::source::{Frame, StackId};
use crate::sums::AddUp;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// One new process of so many is put into its place alone; more are sorted.
const FEW_NEW: usize = 64;
/// Among so many stacks of a process one is found by looking through them.
const FEW_STACKS: usize = 32;
/// So many processes are kept whether they are still there or not.
const FEW: usize = 1_024;

/// All processes that were in a graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    parts: Vec<Part>,
    index: FxHashMap<ProcKey, u32>,
    /// By label, and where that is the same by process.
    order: Vec<u32>,
    /// Those in the last graph, by their labels there.
    shown: Vec<(u32, Arc<Frame>)>,
    /// Grows with every graph.
    round: u64,
    /// Grows whenever nothing that was found out is true any more.
    trust: u64,
    /// See [`crate::model::Stacks::replaced`].
    replaced: u64,
    /// See [`crate::model::Processes::renames`]; `None` where any name may be another.
    renames: Option<u64>,
    /// When there are more, those that are gone are forgotten.
    bound: usize,
    tally: Tally,
}

/// What the processes of a graph add up to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// Samples, or ns.
    pub total: u64,
    pub ends: StackEnds,
    pub times: Times,
}

impl Parts {
    /// Nothing that was found out is true any more.
    pub fn distrust(&mut self) {
        self.trust += 1;
        self.renames = None;
    }

    /// Looks at the processes in scope: what they weigh, how their stacks ended, and, where that is
    /// wanted, which functions they are in.
    pub fn update(
        &mut self,
        model: &Model,
        scope: Scope<'_>,
        measure: Measure,
        functions: bool,
    ) -> Sums {
        if self.replaced != model.stacks.replaced() {
            self.replaced = model.stacks.replaced();
            self.distrust();
        }
        self.round += 1;
        self.forget_gone(model);
        self.tally.begin(functions.then_some(measure));
        let (mut sums, mut fresh) = (Sums::default(), self.find_renamed(model));
        each(model, scope, measure, |key, samples, waits| {
            let number = self.find(model, key, &mut fresh);
            let part = &mut self.parts[number as usize];
            match samples {
                Some(samples) => part.look_at(model, samples, self.trust, &mut self.tally),
                None => part.forget_samples(),
            }
            sums.ends.add_all(&part.ends);
            let samples = samples.map_or(0, |samples| samples.total);
            part.round = self.round;
            part.weight = match waits {
                None => samples,
                Some(waits) => {
                    let times = flame::times_of(model, samples, &waits);
                    sums.times.add(&times);
                    times.total()
                }
            };
            sums.total.add_up(part.weight);
        });
        self.put_in_order(fresh);
        self.label();
        sums
    }

    /// The processes of the last graph, in the order of their labels, each with what it weighs.
    pub fn labelled(&self) -> impl Iterator<Item = (ProcKey, &Arc<Frame>, u64)> {
        self.shown.iter().map(|(number, label)| {
            let part = &self.parts[*number as usize];
            (part.key, label, part.weight)
        })
    }

    /// The functions of the last graph, in no order.
    pub fn functions(&mut self, model: &Model) -> Vec<TopRow> {
        let shown = |part: &&Part| part.round == self.round;
        let mut in_none = FxHashMap::default();
        for part in self.parts.iter().filter(shown) {
            let weight = self.tally.add(model, part.key, &part.stacks, &part.lists);
            if weight > 0 {
                in_none.insert(part.key, weight);
            }
        }
        for (number, label) in self.shown.iter().filter(|_| !in_none.is_empty()) {
            if let Some(weight) = in_none.get(&self.parts[*number as usize].key) {
                self.tally.add_to(label, *weight);
            }
        }
        self.tally.rows()
    }

    /// The number of a process; of one that is new in `fresh`, too.
    fn find(&mut self, model: &Model, key: ProcKey, fresh: &mut Vec<u32>) -> u32 {
        if let Some(number) = self.index.get(&key) {
            return *number;
        }
        let number = self.parts.len() as u32;
        self.parts.push(Part::named(key, comm(model, key)));
        self.index.insert(key, number);
        fresh.push(number);
        number
    }

    /// Gives those that have another name than before their new one; their numbers.
    fn find_renamed(&mut self, model: &Model) -> Vec<u32> {
        let since = self.renames.replace(model.processes.renames());
        let renamed = since.and_then(|since| model.processes.renamed_since(since));
        let numbers: Vec<_> = match renamed {
            Some(keys) => keys.filter_map(|key| self.index.get(key).copied()).collect(),
            None => (0..self.parts.len() as u32).collect(),
        };
        let mut fresh = Vec::new();
        for number in numbers {
            let part = &mut self.parts[number as usize];
            let comm = comm(model, part.key);
            if part.comm != comm {
                // Which threads have a name of their own may have changed, too.
                *part = Part::named(part.key, comm);
                fresh.push(number);
            }
        }
        fresh
    }

    /// Puts those that are new, or have another name, into their places.
    fn put_in_order(&mut self, fresh: Vec<u32>) {
        if fresh.is_empty() {
            return;
        }
        // Some may have a place by their old name.
        let renamed = self.order.len() + fresh.len() > self.parts.len();
        if renamed {
            let fresh: FxHashSet<_> = fresh.iter().collect();
            self.order.retain(|number| !fresh.contains(number));
        }
        let parts = &self.parts;
        let named = |number: u32| {
            let part = &parts[number as usize];
            (part.label.name.as_str(), part.key)
        };
        if fresh.len() * FEW_NEW <= parts.len() {
            for number in fresh {
                let at = self.order.partition_point(|other| named(*other) < named(number));
                self.order.insert(at, number);
            }
            return;
        }
        self.order.extend(fresh);
        // Stable: it makes use of what is in order already.
        self.order.sort_by(|a, b| named(*a).cmp(&named(*b)));
    }

    /// The labels of this graph: where several processes have one, the second and later ones a number.
    fn label(&mut self) {
        self.shown.clear();
        let (mut of_same, mut any) = (1, false);
        let mut before: Option<&Arc<Frame>> = None;
        for number in &self.order {
            let part = &self.parts[*number as usize];
            if part.round != self.round || part.weight == 0 {
                continue;
            }
            of_same =
                if before.is_some_and(|b| b.name == part.label.name) { of_same + 1 } else { 1 };
            before = Some(&part.label);
            let label = match of_same {
                1 => Arc::clone(&part.label),
                _ => Arc::new(Frame::note(&format!("{} #{of_same}", part.label.name))),
            };
            any |= of_same > 1;
            self.shown.push((*number, label));
        }
        if any {
            self.shown.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        }
    }

    /// Forgets the processes that the model has forgotten, now and then.
    fn forget_gone(&mut self, model: &Model) {
        if self.parts.len() <= self.bound.max(FEW) {
            return;
        }
        let waits: FxHashSet<_> = model.offcpu.processes().collect();
        self.parts.retain(|part| model.profile.of(part.key).is_some() || waits.contains(&part.key));
        self.bound = self.parts.len() * 2;
        let numbered = self.parts.iter().enumerate();
        self.index = numbered.map(|(number, part)| (part.key, number as u32)).collect();
        let fresh: Vec<_> = (0..self.parts.len() as u32).collect();
        self.order.clear();
        self.put_in_order(fresh);
    }
}

/// Calls `visit` with each process in scope that may have stacks: with its samples, and where waits are
/// measured, what those add up to.
fn each<'m>(
    model: &'m Model,
    scope: Scope<'_>,
    measure: Measure,
    mut visit: impl FnMut(ProcKey, Option<&'m ProcessSamples>, Option<WaitSums>),
) {
    let now_ns = model.now_ns;
    match (scope.is_everything(), measure) {
        (true, Measure::Cpu) => {
            model.profile.iter().for_each(|(key, samples)| visit(key, Some(samples), None));
        }
        (true, Measure::Wall | Measure::OffCpu) => {
            for (key, waits) in model.offcpu.sums(now_ns) {
                visit(key, model.profile.of(key), Some(waits));
            }
            let awake = model.profile.iter().filter(|(key, _)| !model.offcpu.has(*key));
            awake.for_each(|(key, samples)| visit(key, Some(samples), Some(WaitSums::default())));
        }
        (false, _) => {
            for key in scope.chosen() {
                let samples = model.profile.of(key);
                let waits = (measure != Measure::Cpu).then(|| model.offcpu.sums_of(key, now_ns));
                if samples.is_some() || waits.is_some_and(|waits| waits != WaitSums::default()) {
                    visit(key, samples, waits);
                }
            }
        }
    }
}

/// A process.
#[derive(Clone, Debug)]
struct Part {
    key: ProcKey,
    comm: String,
    /// `comm (PID)`.
    label: Arc<Frame>,
    /// The last graph that it was in.
    round: u64,
    /// See [`Parts::trust`].
    trust: u64,
    /// Samples, or ns.
    weight: u64,
    /// See [`ProcessSamples::version`].
    version: u64,
    ends: StackEnds,
    /// In the order of the map that they come from.
    stacks: Vec<Sampled>,
    lists: Lists,
    /// Some of its stacks are still being looked up.
    unsettled: bool,
}

/// Samples at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampled {
    pub user: StackId,
    pub kernel: StackId,
    pub end: UserStack,
    pub samples: u64,
    /// What was found out stays true, whatever the thread.
    reusable: bool,
}

impl Part {
    fn named(key: ProcKey, comm: &str) -> Self {
        Self {
            key,
            comm: comm.to_owned(),
            label: Arc::new(Frame::note(&format!("{comm} ({})", key.pid))),
            round: 0,
            trust: 0,
            weight: 0,
            version: 0,
            ends: StackEnds::default(),
            stacks: Vec::new(),
            lists: Lists::default(),
            unsettled: true,
        }
    }

    /// Takes notice of the samples. What was found out while there was another `trust` is not true.
    fn look_at(&mut self, model: &Model, samples: &ProcessSamples, trust: u64, tally: &mut Tally) {
        let trusted = std::mem::replace(&mut self.trust, trust) == trust;
        let settled = trusted && !self.unsettled && !tally.wants(&self.lists);
        if settled && self.version == samples.version() {
            return;
        }
        self.version = samples.version();
        let is_known = |(place, known): (&SamplePlace, &Sampled)| {
            (place.user_stack, place.kernel_stack) == (known.user, known.kernel)
        };
        let places = &samples.places;
        let same = places.len() == self.stacks.len();
        if settled && same && places.keys().zip(&self.stacks).all(is_known) {
            for (samples, known) in places.values().zip(&mut self.stacks) {
                known.samples = *samples;
            }
        } else {
            self.look_up(model, samples, trusted, tally);
        }
        self.ends = StackEnds::default();
        self.stacks.iter().for_each(|stack| self.ends.count(stack.end, stack.samples));
    }

    /// It has none, or none any more.
    fn forget_samples(&mut self) {
        self.stacks.clear();
        self.lists.clear();
        (self.ends, self.unsettled) = (StackEnds::default(), true);
    }

    /// Looks its stacks up, but for those of which it is known already what they are.
    fn look_up(
        &mut self,
        model: &Model,
        samples: &ProcessSamples,
        trusted: bool,
        tally: &mut Tally,
    ) {
        let (known, lists) = (std::mem::take(&mut self.stacks), std::mem::take(&mut self.lists));
        let reusable = trusted && known.len() <= FEW_STACKS && !tally.wants(&lists);
        self.unsettled = false;
        for (place, samples) in &samples.places {
            let (user, kernel) = (place.user_stack, place.kernel_stack);
            let is_it = |stack: &Sampled| (stack.user, stack.kernel) == (user, kernel);
            if reusable
                && let Some(at) = known.iter().position(is_it)
                && known[at].reusable
            {
                self.stacks.push(Sampled { samples: *samples, ..known[at] });
                tally.list_again(&lists, at, &mut self.lists);
                continue;
            }
            let frames = [model.stacks.frames(kernel), model.stacks.frames(user)];
            let end = UserStack::new(user, frames[1]);
            let pending = frames.iter().any(|frames| frames.iter().any(Stacks::is_pending));
            // Without frames it is the name of the thread that counts.
            let reusable = !pending && frames.iter().any(|frames| !frames.is_empty());
            self.stacks.push(Sampled { user, kernel, end, samples: *samples, reusable });
            self.unsettled |= pending;
            let thread = (place.comm != self.comm).then_some(place.comm.as_str());
            tally.list(frames, thread, &mut self.lists);
        }
    }
}
