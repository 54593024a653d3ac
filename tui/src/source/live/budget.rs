//! What watching may cost, and what is left out to keep to it.
//!
//! A step up is taken at each measurement that finds more than the budget: first no stacks are taken of
//! waits that are likely to be short, then opens are sampled, each only where it costs much, and as far as
//! that helps: what is left out for nothing is lost for nothing. (That waits of 1 ms are spared their stacks does
//! not help where all take 2 ms; that those of 10 ms are, does. So all are tried.) A step down is taken when so little was
//! needed for a while that there is room for what it will cost.

/// What is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spares {
    /// No stacks are taken of waits of a thread whose last one was shorter, in µs; 0: of all.
    pub stacks_from_us: u32,
    /// One of so many opens is sent, a power of two; 1: all are.
    pub opens_one_in: u32,
}

/// What a measurement found, each as a share of the machine's CPU time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// syscope's own processes.
    pub own: f64,
    /// Its BPF programs, all together.
    pub bpf: f64,
    /// Of these, those that take stacks of waits.
    pub offcpu: f64,
    /// Opens that are sent, estimated (see [`OPEN_NS`]); in `own` and `bpf`, too.
    pub opens: f64,
}

/// CPU time of one open that is sent, about, in ns: to read its path in the kernel, and to take it in.
pub const OPEN_NS: f64 = 3_000.0;

/// The same of a wait with its stacks, in ns: between one that is known and one that is walked.
pub const WAIT_NS: f64 = 2_000.0;
/// The same of a system call, in ns.
pub const CALL_NS: f64 = 200.0;

/// From which length of a wait on its stacks are taken, in µs, step by step.
const STACKS_FROM_US: [u32; 5] = [0, 100, 1_000, 10_000, 100_000];
/// One of so many opens is sent, at most.
const OPENS_ONE_IN_MAX: u32 = 1024;
/// What is to be left out takes more than this part of the budget.
const MUCH: f64 = 0.25;
/// A step has helped when no more than this part of the cost is left.
const HELPED: f64 = 0.9;
/// There is room for a step down where less than this part of the budget is needed.
const ROOM: f64 = 0.5;
/// Measurements that must have found room, at first and at most: twice as many each time that a step down
/// was one too many.
const CALM: u32 = 3;
const CALM_MAX: u32 = 96;

/// Keeps to a budget.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Share of the machine's CPU time; `None`: whatever it costs.
    limit: Option<f64>,
    /// Index among [`STACKS_FROM_US`].
    stacks: usize,
    /// The last of its steps up that helped, and what the waits cost since, while further ones are tried.
    stacks_base: (usize, Option<f64>),
    /// No further step with stacks would help.
    stacks_done: bool,
    /// As a power of two.
    opens_log2: u32,
    /// Measurements in a row that found more than the budget.
    over: u32,
    calm: u32,
    calm_wanted: u32,
    /// The last step was one down.
    went_down: bool,
}

impl Budget {
    /// A budget of this share of the machine's CPU time.
    pub fn new(limit: Option<f64>) -> Self {
        Self {
            limit,
            stacks: 0,
            stacks_base: (0, None),
            stacks_done: false,
            opens_log2: 0,
            over: 0,
            calm: 0,
            calm_wanted: CALM,
            went_down: false,
        }
    }

    /// What is left out now.
    pub fn spares(&self) -> Spares {
        let stacks_from_us = STACKS_FROM_US[self.stacks];
        Spares { stacks_from_us, opens_one_in: 1 << self.opens_log2 }
    }

    /// Whether anything is left out.
    pub fn is_over(&self) -> bool {
        self.spares() != Budget::new(None).spares()
    }

    /// Whether the next measurement is to come soon.
    pub fn is_tense(&self) -> bool {
        self.over > 0 || self.is_over()
    }

    /// Whether what happens costs so much more, by estimate, that it is to be measured at once. Both are shares of the
    /// machine's CPU time: now, and at the last measurement.
    pub fn suspects(&self, now: f64, measured: f64) -> bool {
        self.limit.is_some_and(|limit| now > limit * ROOM && now > measured * 2.0)
    }

