//! What the fuzz target of unwind data does with any bytes.

use super::image::{CODE, Image};
use super::rules::NEW_OF_FILE_MAX;
use super::{Elf, Error, Machine, Rules, Table, Walker};
use syscope_shared::unwind::{FRAMES_MAX, RULE_ROOT, Registers, mix, row, rule_of};

/// Words that a table may have here.
const WORDS_MAX: usize = 1 << 16;

/// Compiles unwind data and walks a stack of nonsense with it. The first byte says what the others are:
/// a file, or one section of a file.
pub fn tables(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let (name, machine) = match kind % 4 {
        0 => return table(bytes),
        1 => (".eh_frame", Machine::X86_64),
        2 => (".debug_frame", Machine::X86_64),
        _ => (".eh_frame", Machine::Aarch64),
    };
    table(&Image { machine, ..Image::new(&[(name, 0, bytes)]) }.bytes());
}

fn table(file: &[u8]) {
    let Ok(elf) = Elf::read(file) else { return };
    let mut rules = Rules::default();
    match Table::compile(&elf, file, &mut rules, WORDS_MAX) {
        Ok(table) => {
            holds(&table, &rules);
            walk(&elf, &table, &rules);
        }
        Err(Error::TooLarge(words)) => assert_eq!(words, WORDS_MAX),
        Err(_) => assert_eq!(rules, Rules::default(), "a file without a table takes no room"),
    }
}

/// Whether a table is what the BPF programs rely on.
fn holds(table: &Table, rules: &Rules) {
    let (pages, words) = (table.pages as usize, &table.words);
    assert!(words.len() <= WORDS_MAX && pages > 0);
    let (index, rows) = words.split_at(pages + 1);
    assert_eq!((index[0], index[pages] as usize), (0, rows.len()));
    for page in index.windows(2) {
        let rows = &rows[page[0] as usize..page[1] as usize];
        assert_eq!(row(u64::from(rows[0]), 0), 0, "a page has a rule from its first address on");
        assert!(rows.is_sorted_by(|one, next| row((*one).into(), 0) < row((*next).into(), 0)));
        assert!(rows.windows(2).all(|rows| rule_of(rows[0]) != rule_of(rows[1])));
        assert!(rows.iter().all(|row| (rule_of(*row) as usize) < rules.all().len()));
    }
    assert!(rules.all().len() <= RULE_ROOT as usize + 1 + NEW_OF_FILE_MAX);
    let described = table.stats.functions as usize;
    assert!(described > 0, "a table of nothing is none");
}

/// Walks a stack whose every word is an address of the code, or nearly.
fn walk(elf: &Elf, table: &Table, rules: &Rules) {
    let mapped = elf
        .code
        .first()
        .and_then(|code| elf.segment((CODE, CODE + 0x1000), code.offset, 0, table.pages));
    let Some(segment) = mapped else { return };
    let walker = Walker { segments: &[segment], words: table.words.as_slice(), rules: rules.all() };
    for seed in 0..4 {
        let any = |number: u64| mix(seed, number);
        let registers =
            Registers { ip: CODE + any(1) % 0x1000, sp: 8 * seed, fp: 64, ..Registers::default() };
        let read = |at: u64| (any(at) % 16 > 0).then(|| CODE + any(at) % 0x1010);
        let (addresses, _) = walker.walk(registers, |number| Some(u64::from(number)), read);
        assert!((1..=FRAMES_MAX).contains(&addresses.len()));
    }
}
