//! The tables of files, in the `UNWIND` map: each once, however many processes run its code.

use super::maps::Maps;
use super::pythons::{Python, Pythons};
use super::tables::{Name, TableId, Tables};
use crate::symbols::CodeFile;
use crate::unwind::{Elf, Error, Rules, Table};
use object::ReadCache;
use rustc_hash::FxHashMap;
use std::fs::File;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};
use syscope_shared::unwind::{NO_TABLE, NOT_READY, Segment};

/// Files that are remembered at most, with or without a table.
const FILES_MAX: usize = 16 * 1024;
/// Words of a table at most: half of what there is.
const SHARE: usize = 2;
/// How long a table for which there was no room is put off. Doubles up to [`LAST_DELAY`].
const FIRST_DELAY: Duration = Duration::from_secs(10);
const LAST_DELAY: Duration = Duration::from_secs(320);

/// What is known of a file.
#[derive(Clone, Debug)]
enum Known {
    /// Its table is to be made.
    Waiting,
    /// It has none.
    Without,
    /// There is no room for it: when it is tried again, and how long it was put off.
    PutOff(Instant, Duration),
    /// It has one.
    Ready { elf: Arc<Elf>, table: TableId, python: Option<Python> },
}

/// What became of the tables, for the health page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tables that are in memory.
    pub tables: usize,
    /// Bytes that they take.
    pub bytes: usize,
    /// Files without unwind data, or whose headers cannot be read.
    pub without: u64,
    /// Times that there was no room for a table.
    pub no_room: u64,
    /// Files that could not be opened.
    pub unopened: u64,
    /// Tables that made room for others.
    pub evicted: u64,
    /// Files with a Python in them of which nothing is known: only native frames are shown.
    pub unknown_pythons: u64,
}

/// All tables.
pub struct Store {
    files: FxHashMap<CodeFile, Known>,
    tables: Tables,
    pub(super) rules: Rules,
    rules_written: usize,
    /// Words that there can be.
    words: usize,
    pythons: Pythons,
    /// Makes fingerprints.
    hashing: RandomState,
    counts: Counts,
}

impl Store {
    /// None yet, in maps with room for so many words.
    pub fn new(words: usize) -> Self {
        Self {
            files: FxHashMap::default(),
            tables: Tables::new(words),
            rules: Rules::default(),
            rules_written: 0,
            words,
            pythons: Pythons::default(),
            hashing: RandomState::new(),
            counts: Counts::default(),
        }
    }

    /// Whether the table of this file has yet to be made; it is noted that somebody wants it.
    pub fn wants(&mut self, file: CodeFile) -> bool {
        if self.files.len() >= FILES_MAX && !self.files.contains_key(&file) {
            // What has no table is found out again when it is met again.
            self.files.retain(|_, known| matches!(known, Known::Ready { .. }));
        }
        match self.files.entry(file).or_insert(Known::Waiting) {
            Known::Waiting => true,
            Known::Without | Known::PutOff(..) => false,
            // It may have made room for another.
            Known::Ready { table, .. } => !self.tables.has(table),
        }
    }

    /// Nothing leads to a file that is wanted.
    pub fn cannot_open(&mut self, file: CodeFile) {
        self.counts.unopened += 1;
        self.files.insert(file, Known::Without);
    }

    /// There is no room for what a file needs now.
    pub fn put_off(&mut self, file: CodeFile, now: Instant) {
        self.counts.no_room += 1;
        let delay = match self.files.get(&file) {
            Some(Known::PutOff(_, delay)) => (*delay * 2).min(LAST_DELAY),
            _ => FIRST_DELAY,
        };
        self.files.insert(file, Known::PutOff(now + delay, delay));
    }

    /// Files that were put off long enough.
    pub fn due(&self, now: Instant) -> Vec<CodeFile> {
        let is_due = |known: &Known| matches!(known, Known::PutOff(until, _) if *until <= now);
        self.files.iter().filter(|(_, known)| is_due(known)).map(|(file, _)| *file).collect()
    }

    /// Whether files are put off.
    pub fn has_put_off(&self) -> bool {
        self.files.values().any(|known| matches!(known, Known::PutOff(..)))
    }

    /// Nobody has use for a file any more.
    pub fn forget(&mut self, file: CodeFile) {
        self.files.remove(&file);
    }

