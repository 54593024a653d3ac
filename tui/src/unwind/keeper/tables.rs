//! Which tables are in the `UNWIND` map, where, and which of them leaves when others want its room.

use super::room::Room;
use crate::symbols::CodeFile;
use rustc_hash::FxHashMap;
use std::time::{Duration, Instant};
use syscope_shared::unwind::PIECE_WORDS;

/// How long a table is kept that no process uses, when others could have its room and the kernel had to make
/// more of it else.
const KEPT_UNUSED: Duration = Duration::from_secs(600);

/// A table: what it was made of says which. Whoever makes a file can give it the build id of another;
/// the fingerprint he cannot know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableId {
    /// Of what.
    pub name: Name,
    /// See [`crate::unwind::Elf::fingerprint`].
    pub fingerprint: u64,
}

/// What a table was made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// A file that says what it was built of.
    BuildId(Box<[u8]>),
    /// One that does not.
    File(CodeFile),
}

#[derive(Debug)]
struct Kept {
    base: u32,
    pages: u32,
    words: usize,
    used: Instant,
}

/// The tables that are kept.
pub struct Tables {
    kept: FxHashMap<TableId, Kept>,
    room: Room,
    /// Words that the kernel has made room for.
    grown: usize,
    evicted: u64,
}

impl Tables {
    /// None yet, in room for so many words.
    pub fn new(words: usize) -> Self {
        Self { kept: FxHashMap::default(), room: Room::new(words), grown: 0, evicted: 0 }
    }

    /// Whether this one is kept.
    pub fn has(&self, id: &TableId) -> bool {
        self.kept.contains_key(id)
    }

    /// The word at which a table begins, and how many pages of code it has; it is thereby used.
    pub fn find(&mut self, id: &TableId, now: Instant) -> Option<(u32, u32)> {
        let kept = self.kept.get_mut(id)?;
        kept.used = now;
        Some((kept.base, kept.pages))
    }

    /// Keeps a table that was written at this word, of so many pages and words.
    pub fn keep(&mut self, id: TableId, base: u32, (pages, words): (u32, usize), now: Instant) {
        self.kept.insert(id, Kept { base, pages, words, used: now });
    }

    /// Takes room, and where there is none takes it from the tables that no process uses, those first
    /// that were used longest ago; likewise where the map had to grow, from those that were not used for long.
    /// `in_use`: whether a table that begins at this word is one of a process that lives.
    pub fn make_room(
        &mut self,
        words: usize,
        in_use: impl Fn(u32) -> bool,
        now: Instant,
    ) -> Option<u32> {
        loop {
            let found = self.room.take(words, now);
            let end = found.map(|start| start as usize + words);
            if end.is_some_and(|end| end <= self.grown) {
                return found;
            }
            let unused = self.kept.iter().filter(|(_, kept)| !in_use(kept.base));
            let oldest = unused.min_by_key(|(_, kept)| kept.used);
            let is_kept = |kept: &Kept| now.saturating_duration_since(kept.used) < KEPT_UNUSED;
            let leaves = oldest.filter(|(_, kept)| found.is_none() || !is_kept(kept));
            let Some(oldest) = leaves.map(|(id, _)| id.clone()) else {
                self.grown = end?.next_multiple_of(PIECE_WORDS);
                return found;
            };
            // What was found is one with what comes free.
            found.into_iter().for_each(|start| self.take_back(start, words));
            let kept = self.kept.remove(&oldest)?;
            // No process has the way there, so that no program is on it.
            self.take_back(kept.base, kept.words);
            self.evicted += 1;
            tracing::debug!(table = ?oldest, words = kept.words, "an unwind table made room");
        }
    }

    /// Room that was taken is free again: nothing was written there that a program reads.
    pub fn take_back(&mut self, start: u32, words: usize) {
        self.room.free_at_once(start, words);
    }

    /// How many there are, and their words.
    pub fn sums(&self) -> (usize, usize) {
        (self.kept.len(), self.kept.values().map(|kept| kept.words).sum())
    }

    /// How many have made room for others.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes room for a table of a piece, and keeps it; gives where it begins.
    fn add(
        tables: &mut Tables,
        name: u64,
        in_use: impl Fn(u32) -> bool,
        now: Instant,
    ) -> Option<usize> {
        let start = tables.make_room(PIECE_WORDS, in_use, now)?;
        let id = TableId { name: Name::BuildId(Box::default()), fingerprint: name };
        tables.keep(id, start, (1, PIECE_WORDS), now);
        Some(start as usize / PIECE_WORDS)
    }

    #[test]
    fn a_table_that_nobody_used_for_long_leaves_before_the_map_grows() {
        let start = Instant::now();
        let long_after = start + KEPT_UNUSED;
        let mut tables = Tables::new(4 * PIECE_WORDS);
        assert_eq!(add(&mut tables, 0, |_| false, start), Some(0));
        assert_eq!(add(&mut tables, 1, |_| false, start), Some(1), "the first is not old");
        assert_eq!(add(&mut tables, 2, |base| base == 0, long_after), Some(1));
        assert_eq!((tables.sums(), tables.evicted()), ((2, 2 * PIECE_WORDS), 1));
        assert_eq!(tables.grown, 2 * PIECE_WORDS);
        // The first is in use, and the third was used just now.
        assert_eq!(add(&mut tables, 3, |base| base == 0, long_after), Some(2));
        assert_eq!((tables.grown, tables.evicted()), (3 * PIECE_WORDS, 1));
    }

    #[test]
    fn without_room_the_unused_one_leaves_that_was_used_longest_ago() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut tables = Tables::new(2 * PIECE_WORDS);
        assert_eq!(add(&mut tables, 0, |_| false, start), Some(0));
        assert_eq!(add(&mut tables, 1, |_| false, after(1)), Some(1));
        let first = TableId { name: Name::BuildId(Box::default()), fingerprint: 0 };
        assert_eq!(tables.find(&first, after(2)), Some((0, 1)));
        assert_eq!(add(&mut tables, 2, |_| false, after(3)), Some(1));
        assert!(tables.has(&first));
        assert_eq!(add(&mut tables, 3, |_| true, after(4)), None, "all are in use");
        assert_eq!(tables.evicted(), 1);
    }
}
