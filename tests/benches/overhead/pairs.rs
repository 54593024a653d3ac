//! The compile in pairs: with nothing attached and with a contender, one right after the other, again and again. What
//! changes on the machine from minute to minute is in both of a pair, and so not in what they differ by.

use super::contender::{Contender, has};
use super::options::{Options, Section};
use super::stats::{interval_of_median, median};
use super::tools;
use super::turns::{machine, partition};
use super::work::{Cost, not_measured, run};
use super::workloads::{Workload, Workloads};

const WORK: Workload = Workload::Compile;

/// Measures pairs of each contender, by turns, and makes a table.
pub fn section(section: Section, options: &Options) -> String {
    if !has(WORK.program()) {
        return not_measured(WORK);
    }
    let files = Workloads::prepare();
    let (contenders, missing) = partition(tools::pairs(), options);
    // What it reads is in memory then.
    run(WORK, &files, &Contender::nothing());
    let mut pairs = vec![Vec::new(); contenders.len()];
    for round in 0..options.rounds {
        for (contender, pairs) in contenders.iter().zip(&mut pairs) {
            eprintln!("overhead: {}, round {}: {}", section.name(), round + 1, contender.name);
            pairs.push(pair(contender, &files, round % 2 == 0));
        }
    }
    table(options, contenders.iter().zip(&pairs)) + &missing
}

/// Without the contender and with it.
fn pair(contender: &Contender, files: &Workloads, without_first: bool) -> [Cost; 2] {
    let without = || run(WORK, files, &Contender::nothing());
    let with = || {
        let _attached = contender.attach();
        run(WORK, files, contender)
    };
    if without_first {
        let without = without();
        [without, with()]
    } else {
        let with = with();
        [without(), with]
    }
}

fn table<'a>(
    options: &Options,
    rows: impl Iterator<Item = (&'a Contender, &'a Vec<[Cost; 2]>)>,
) -> String {
    let mut text = format!(
        "{}, {}, {} pairs each.\n\n\
         | attached | wall, % more | 95 % interval | CPU time, % more | 95 % interval |\n\
         | --- | ---: | ---: | ---: | ---: |\n",
        machine(),
        WORK.what(),
        options.rounds,
    );
    for (contender, pairs) in rows {
        let [wall, cpu] =
            [|cost: &Cost| cost.wall, |cost: &Cost| cost.cpu].map(|of| more(pairs, of));
        text += &format!("| {} | {wall} | {cpu} |\n", contender.name);
    }
    text
}

/// By how many % the compile with the contender takes more than the other of its pair, and the interval of the median.
fn more(pairs: &[[Cost; 2]], of: fn(&Cost) -> f64) -> String {
    let more = |[without, with]: &[Cost; 2]| (of(with) / of(without) - 1.0) * 100.0;
    let more: Vec<f64> = pairs.iter().map(more).collect();
    let interval = match interval_of_median(&more) {
        Some((low, high)) => format!("{low:.1} to {high:.1}"),
        None => "—".to_owned(),
    };
    format!("{:.1} | {interval}", median(&more))
}