    /// Whether the table of a file may come yet.
    pub fn may_come(&self, file: CodeFile) -> bool {
        matches!(self.files.get(&file), None | Some(Known::Waiting | Known::PutOff(..)))
    }

    /// What a process has mapped of a file: addresses, and where they begin in the file.
    pub fn segment(&mut self, file: CodeFile, range: (u64, u64), offset: u64) -> Segment {
        let bare =
            |base| Segment { start: range.0, len: range.1 - range.0, base, ..Segment::default() };
        match self.files.get(&file) {
            None | Some(Known::Waiting) => bare(NOT_READY),
            Some(Known::Without | Known::PutOff(..)) => bare(NO_TABLE),
            Some(Known::Ready { elf, table, .. }) => {
                let Some((base, pages)) = self.tables.find(table, Instant::now()) else {
                    // It made room for another.
                    self.files.insert(file, Known::Waiting);
                    return bare(NOT_READY);
                };
                elf.segment(range, offset, base, pages).unwrap_or(bare(NO_TABLE))
            }
        }
    }

    /// The Python that a file has in it, if any.
    pub fn python(&self, file: CodeFile) -> Option<&Python> {
        match self.files.get(&file)? {
            Known::Ready { python, .. } => python.as_ref(),
            Known::Waiting | Known::Without | Known::PutOff(..) => None,
        }
    }

    /// Makes the table of a file. `in_use`: whether a table that begins at this word is one of a process
    /// that lives; it stays.
    pub fn make(
        &mut self,
        id: CodeFile,
        file: &File,
        in_use: impl Fn(u32) -> bool,
        maps: &mut dyn Maps,
    ) {
        match self.compile(id, file, in_use, &mut *maps) {
            Ok((elf, table)) => {
                let python = self.pythons.find(file, maps);
                self.files.insert(id, Known::Ready { elf: Arc::new(elf), table, python });
            }
            Err(Failure::NoRoom) => {
                tracing::info!(?id, "no room for an unwind table");
                self.put_off(id, Instant::now());
            }
            Err(Failure::Error(error)) => {
                tracing::debug!(?id, %error, "no unwind table");
                match error {
                    Error::TooLarge(_) | Error::TooManyRules => self.counts.no_room += 1,
                    _ => self.counts.without += 1,
                }
                self.files.insert(id, Known::Without);
            }
        }
    }

    fn compile(
        &mut self,
        id: CodeFile,
        file: &File,
        in_use: impl Fn(u32) -> bool,
        maps: &mut dyn Maps,
    ) -> Result<(Elf, TableId), Failure> {
        let data = ReadCache::new(file);
        let elf = Elf::read(&data)?;
        let name = elf.build_id.clone().map_or(Name::File(id), Name::BuildId);
        let fingerprint = elf.fingerprint(&data, &self.hashing)?;
        let named = TableId { name, fingerprint };
        if self.tables.has(&named) {
            return Ok((elf, named));
        }
        let rules_before = self.rules.all().len();
        let table = Table::compile(&elf, &data, &mut self.rules, self.words / SHARE)?;
        let Some(start) = self.tables.make_room(table.words.len(), in_use, Instant::now()) else {
            self.rules.keep(rules_before);
            return Err(Failure::NoRoom);
        };
        let new = &self.rules.all()[self.rules_written..];
        let written = maps.write_rules(self.rules_written as u32, new);
        if let Err(error) = written.and_then(|()| maps.write_words(start, &table.words)) {
            tracing::warn!(%error, "the map of the unwind tables");
            self.tables.take_back(start, table.words.len());
            self.rules.keep(rules_before);
            return Err(Failure::NoRoom);
        }
        self.rules_written = self.rules.all().len();
        tracing::debug!(table = ?named, start, words = table.words.len(), "an unwind table is made");
        let size = (table.pages, table.words.len());
        self.tables.keep(named.clone(), start, size, Instant::now());
        Ok((elf, named))
    }

    /// What became of the tables.
    pub fn counts(&self) -> Counts {
        let (tables, words) = self.tables.sums();
        let (bytes, evicted) = (words * size_of::<u32>(), self.tables.evicted());
        Counts { tables, bytes, evicted, unknown_pythons: self.pythons.unknown, ..self.counts }
    }
}

/// Why there is no table for a file.
enum Failure {
    /// There will be none.
    Error(Error),
    /// There may be one later.
    NoRoom,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
