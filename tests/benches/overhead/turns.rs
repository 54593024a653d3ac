//! Contenders that are measured by turns: each once in each round, in an order that moves on.

use super::contender::{Attached, Contender};
use super::options::{Options, Section};

/// What was measured of one contender.
pub struct Row<T> {
    /// What the table calls it.
    pub name: String,
    /// Round by round.
    pub rounds: Vec<T>,
}

/// What was measured of all.
pub struct Measured<T> {
    /// Nothing attached comes first.
    pub rows: Vec<Row<T>>,
    /// The lines that say what was not measured.
    pub not_measured: String,
}

/// Those of the contenders that are wanted and are here, and the lines that say which are not here.
pub fn partition(contenders: Vec<Contender>, options: &Options) -> (Vec<Contender>, String) {
    let wanted = contenders.into_iter().filter(|contender| options.wants(&contender.name));
    let (here, missing): (Vec<_>, Vec<_>) =
        wanted.partition(|contender| contender.missing().is_none());
    let line = |contender: &Contender| {
        let program = contender.missing().unwrap_or_default();
        format!("\nNot measured: {} (no `{program}` here).\n", contender.name)
    };
    (here, missing.iter().map(line).collect())
}

/// Measures nothing at all and those of the contenders that are wanted and are here, each once in each round.
pub fn by_turns<T>(
    section: Section,
    contenders: Vec<Contender>,
    options: &Options,
    rounds: usize,
    mut measure: impl FnMut(&Contender, &Attached) -> T,
) -> Measured<T> {
    let (here, not_measured) = partition(contenders, options);
    let contenders: Vec<_> = [Contender::nothing()].into_iter().chain(here).collect();
    let mut rows: Vec<_> =
        contenders.iter().map(|c| Row { name: c.name.clone(), rounds: Vec::new() }).collect();
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let at = (turn + round) % contenders.len();
            eprintln!("overhead: {}, round {}: {}", section.name(), round + 1, rows[at].name);
            let attached = contenders[at].attach();
            let measured = measure(&contenders[at], &attached);
            drop(attached);
            rows[at].rounds.push(measured);
        }
    }
    Measured { rows, not_measured }
}

/// What is measured on: what a hook costs, and a reading of the clock, differs much from one processor to another.
pub fn machine() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(String::new(), |(_, model)| format!(" ({})", model.trim()));
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
    format!("Linux {}, {cpus} CPUs{model}", kernel.trim())
}