    /// Takes a measurement in; whether that changes what is left out.
    pub fn judge(&mut self, cost: Cost) -> bool {
        let Some(limit) = self.limit else { return false };
        let before = self.spares();
        let needed = cost.own + cost.bpf;
        self.over = if needed > limit { self.over.saturating_add(1) } else { 0 };
        if self.over == 0 {
            // What is left out is enough, so it helped.
            self.stacks_base = (self.stacks, None);
        }
        if self.over > 0 {
            self.calm = 0;
            // One alone may be a moment.
            if self.over > 1 || self.is_over() {
                self.step_up(limit, cost);
            }
        } else if needed < limit * ROOM {
            self.calm = self.calm.saturating_add(1);
            if !self.is_over() && self.calm >= CALM_MAX {
                (self.calm_wanted, self.went_down) = (CALM, false);
            } else if self.is_over() && self.calm >= self.calm_wanted {
                self.step_down();
            }
        } else {
            self.calm = 0;
        }
        before != self.spares()
    }

    fn step_up(&mut self, limit: f64, cost: Cost) {
        if std::mem::take(&mut self.went_down) {
            self.calm_wanted = (self.calm_wanted * 2).min(CALM_MAX);
        }
        let much = limit * MUCH;
        if let (_, Some(before)) = self.stacks_base
            && cost.offcpu <= before * HELPED
        {
            self.stacks_base = (self.stacks, None);
        }
        let is_last = self.stacks + 1 == STACKS_FROM_US.len();
        if cost.offcpu > much && !self.stacks_done && !is_last {
            let (_, before) = &mut self.stacks_base;
            before.get_or_insert(cost.offcpu);
            self.stacks += 1;
            return;
        }
        if let (helped, Some(_)) = self.stacks_base {
            (self.stacks, self.stacks_base, self.stacks_done) = (helped, (helped, None), true);
        }
        if cost.opens > much && 1 << self.opens_log2 < OPENS_ONE_IN_MAX {
            self.opens_log2 += 1;
        }
    }

