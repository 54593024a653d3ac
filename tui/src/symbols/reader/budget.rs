//! How much CPU time is spent on the files of whom.

use rustc_hash::FxHashMap;
use std::time::{Duration, Instant};

/// CPU time for one look into a file. The largest debug information of a distribution takes two seconds.
const MAX_A_LOOK: Duration = Duration::from_secs(5);
/// And for all files of a user who is not root, before they wait.
const MAX_A_USER: Duration = Duration::from_secs(10);
/// What a user has again for each second that passes: a tenth.
const REGAINED: f64 = 0.1;
/// The least that a look is given: limits are held to the second.
const LEAST: Duration = Duration::from_secs(1);
/// What is charged for a reader that had to be started anew, beside the time.
pub(super) const RESTART: Duration = Duration::from_secs(1);
/// Users that are known at once.
const MAX_USERS: usize = 4_096;

/// Who is behind a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::symbols) enum Owner {
    /// Root, and nobody else can change it. Root needs no tricks to slow a machine down.
    Root,
    /// A user, by number.
    User(u32),
}

/// What users have spent.
#[derive(Debug, Default)]
pub(super) struct Budgets(FxHashMap<u32, (Duration, Instant)>);

impl Budgets {
    /// CPU time that the next look into a file may take; `None`: none at the moment.
    pub(super) fn left(&self, owner: Owner, now: Instant) -> Option<Duration> {
        let left = MAX_A_USER.saturating_sub(self.spent(owner, now));
        (left >= LEAST).then_some(left.min(MAX_A_LOOK))
    }

    pub(super) fn charge(&mut self, owner: Owner, took: Duration, now: Instant) {
        let spent = self.spent(owner, now) + took;
        let Owner::User(user) = owner else { return };
        if self.0.len() >= MAX_USERS && !self.0.contains_key(&user) {
            let spent: Vec<_> = self.0.keys().map(|user| (*user, Owner::User(*user))).collect();
            let forgotten = spent.into_iter().min_by_key(|(_, owner)| self.spent(*owner, now));
            forgotten.map(|(user, _)| self.0.remove(&user));
        }
        self.0.insert(user, (spent, now));
    }

    fn spent(&self, owner: Owner, now: Instant) -> Duration {
        let Owner::User(user) = owner else { return Duration::ZERO };
        let Some((spent, at)) = self.0.get(&user) else { return Duration::ZERO };
        spent.saturating_sub(now.saturating_duration_since(*at).mul_f64(REGAINED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_spends_what_is_his_and_no_more() {
        let (mut budgets, now) = (Budgets::default(), Instant::now());
        let (one, other) = (Owner::User(1_000), Owner::User(1_001));
        for _ in 0..2 {
            assert_eq!(budgets.left(one, now), Some(MAX_A_LOOK));
            budgets.charge(one, MAX_A_LOOK, now);
        }
        assert_eq!(budgets.left(one, now), None);
        assert_eq!(budgets.left(other, now), Some(MAX_A_LOOK));
        assert_eq!(budgets.left(one, now + Duration::from_secs(9)), None);
        let later = budgets.left(one, now + Duration::from_secs(20));
        assert_eq!(later, Some(Duration::from_secs(2)));
    }

    #[test]
    fn root_spends_what_it_takes() {
        let (mut budgets, now) = (Budgets::default(), Instant::now());
        budgets.charge(Owner::Root, Duration::from_secs(1_000), now);
        assert_eq!(budgets.left(Owner::Root, now), Some(MAX_A_LOOK));
    }

    #[test]
    fn users_are_forgotten_that_spent_least() {
        let (mut budgets, now) = (Budgets::default(), Instant::now());
        for user in 0..=MAX_USERS as u32 {
            let took = if user == 7 { RESTART } else { MAX_A_LOOK };
            budgets.charge(Owner::User(user), took, now);
        }
        assert_eq!(budgets.0.len(), MAX_USERS);
        assert!(!budgets.0.contains_key(&7));
    }
}
