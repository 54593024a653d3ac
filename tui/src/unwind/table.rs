//! The table of one file, as it lies in the `UNWIND` map.

use super::{Error, Words};
use syscope_shared::unwind::{PAGE_BITS, RULE_NO_DATA, row, rule_of};

/// Pages of a table at most: 2 GiB of addresses.
pub(super) const PAGES_MAX: u64 = 1 << 15;

/// Why nothing is known of a stretch of code that the unwind data does describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The instructions for it cannot be read.
    Instructions,
    /// Where the caller's stack pointer is takes more than a rule can say.
    StackPointer,
    /// Likewise the caller's frame pointer.
    FramePointer,
    /// Likewise the return address.
    ReturnAddress,
    /// The frame of a signal handler that is not the kernel's.
    Signal,
    /// There are too many different rules.
    RulesFull,
}

impl Reason {
    /// All of them, by number.
    pub const ALL: [Self; 6] = [
        Self::Instructions,
        Self::StackPointer,
        Self::FramePointer,
        Self::ReturnAddress,
        Self::Signal,
        Self::RulesFull,
    ];
}

/// What was met on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Functions (or parts of some) that are in the table.
    pub functions: u32,
    /// Those described more than once, or inside others.
    pub overlapping: u32,
    /// Those that describe no code of the file, as linkers leave them behind.
    pub outside: u32,
    /// Those whose description cannot be read.
    pub unreadable: u32,
    /// Stretches of which nothing is known, by [`Reason`].
    pub refused: [u32; Reason::ALL.len()],
}

/// The rules for every address of a file's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Address / `PAGE_BYTES` of the first page.
    pub first_page: u64,
    /// The pages, then the rows: see `syscope_shared::unwind`.
    pub words: Vec<u32>,
    /// Pages.
    pub pages: u32,
    /// What was met when it was made.
    pub stats: Stats,
}

impl Table {
    /// Rows.
    pub fn rows(&self) -> usize {
        self.words.len() - self.pages as usize - 1
    }

    /// The number of the rule for an address, counted from the first page.
    pub fn rule_at(&self, address: u64) -> u32 {
        look_up(&*self.words, 0, self.pages, address)
    }
}

