//! Tables of files made by hand, and of real ones.

mod files;
mod frames;
mod gimli_agrees;
mod stacks;

use super::image::Image;
use super::{Elf, Error, Rules, Table};
use syscope_shared::unwind::Rule;

/// Words that a table may have here.
const WORDS_MAX: usize = 1 << 22;

/// The table of an image, with its rules.
fn compiled(image: &Image<'_>) -> Result<(Table, Rules), Error> {
    let (bytes, mut rules) = (image.bytes(), Rules::default());
    let table = Table::compile(&Elf::read(&*bytes)?, &*bytes, &mut rules, WORDS_MAX)?;
    Ok((table, rules))
}

/// The rule for an address, counted from the table's first page.
fn rule_at((table, rules): &(Table, Rules), address: u64) -> Rule {
    rules.all()[table.rule_at(address) as usize]
}
