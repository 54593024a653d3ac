//! Makes the table of a file.

use super::elf::{Code, Elf};
use super::functions::{By, Described, FrameBytes, Sources, section};
use super::program::Program;
use super::rules::NEW_OF_FILE_MAX;
use super::source::{Bytes, Entry, Source};
use super::table::{Builder, PAGES_MAX, Reason, Stats};
use super::translate::Context;
use super::{Error, Rules, Table};
use gimli::UnwindSection;
use object::read::ReadRef;
use std::hash::{BuildHasher, Hash, Hasher};
use syscope_shared::unwind::{PAGE_BITS, RULE_NO_DATA, RULE_ROOT, Rule};

impl Table {
    /// Compiles the unwind data of a file, whose `data` is what it was read from, to a table of at most
    /// `words_max` words. What of it is needed for `.eh_frame` and, where that says nothing, for
    /// `.debug_frame` is read now. Where that fails, `rules` are as they were.
    pub fn compile<'d>(
        file: &Elf,
        data: impl ReadRef<'d>,
        rules: &mut Rules,
        words_max: usize,
    ) -> Result<Self, Error> {
        let before = rules.all().len();
        let table = Self::written(file, data, rules, words_max);
        if table.is_err() {
            rules.keep(before);
        }
        table
    }

    fn written<'d>(
        file: &Elf,
        data: impl ReadRef<'d>,
        rules: &mut Rules,
        words_max: usize,
    ) -> Result<Self, Error> {
        let bytes = FrameBytes::of(file, data)?;
        let mut sources = Sources::of(file, &bytes);

        // Addresses in a table are numbers of 32 bits.
        let base = file.first_page() << PAGE_BITS;
        let end = file.code.iter().map(|code| code.address + code.size).max().unwrap_or(0);
        if end.saturating_sub(base) > PAGES_MAX << PAGE_BITS {
            return Err(Error::TooWide);
        }
        let mut stats = Stats::default();
        let functions = sources.functions(file, &mut stats);
        let Some(last) = functions.last() else { return Err(Error::NoUnwindData) };
        let builder = Builder::new(((last.end - 1) >> PAGE_BITS) + 1, words_max)?;
        let rules_max = rules.all().len() + NEW_OF_FILE_MAX;
        let mut writer = Writer { builder, rules, rules_max, stats };
        for function in &functions {
            match function.by {
                By::EhFrame => writer.function(&mut sources.eh, function)?,
                By::DebugFrame => writer.function(&mut sources.debug, function)?,
                By::Entry => writer.entry(function)?,
            }
        }
        writer.builder.finish(file.first_page(), writer.stats)
    }
}

impl Elf {
    /// A number for all that a table is made of: where the code lies, and what describes it. Files with
    /// the same number, by a hash that nobody can know beforehand, have the same table.
    pub fn fingerprint<'d>(
        &self,
        data: impl ReadRef<'d>,
        hashing: &impl BuildHasher,
    ) -> Result<u64, Error> {
        let mut hasher = hashing.build_hasher();
        (self.machine as u8).hash(&mut hasher);
        for Code { address, offset, size } in &self.code {
            (address, offset, size).hash(&mut hasher);
        }
        self.entry.hash(&mut hasher);
        for place in [self.eh_frame, self.debug_frame] {
            place.map(|place| (place.address, place.open_ended)).hash(&mut hasher);
            section(place, data)?.hash(&mut hasher);
        }
        Ok(hasher.finish())
    }
}

/// Writes the rows of functions.
struct Writer<'r> {
    builder: Builder,
    rules: &'r mut Rules,
    /// How many there may be with those of this file.
    rules_max: usize,
    stats: Stats,
}

impl Writer<'_> {
    fn function<'d, S: UnwindSection<Bytes<'d>>>(
        &mut self,
        source: &mut Source<'d, S>,
        described: &Described,
    ) -> Result<(), Error> {
        // It could be read a moment ago; now too much may have been read.
        let Entry::Function(function) = source.entry(described.offset as usize) else {
            return self.broken(described.start, described.end);
        };
        let common = &*function.common;
        let context = Context {
            section: source.bytes,
            encoding: common.entry.encoding(),
            columns: common.columns,
            is_signal: function.entry.is_signal_trampoline(),
        };
        let factors = (common.entry.code_alignment_factor(), common.entry.data_alignment_factor());
        let from = function.entry.initial_address();
        let mut program = Program::new(&common.initial, common.columns, factors, from);
        let mut instructions = function.entry.instructions(&source.section, &source.bases);
        let mut address = described.start;
        while address < described.end {
            let next = match instructions.next().map(|next| next.map(|next| program.apply(&next))) {
                Ok(Some(Ok(None))) => continue,
                Ok(Some(Ok(Some(next)))) => next - from + u64::from(described.start),
                Ok(None) => u64::from(described.end),
                Ok(Some(Err(_))) | Err(_) => return self.broken(address, described.end),
            };
            let next = next.min(u64::from(described.end)) as u32;
            if next > address && std::mem::take(&mut program.changed) {
                match context.rule(&program.state) {
                    Ok(rule) => self.rule(address, rule)?,
                    Err(reason) => self.refuse(address, reason)?,
                }
            }
            address = next;
        }
        self.builder.set(described.end, RULE_NO_DATA)
    }

    fn entry(&mut self, described: &Described) -> Result<(), Error> {
        self.builder.set(described.start, RULE_ROOT)?;
        self.builder.set(described.end, RULE_NO_DATA)
    }

    fn rule(&mut self, address: u32, rule: Rule) -> Result<(), Error> {
        match self.rules.number(rule) {
            Some(_) if self.rules.all().len() > self.rules_max => Err(Error::TooManyRules),
            Some(number) => self.builder.set(address, number),
            None => self.refuse(address, Reason::RulesFull),
        }
    }

    /// From an address on, nothing is known of the function.
    fn broken(&mut self, address: u32, end: u32) -> Result<(), Error> {
        self.refuse(address, Reason::Instructions)?;
        self.builder.set(end, RULE_NO_DATA)
    }

    fn refuse(&mut self, address: u32, reason: Reason) -> Result<(), Error> {
        self.stats.refused[reason as usize] += 1;
        self.builder.set(address, RULE_NO_DATA)
    }
}
