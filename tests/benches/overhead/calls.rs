//! What one system call, one context switch, one open costs more.

use super::loops::Loop;
use super::options::{Options, Section};
use super::stats::{median, spread};
use super::tools;
use super::turns::{Measured, Row, by_turns, machine};

/// Measures one of the loops, by turns, and makes its table.
pub fn section(section: Section, kind: Loop, options: &Options) -> String {
    let (title, what, contenders) = match kind {
        Loop::Call => ("One system call", "getppid", tools::calls()),
        Loop::Switch => ("One context switch", "a byte through a pipe", tools::switches()),
        Loop::DeepSwitch => (
            "One context switch, of threads with 4 KiB on their stacks",
            "a byte",
            tools::switches(),
        ),
        Loop::Open => ("One open and close", "open, close", tools::opens()),
    };
    // ns that a turn took.
    let measured = by_turns(section, contenders, options, options.rounds, |contender, _| {
        Loop::run(contender.around_command(kind.command())).expect("the loop says how long it took")
    });
    table(title, what, &measured)
}

fn table(title: &str, what: &str, measured: &Measured<f64>) -> String {
    let rows = &measured.rows;
    let base = median(&rows[0].rounds);
    let mut text = format!(
        "#### {title}\n\n{}, {} rounds. {what}: {base:.0} ns (± {:.0}) with nothing attached.\n\n\
         | attached | ns more | ± | of the empty programs |\n| --- | ---: | ---: | ---: |\n",
        machine(),
        rows[0].rounds.len(),
        spread(&rows[0].rounds)
    );
    let added = |row: &Row<f64>| median(&row.rounds) - base;
    let limit = rows.iter().find(|row| row.name.starts_with("an empty")).map(added);
    for row in &rows[1..] {
        let ratio = limit.map_or("—".to_owned(), |limit| format!("{:.2}", added(row) / limit));
        text += &format!(
            "| {} | {:.0} | {:.0} | {ratio} |\n",
            row.name,
            added(row),
            spread(&row.rounds)
        );
    }
    text + &measured.not_measured
}
