//! How many samples show their chain.

use super::{Chain, ENDS_EARLY, Seen, Symbols};
use crate::schema::ProfileStack;
use std::collections::BTreeMap;
use std::fmt;

/// Samples, by whether their stack is one of the chains.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// All that count: not those of the warm-up.
    pub counted: u64,
    /// Those that are a chain.
    pub fitting: u64,
    /// Those that are the chain, by its place in the list.
    pub by_chain: Vec<u64>,
    /// Those that are no chain and do not say that they ended early.
    pub unmarked: u64,
    /// Those that say that they ended early, of the warm-up too.
    pub ended_early: u64,
    /// All with frames of user space, of the warm-up too.
    pub with_user: u64,
    /// Those of the warm-up, or between two rounds.
    pub warm_up: u64,
    /// Stacks that are no chain, root first.
    misfits: BTreeMap<String, u64>,
}

impl Tally {
    /// Compares stacks with chains.
    pub fn of<'a>(
        stacks: impl Iterator<Item = &'a ProfileStack>,
        chains: &[Chain],
        symbols: &Symbols,
        leave_out: &dyn Fn(&[Seen]) -> bool,
    ) -> Self {
        let mut tally = Self { by_chain: vec![0; chains.len()], ..Self::default() };
        for stack in stacks {
            let frames = root_first(stack, symbols);
            let early = frames.first().is_some_and(|root| root.name.starts_with(ENDS_EARLY));
            tally.with_user += if frames.is_empty() { 0 } else { stack.samples };
            tally.ended_early += if early { stack.samples } else { 0 };
            if is_between(&frames) || leave_out(&frames) {
                tally.warm_up += stack.samples;
            } else {
                tally.add(&frames, early, stack.samples, chains);
            }
        }
        tally
    }

    fn add(&mut self, frames: &[Seen], early: bool, samples: u64, chains: &[Chain]) {
        self.counted += samples;
        if let Some(index) = chains.iter().position(|chain| chain.fits(frames)) {
            self.fitting += samples;
            self.by_chain[index] += samples;
            return;
        }
        self.unmarked += if early { 0 } else { samples };
        let names: Vec<_> = frames.iter().map(|frame| frame.name.as_str()).collect();
        *self.misfits.entry(names.join(" -> ")).or_default() += samples;
    }

    /// Share of the samples that count, in percent.
    pub fn percent(&self) -> f64 {
        100.0 * self.fitting as f64 / self.counted.max(1) as f64
    }
}

/// Functions that ask for the CPU time before each round of the work.
const LOOPS: [&str; 3] = ["main", "thread_main", "child"];

/// Whether a stack is not of the work, but of the warm-up or of the asking for the time between two
/// rounds, which on some virtual machines is slow. From the start on it has to be whole, too.
fn is_between(root_first: &[Seen]) -> bool {
    let asks = |pair: &[Seen]| {
        LOOPS.contains(&pair[0].name()) && pair[1].name().ends_with("clock_gettime")
    };
    let early = root_first.first().is_some_and(|root| root.name.starts_with(ENDS_EARLY));
    root_first.last().is_some_and(|leaf| leaf.name.ends_with("warm_up"))
        || (!early && root_first.windows(2).any(asks))
}

/// The user frames of a stack, root first, without those that are inlined.
fn root_first(stack: &ProfileStack, symbols: &Symbols) -> Vec<Seen> {
    let frames = stack.user.iter().rev().filter(|frame| !frame.inlined);
    frames.map(|frame| symbols.named(frame)).collect()
}

/// The share, and the most frequent stacks that are not right.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counted, fitting, unmarked, warm_up, .. } = self;
        write!(
            f,
            "{fitting} of {counted} samples ({:.2} %) are the chain, {unmarked} are not and do not \
             say so; {warm_up} of the warm-up do not count",
            self.percent()
        )?;
        let mut misfits: Vec<_> = self.misfits.iter().collect();
        misfits.sort_by_key(|(_, samples)| std::cmp::Reverse(**samples));
        for (stack, samples) in misfits.iter().take(8) {
            write!(f, "\n  {samples:6}  {stack}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;
    use crate::schema::Frame;

    /// Frames by name, root first.
    fn stack(samples: u64, names: &str) -> ProfileStack {
        let frame = |name: &str| Frame {
            name: name.replace('_', " "),
            module: None,
            offset: 0,
            file: None,
            line: None,
            inlined: name.starts_with("inlined"),
        };
        let user = names.split_ascii_whitespace().rev().map(frame).collect();
        ProfileStack { pid: 1, comm: String::new(), samples, kernel: Vec::new(), user }
    }

    #[test]
    fn samples_are_counted_by_whether_they_fit() {
        let mut stacks = vec![
            stack(90, "main f leaf"),
            stack(3, "main g"),
            stack(4, "[stack_ends:_depth_limit] leaf"),
            stack(2, "leaf"),
            stack(1, ""),
            stack(5, "main inlined f leaf"),
        ];
        let mut warm_up = stack(50, "[stack_ends:_table_not_ready] x");
        warm_up.user[0].name = "warm_up".to_owned();
        stacks.push(warm_up);
        let chains = ["main -> f -> leaf", "main -> g"].map(parse);
        let tally = Tally::of(stacks.iter(), &chains, &Symbols::default(), &|_| false);
        assert_eq!((tally.counted, tally.fitting), (105, 98));
        assert_eq!(tally.by_chain, [95, 3]);
        assert_eq!((tally.unmarked, tally.ended_early), (3, 54));
        assert_eq!((tally.with_user, tally.warm_up), (154, 50));
        assert!(tally.to_string().contains("     2  leaf"), "{tally}");
    }

    #[test]
    fn between_two_rounds_is_only_what_is_whole() {
        let seen = |names: &[&str]| -> Vec<Seen> {
            let one = |name: &&str| Seen { name: (*name).to_owned(), file: None };
            names.iter().map(one).collect()
        };
        assert!(is_between(&seen(&["start", "main", "__GI___clock_gettime", "clock_gettime"])));
        assert!(is_between(&seen(&["[stack ends: depth limit]", "warm_up"])));
        assert!(!is_between(&seen(&["start", "main", "f", "clock_gettime"])));
        assert!(!is_between(&seen(&["start", "main", "leaf"])));
        assert!(!is_between(&seen(&["[stack ends: depth limit]", "main", "clock_gettime"])));
    }
}
