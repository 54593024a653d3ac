//! Room in an array that others read while it is written.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// How long what was given back is left as it is: a program that was on its way there, and a child that
/// inherited the way there and is not heard of yet, must not find something else.
const GRACE: Duration = Duration::from_secs(2);

/// Which places of an array are free. Ranges are given out and taken back.
#[derive(Debug)]
pub struct Room {
    /// Length of each free range by where it begins; no two touch.
    free: BTreeMap<u32, u32>,
    /// Ranges that were given back, oldest first: when, where, how long.
    leaving: VecDeque<(Instant, u32, u32)>,
}

impl Room {
    /// An array of so many places, all of them free.
    pub fn new(len: usize) -> Self {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        Self { free: BTreeMap::from([(0, len)]), leaving: VecDeque::new() }
    }

    /// A range of so many places: where it begins. `None` when no free one is that long.
    pub fn take(&mut self, len: usize, now: Instant) -> Option<u32> {
        let len = u32::try_from(len).ok()?;
        self.let_go(now);
        let (start, found) = self.free.iter().find(|(_, free)| **free >= len)?;
        let (start, found) = (*start, *found);
        self.free.remove(&start);
        if found > len {
            self.free.insert(start + len, found - len);
        }
        Some(start)
    }

    /// A range is not needed any more.
    pub fn give_back(&mut self, start: u32, len: usize, now: Instant) {
        self.leaving.push_back((now, start, len as u32));
    }

    /// A range that nobody can be on the way to any more.
    pub fn free_at_once(&mut self, start: u32, len: usize) {
        self.join(start, len as u32);
    }

    fn let_go(&mut self, now: Instant) {
        while let Some((at, start, len)) = self.leaving.front().copied() {
            if now.saturating_duration_since(at) < GRACE {
                return;
            }
            self.leaving.pop_front();
            self.join(start, len);
        }
    }

    fn join(&mut self, mut start: u32, mut len: u32) {
        if let Some(behind) = self.free.remove(&(start + len)) {
            len += behind;
        }
        if let Some((&before, &its_len)) = self.free.range(..start).next_back()
            && before + its_len == start
        {
            self.free.remove(&before);
            (start, len) = (before, len + its_len);
        }
        if len > 0 {
            self.free.insert(start, len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_range_comes_free_a_while_after_it_was_given_back() {
        let now = Instant::now();
        let mut room = Room::new(10);
        assert_eq!(
            (room.take(4, now), room.take(6, now), room.take(1, now)),
            (Some(0), Some(4), None)
        );
        room.give_back(0, 4, now);
        assert_eq!(room.take(1, now + GRACE / 2), None, "somebody may still be there");
        assert_eq!(room.take(4, now + GRACE), Some(0));
        room.give_back(4, 6, now);
        room.give_back(0, 4, now);
        assert_eq!(room.take(10, now + GRACE), Some(0), "they are one again");
    }

    proptest! {
        #[test]
        fn ranges_never_overlap(wishes in proptest::collection::vec((0usize..30, any::<bool>()), 0..200)) {
            let mut now = Instant::now();
            let mut room = Room::new(100);
            let mut given: Vec<(u32, usize)> = Vec::new();
            for (len, back) in wishes {
                now += GRACE;
                if back && !given.is_empty() {
                    let (start, len) = given.swap_remove(len % given.len());
                    room.give_back(start, len, now - GRACE);
                } else if len > 0 && let Some(start) = room.take(len, now) {
                    for (other, other_len) in &given {
                        let apart = start as usize + len <= *other as usize
                            || *other as usize + other_len <= start as usize;
                        prop_assert!(apart && start as usize + len <= 100);
                    }
                    given.push((start, len));
                }
            }
        }
    }
}
