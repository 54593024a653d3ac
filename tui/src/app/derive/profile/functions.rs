//! The functions of a graph, added up without the graph: stack by stack, of which each is a list of
//! numbers that is made once.

use super::parts::Sampled;
use crate::flame::{self, Function, Measure, TopRow};
use crate::model::{Model, ProcKey};
use crate::source::Frame;
use crate::sums::AddUp;
use rustc_hash::FxHashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// So many frames are remembered at most; beyond, all begins anew.
const FRAMES: usize = 128 * 1024;

/// The functions of stacks, by number: each once, that of the leaf first.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    numbers: Vec<u32>,
    ends: Vec<u32>,
    /// See [`Tally::begun`].
    begun: u64,
}

impl Lists {
    pub fn clear(&mut self) {
        self.numbers.clear();
        self.ends.clear();
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let mut from = 0;
        self.ends.iter().map(move |end| {
            let list = &self.numbers[from as usize..*end as usize];
            from = *end;
            list
        })
    }
}

/// Adds functions up.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// What is measured; `None` where functions are not wanted.
    measure: Option<Measure>,
    /// Grows whenever the numbers of functions begin anew.
    begun: u64,
    /// Each with its frame, so that no other can come to be at its address.
    by_address: FxHashMap<usize, (Arc<Frame>, u32)>,
    by_function: FxHashMap<ByFunction, u32>,
    /// By number: samples (or ns) of its own, and of what it called with them.
    rows: Vec<TopRow>,
}

impl Tally {
    /// Begins, where functions are wanted: of this measure.
    pub fn begin(&mut self, measure: Option<Measure>) {
        if self.measure != measure || self.by_address.len() > FRAMES {
            *self = Self { measure, begun: self.begun + 1, ..Self::default() };
        }
        self.rows.iter_mut().for_each(|row| (row.own, row.total) = (0, 0));
    }

    /// Whether a list has to be made, or made anew.
    pub fn wants(&self, lists: &Lists) -> bool {
        self.measure.is_some() && lists.begun != self.begun
    }

    /// Makes the list of a stack: of frames, the kernel's and those of the user, leaf first, and the
    /// thread where it has a name of its own.
    pub fn list(&mut self, frames: [&[Arc<Frame>]; 2], thread: Option<&str>, lists: &mut Lists) {
        let Some(measure) = self.measure else { return };
        lists.begun = self.begun;
        let from = lists.numbers.len();
        for frame in frames.into_iter().flatten() {
            let number = self.number(frame);
            if !lists.numbers[from..].contains(&number) {
                lists.numbers.push(number);
            }
        }
        if let Some(thread) = thread
            && lists.numbers.len() == from
            && measure == Measure::Cpu
        {
            // Time that is in no function. Only of samples threads are kept apart.
            lists.numbers.push(self.number_of_function(&Arc::new(Frame::note(thread))));
        }
        lists.ends.push(lists.numbers.len() as u32);
    }

    /// Makes a list that was made before.
    pub fn list_again(&self, old: &Lists, at: usize, lists: &mut Lists) {
        if self.measure.is_none() {
            return;
        }
        lists.begun = self.begun;
        let from = at.checked_sub(1).map_or(0, |before| old.ends[before]);
        lists.numbers.extend(&old.numbers[from as usize..old.ends[at] as usize]);
        lists.ends.push(lists.numbers.len() as u32);
    }

    /// Adds the samples of a process; of wall-clock time its waits, too. Gives what is in no function.
    pub fn add(
        &mut self,
        model: &Model,
        process: ProcKey,
        stacks: &[Sampled],
        lists: &Lists,
    ) -> u64 {
        let Some(measure) = self.measure else { return 0 };
        let factor = match measure {
            Measure::Wall => model.watched.period_ns().unwrap_or(0),
            Measure::Cpu | Measure::OffCpu => 1,
        };
        let mut in_none = 0_u64;
        let sampled = stacks.iter().map(|stack| stack.samples.saturating_mul(factor));
        for (list, weight) in lists.iter().zip(sampled) {
            self.add_list(list, weight, &mut in_none);
        }
        if measure == Measure::Wall {
            let mut list = Lists::default();
            for stack in flame::weigh_process(model, Measure::OffCpu, process) {
                list.clear();
                self.list([stack.kernel, stack.user], None, &mut list);
                self.add_list(&list.numbers, stack.weight, &mut in_none);
            }
        }
        in_none
    }

    /// Adds what is in a function alone, or in none: that has a note for a name.
    pub fn add_to(&mut self, frame: &Arc<Frame>, weight: u64) {
        let number = self.number_of_function(frame);
        self.add_list(&[number], weight, &mut 0);
    }

    /// The functions, in no order.
    pub fn rows(&self) -> Vec<TopRow> {
        self.rows.iter().filter(|row| row.total > 0).cloned().collect()
    }

    fn add_list(&mut self, list: &[u32], weight: u64, in_none: &mut u64) {
        match list.first() {
            Some(leaf) => self.rows[*leaf as usize].own.add_up(weight),
            None => in_none.add_up(weight),
        }
        list.iter().for_each(|number| self.rows[*number as usize].total.add_up(weight));
    }

    fn number(&mut self, frame: &Arc<Frame>) -> u32 {
        let address = Arc::as_ptr(frame) as usize;
        if let Some((_, number)) = self.by_address.get(&address) {
            return *number;
        }
        let number = self.number_of_function(frame);
        self.by_address.insert(address, (Arc::clone(frame), number));
        number
    }

    fn number_of_function(&mut self, frame: &Arc<Frame>) -> u32 {
        let next = self.rows.len() as u32;
        let number = *self.by_function.entry(ByFunction(Arc::clone(frame))).or_insert(next);
        if number == next {
            self.rows.push(TopRow { frame: Arc::clone(frame), own: 0, total: 0 });
        }
        number
    }
}

/// A frame, named by its function.
#[derive(Clone, Debug)]
struct ByFunction(Arc<Frame>);

impl PartialEq for ByFunction {
    fn eq(&self, other: &Self) -> bool {
        Function::of(&self.0) == Function::of(&other.0)
    }
}

impl Eq for ByFunction {}

impl Hash for ByFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Function::of(&self.0).hash(state);
    }
}
