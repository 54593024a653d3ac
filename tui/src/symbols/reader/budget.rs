//! How much time is spent on the files of whom.

use rustc_hash::FxHashMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// CPU time for one look into a file. The largest debug information of a distribution takes two seconds.
const MAX_A_LOOK: Duration = Duration::from_secs(5);
/// And for all files of a user who is not root, before they wait.
const MAX_A_USER: Duration = Duration::from_secs(10);
/// And for all users together who are not root: one may have many numbers.
const MAX_ALL: Duration = Duration::from_secs(20);
/// What is had again for each second that passes.
const REGAINED: f64 = 0.05;
/// The least that a look is given: limits are held to the second.
const LEAST: Duration = Duration::from_secs(1);
/// What is charged for a reader that had to be started anew, beside the time: other files have to be
/// opened anew, too.
pub(super) const RESTART: Duration = Duration::from_secs(2);
/// Users that are known at once.
const MAX_USERS: usize = 4_096;

/// Who is behind a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::symbols) enum Owner {
    /// Root, and nobody else can change it. Root needs no tricks to slow a machine down.
    Root,
    /// A user, by number.
    User(u32),
}

impl Owner {
    /// Who is behind an open file.
    pub(in crate::symbols) fn of(file: &File) -> Self {
        match file.metadata() {
            Ok(_) if super::elf_depth::is_trusted(file) => Self::Root,
            Ok(file) => Self::User(file.uid()),
            Err(_) => Self::User(u32::MAX),
        }
    }
}

/// Time that was spent, and when that was so.
#[derive(Clone, Copy, Debug)]
struct Spent(Duration, Instant);

impl Spent {
    fn at(&self, now: Instant) -> Duration {
        self.0.saturating_sub(now.saturating_duration_since(self.1).mul_f64(REGAINED))
    }
}

/// What users have spent.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    users: FxHashMap<u32, Spent>,
    all: Option<Spent>,
}

impl Budgets {
    /// CPU time that the next look into a file may take; `None`: none at the moment.
    pub(super) fn left(&self, owner: Owner, now: Instant) -> Option<Duration> {
        let Owner::User(user) = owner else { return Some(MAX_A_LOOK) };
        let of_user = MAX_A_USER.saturating_sub(self.spent(user, now));
        let of_all = self.all.map_or(MAX_ALL, |all| MAX_ALL.saturating_sub(all.at(now)));
        let left = of_user.min(of_all);
        (left >= LEAST).then_some(left.min(MAX_A_LOOK))
    }

    pub(super) fn charge(&mut self, owner: Owner, took: Duration, now: Instant) {
        let Owner::User(user) = owner else { return };
        let spent = self.spent(user, now) + took;
        if self.users.len() >= MAX_USERS && !self.users.contains_key(&user) {
            let least = self.users.iter().min_by_key(|(_, spent)| spent.at(now));
            let forgotten = least.map(|(user, _)| *user);
            forgotten.map(|user| self.users.remove(&user));
        }
        self.users.insert(user, Spent(spent, now));
        self.all = Some(Spent(self.all.map_or(Duration::ZERO, |all| all.at(now)) + took, now));
    }

    fn spent(&self, user: u32, now: Instant) -> Duration {
        self.users.get(&user).map_or(Duration::ZERO, |spent| spent.at(now))
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
        assert_eq!(budgets.left(one, now + Duration::from_secs(19)), None);
        let later = budgets.left(one, now + Duration::from_secs(40));
        assert_eq!(later, Some(Duration::from_secs(2)));
    }

    #[test]
    fn all_users_together_have_no_more_than_two() {
        let (mut budgets, now) = (Budgets::default(), Instant::now());
        for user in 1_000..1_004 {
            assert!(budgets.left(Owner::User(user), now).is_some());
            budgets.charge(Owner::User(user), MAX_A_LOOK, now);
        }
        assert_eq!(budgets.left(Owner::User(1_004), now), None);
        assert_eq!(budgets.left(Owner::Root, now), Some(MAX_A_LOOK));
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
            let took = if user == 7 { LEAST } else { MAX_A_LOOK };
            budgets.charge(Owner::User(user), took, now);
        }
        assert_eq!(budgets.users.len(), MAX_USERS);
        assert!(!budgets.users.contains_key(&7));
    }
}