/// The number of the rule for an address in the table that begins at a word of the `UNWIND` map.
pub(super) fn look_up<W: Words + ?Sized>(words: &W, base: u32, pages: u32, address: u64) -> u32 {
    let page = address >> PAGE_BITS;
    if page >= u64::from(pages) {
        return RULE_NO_DATA;
    }
    let (base, page) = (base as usize, page as usize);
    let rows = base + pages as usize + 1;
    let bound = |page: usize| words.word(base + page).map(|row| rows + row as usize);
    let (Some(first), Some(end)) = (bound(page), bound(page + 1)) else { return RULE_NO_DATA };
    // The last row that is not behind the address. The number of a rule is less than a row with it.
    let wanted = row(address, 0);
    let (mut low, mut high) = (first, end);
    while low < high {
        let middle = low.midpoint(high);
        let Some(found) = words.word(middle) else { return RULE_NO_DATA };
        if row(u64::from(found), 0) <= wanted {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low == first { RULE_NO_DATA } else { words.word(low - 1).map_or(RULE_NO_DATA, rule_of) }
}

/// Writes a table, address by address.
#[derive(Debug)]
pub(super) struct Builder {
    words: Vec<u32>,
    pages: usize,
    /// The page that is being written.
    page: usize,
    /// The rule that is in force.
    rule: u32,
    words_max: usize,
}

impl Builder {
    /// Of so many pages; nothing is known of the first address.
    pub(super) fn new(pages: u32, words_max: usize) -> Result<Self, Error> {
        let pages = pages as usize;
        let mut words = vec![0; pages + 1];
        words.push(row(0, RULE_NO_DATA));
        let builder = Self { words, pages, page: 0, rule: RULE_NO_DATA, words_max };
        builder.within_limit()?;
        Ok(builder)
    }

    /// From this address on, counted from the first page, this rule is in force. Addresses come in
    /// order; what comes later for the same one is what holds.
    pub(super) fn set(&mut self, address: u32, rule: u32) -> Result<(), Error> {
        let page = (address >> PAGE_BITS) as usize;
        if page >= self.pages {
            return Ok(());
        }
        self.begin_pages(page);
        let new = row(u64::from(address), rule);
        let last = self.words[self.words.len() - 1];
        if row(u64::from(last), rule) == new {
            self.words.pop();
        }
        self.rule = self.before();
        if self.rule != rule {
            self.words.push(new);
            self.rule = rule;
        }
        self.within_limit()
    }

    /// The rule of the last row, unless none of this page is left.
    fn before(&self) -> u32 {
        let is_empty = self.rows() == self.words[self.page] as usize;
        if is_empty { u32::MAX } else { rule_of(self.words[self.words.len() - 1]) }
    }

    fn rows(&self) -> usize {
        self.words.len() - self.pages - 1
    }

    fn begin_pages(&mut self, page: usize) {
        while self.page < page {
            self.page += 1;
            self.words[self.page] = self.rows() as u32;
            self.words.push(row(0, self.rule));
        }
    }

    fn within_limit(&self) -> Result<(), Error> {
        if self.words.len() > self.words_max {
            Err(Error::TooLarge(self.words_max))
        } else {
            Ok(())
        }
    }

    pub(super) fn finish(mut self, first_page: u64, stats: Stats) -> Result<Table, Error> {
        self.begin_pages(self.pages - 1);
        self.words[self.pages] = self.rows() as u32;
        self.within_limit()?;
        self.words.shrink_to_fit();
        Ok(Table { first_page, words: self.words, pages: self.pages as u32, stats })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(pages: u32, sets: &[(u32, u32)]) -> Table {
        let mut builder = Builder::new(pages, 1 << 20).unwrap();
        sets.iter().for_each(|(address, rule)| builder.set(*address, *rule).unwrap());
        builder.finish(0, Stats::default()).unwrap()
    }

    #[test]
    fn each_page_begins_with_the_rule_in_force_and_rows_that_say_nothing_new_are_left_out() {
        let sets =
            [(0x10, 7), (0x20, 7), (0x30, 8), (0x30, 9), (0x40, 5), (0x40, 9), (0x3_0000, 4)];
        let table = table(4, &sets);
        let rows = [row(0, 0), row(0x10, 7), row(0x30, 9), row(0, 9), row(0, 9), row(0, 4)];
        assert_eq!(table.words, [&[0, 3, 4, 5, 6][..], &rows].concat());
        let asked = [0, 0xf, 0x10, 0x2f, 0x30, 0x1_2345, 0x2_ffff, 0x3_0000, 0x3_ffff, 0x4_0000];
        assert_eq!(asked.map(|address| table.rule_at(address)), [0, 0, 7, 7, 9, 9, 9, 4, 4, 0]);
    }

    #[test]
    fn a_table_is_no_larger_than_allowed() {
        assert_eq!(Builder::new(4, 5).unwrap_err(), Error::TooLarge(5));
        let mut builder = Builder::new(1, 4).unwrap();
        assert_eq!(builder.set(1, 2), Ok(()));
        assert_eq!(builder.set(2, 3), Err(Error::TooLarge(4)));
        let builder = Builder::new(2, 4).unwrap();
        assert_eq!(builder.finish(0, Stats::default()), Err(Error::TooLarge(4)));
    }

    proptest! {
        #[test]
        fn every_address_has_the_rule_that_was_set_last(
            mut sets in prop::collection::vec((0..0x3_0000_u32, 0..4_u32), 0..200),
            asked in prop::collection::vec(0..0x4_0000_u32, 50),
        ) {
            sets.sort_by_key(|(address, _)| *address);
            let table = table(3, &sets);
            for address in asked.into_iter().chain(sets.iter().map(|(address, _)| *address)) {
                let last = sets.iter().rev().find(|(from, _)| *from <= address);
                let expected = last.filter(|_| address < 0x3_0000).map_or(0, |(_, rule)| *rule);
                prop_assert_eq!(table.rule_at(u64::from(address)), expected);
            }
        }
    }
}
