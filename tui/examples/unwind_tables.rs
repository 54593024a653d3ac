//! Prints what the unwind tables of files cost: `cargo run --release --example unwind_tables -- FILE...`

use object::ReadCache;
use std::error::Error;
use std::fs::File;
use std::time::Instant;
use syscope::unwind::{Elf, Reason, Rules, Table};

fn main() -> Result<(), Box<dyn Error>> {
    let mut rules = Rules::default();
    let (mut files, mut words) = (0, 0);
    for path in std::env::args().skip(1) {
        let began = Instant::now();
        match File::open(&path).map_err(Into::into).and_then(|file| table(file, &mut rules)) {
            Ok(table) => {
                let took = began.elapsed();
                print(&path, &table);
                println!("  {took:.1?}, {} rules so far", rules.all().len());
                (files, words) = (files + 1, words + table.words.len());
            }
            Err(error) => println!("{path}: {error}"),
        }
    }
    println!("{files} files, {} KiB, {} rules", words * 4 / 1024, rules.all().len());
    Ok(())
}

fn table(file: File, rules: &mut Rules) -> Result<Table, Box<dyn Error>> {
    let data = ReadCache::new(file);
    let elf = Elf::read(&data)?;
    Ok(Table::compile(&elf, &data, rules, 64 << 20)?)
}

fn print(path: &str, table: &Table) {
    let (stats, kib) = (table.stats, table.words.len() * 4 / 1024);
    println!("{path}: {} functions, {} rows, {kib} KiB", stats.functions, table.rows());
    let refused = Reason::ALL.map(|reason| (reason, stats.refused[reason as usize]));
    let refused: Vec<_> = refused.iter().filter(|(_, count)| *count > 0).collect();
    let others = (stats.overlapping, stats.outside, stats.unreadable);
    println!("  overlapping, outside, unreadable: {others:?}; refused: {refused:?}");
}