    fn step_down(&mut self) {
        self.calm = 0;
        (self.went_down, self.stacks_done) = (true, false);
        if self.opens_log2 > 0 {
            self.opens_log2 -= 1;
        } else {
            self.stacks -= 1;
        }
        self.stacks_base = (self.stacks, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: f64 = 0.05;

    fn bpf(bpf: f64, offcpu: f64) -> Cost {
        Cost { bpf, offcpu, ..Cost::default() }
    }

    fn judged(budget: &mut Budget, cost: Cost, times: usize) -> Spares {
        for _ in 0..times {
            budget.judge(cost);
        }
        budget.spares()
    }

    #[test]
    fn within_the_budget_nothing_is_left_out() {
        let mut budget = Budget::new(Some(LIMIT));
        let cost = Cost { own: 0.02, bpf: 0.03, offcpu: 0.03, opens: 0.03 };
        let spares = judged(&mut budget, cost, 100);
        assert_eq!(spares, Spares { stacks_from_us: 0, opens_one_in: 1 });
        assert!(!budget.is_over());
    }

    #[test]
    fn stacks_of_short_waits_go_first_as_long_as_that_helps() {
        let mut budget = Budget::new(Some(LIMIT));
        assert_eq!(judged(&mut budget, bpf(0.4, 0.4), 1).stacks_from_us, 0, "it may be a moment");
        assert!(budget.is_tense());
        assert_eq!(judged(&mut budget, bpf(0.4, 0.4), 1).stacks_from_us, 100);
        assert_eq!(judged(&mut budget, bpf(0.2, 0.2), 1).stacks_from_us, 1_000);
        assert_eq!(judged(&mut budget, bpf(0.2, 0.2), 2).stacks_from_us, 100_000);
        let spares = judged(&mut budget, bpf(0.2, 0.2), 1);
        assert_eq!(spares, Spares { stacks_from_us: 100, opens_one_in: 1 }, "they were in vain");
        assert_eq!(judged(&mut budget, bpf(0.2, 0.2), 9), spares, "and are not tried again");
    }

    #[test]
    fn a_step_that_does_not_help_is_no_reason_not_to_try_the_next() {
        // All waits take 2 ms.
        let cost = |budget: &Budget| match budget.spares().stacks_from_us {
            0..=2_000 => bpf(0.3, 0.26),
            _ => bpf(0.03, 0.02),
        };
        let mut budget = Budget::new(Some(LIMIT));
        for _ in 0..20 {
            budget.judge(cost(&budget));
        }
        assert_eq!(budget.spares().stacks_from_us, 10_000);
    }

    #[test]
    fn opens_are_sampled_where_they_are_what_costs() {
        let mut budget = Budget::new(Some(LIMIT));
        let costly = Cost { own: 0.2, bpf: 0.1, offcpu: 0.01, opens: 0.25 };
        let spares = judged(&mut budget, costly, 5);
        assert_eq!(spares, Spares { stacks_from_us: 0, opens_one_in: 16 });
        assert_eq!(judged(&mut budget, costly, 100).opens_one_in, OPENS_ONE_IN_MAX);
        let mut budget = Budget::new(Some(LIMIT));
        judged(&mut budget, Cost { opens: 0.001, ..costly }, 100);
        assert!(!budget.is_over(), "what costs is something else");
    }

    #[test]
    fn when_load_falls_everything_returns() {
        let mut budget = Budget::new(Some(LIMIT));
        judged(&mut budget, bpf(0.2, 0.15), 2);
        judged(&mut budget, bpf(0.2, 0.10), 1);
        judged(&mut budget, Cost { opens: 0.1, ..bpf(0.2, 0.01) }, 3);
        assert_eq!(budget.spares(), Spares { stacks_from_us: 1_000, opens_one_in: 8 });
        let steps = 5 * CALM as usize;
        assert!(budget.is_over());
        judged(&mut budget, bpf(0.001, 0.0), steps - 1);
        assert!(budget.is_over());
        judged(&mut budget, bpf(0.001, 0.0), 1);
        assert!(!budget.is_over());
    }

    #[test]
    fn a_step_down_that_was_one_too_many_is_tried_less_and_less_often() {
        let mut budget = Budget::new(Some(LIMIT));
        judged(&mut budget, bpf(0.2, 0.15), 2);
        let mut tries = 0;
        for _ in 0..1_000 {
            // What is left out saves nearly everything.
            let cost = if budget.is_over() { bpf(0.001, 0.0) } else { bpf(0.2, 0.15) };
            tries += usize::from(budget.judge(cost) && !budget.is_over());
        }
        assert!((5..=20).contains(&tries), "{tries}");
    }

    proptest! {
        #[test]
        fn without_a_limit_nothing_is_ever_left_out(costs in prop::collection::vec(0.0f64..9.0, 0..50)) {
            let mut budget = Budget::new(None);
            for cost in costs {
                prop_assert!(!budget.judge(bpf(cost, cost)));
            }
            prop_assert!(!budget.is_over());
        }

        #[test]
        fn a_step_goes_towards_what_was_measured(costs in prop::collection::vec(0.0f64..0.2, 0..200)) {
            let mut budget = Budget::new(Some(LIMIT));
            for cost in costs {
                let before = budget.spares();
                budget.judge(Cost { opens: cost, ..bpf(cost, cost) });
                let after = budget.spares();
                let more = after.stacks_from_us > before.stacks_from_us
                    || after.opens_one_in > before.opens_one_in;
                let less = after.stacks_from_us < before.stacks_from_us
                    || after.opens_one_in < before.opens_one_in;
                prop_assert!(!more || cost > LIMIT, "{cost}");
                // A step that was in vain is taken back over budget, too.
                prop_assert!(!less || more || cost < LIMIT || budget.stacks_done, "{cost}");
            }
        }
    }
}
