//! What one system call, one context switch, one open costs more.

use super::contender::Contender;
use super::loops::Loop;
use super::options::{Options, Section};
use super::stats::{median, spread};
use super::tools;

/// What was measured of one contender.
struct Row {
    name: String,
    /// ns a turn took, round by round.
    took: Vec<f64>,
}

/// Measures one of the loops, by turns, and makes its table.
pub fn section(section: Section, options: &Options) -> String {
    let (kind, title, what, contenders) = match section {
        Section::Calls => (Loop::Call, "One system call", "getppid", tools::calls()),
        Section::Switches => {
            (Loop::Switch, "One context switch", "a byte through a pipe", tools::switches())
        }
        Section::Opens => (Loop::Open, "One open and close", "open, close", tools::opens()),
    };
    let (here, missing): (Vec<_>, Vec<_>) = contenders
        .into_iter()
        .filter(|contender| options.wants(&contender.name))
        .partition(|contender| contender.missing().is_none());
    let contenders: Vec<_> = [Contender::nothing()].into_iter().chain(here).collect();
    let mut rows: Vec<_> =
        contenders.iter().map(|c| Row { name: c.name.clone(), took: Vec::new() }).collect();
    for round in 0..options.rounds {
        for turn in 0..contenders.len() {
            let at = (turn + round) % contenders.len();
            eprintln!("overhead: {}, round {}: {}", section.name(), round + 1, rows[at].name);
            let attached = contenders[at].attach();
            let took = Loop::run(contenders[at].around_command(kind.command()));
            drop(attached);
            rows[at].took.push(took.expect("the loop says how long it took"));
        }
    }
    table(title, what, &rows, &missing)
}

fn table(title: &str, what: &str, rows: &[Row], missing: &[Contender]) -> String {
    let base = median(&rows[0].took);
    let mut text = format!(
        "#### {title}\n\n{}, {} rounds. {what}: {base:.0} ns (± {:.0}) with nothing attached.\n\n\
         | attached | ns more | ± | of the empty programs |\n| --- | ---: | ---: | ---: |\n",
        machine(),
        rows[0].took.len(),
        spread(&rows[0].took)
    );
    let added = |row: &Row| median(&row.took) - base;
    let limit = rows.iter().find(|row| row.name.starts_with("an empty")).map(added);
    for row in &rows[1..] {
        let ratio = limit.map_or("—".to_owned(), |limit| format!("{:.2}", added(row) / limit));
        text +=
            &format!("| {} | {:.0} | {:.0} | {ratio} |\n", row.name, added(row), spread(&row.took));
    }
    for contender in missing {
        let program = contender.missing().unwrap_or_default();
        text += &format!("\nNot measured: {} (no `{program}` here).\n", contender.name);
    }
    text
}

/// What is measured on.
fn machine() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
    format!("Linux {}, {cpus} CPUs", kernel.trim())
}
