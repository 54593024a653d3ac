//! How long it takes to tell what is at ten thousand addresses, next to the tools for that. Each is asked
//! for the same: functions, those that were inlined too, demangled, with file and line.

mod ours;
mod program;
mod tools;

use program::{Address, Program};
use std::fmt::Write as _;
use std::time::Instant;
use syscope_tests::stats::median;
use tools::Tool;

/// Addresses.
const ADDRESSES: u64 = 10_000;
/// Tools that are compared with, all with the options of the first.
const TOOLS: [&str; 2] = ["addr2line", "llvm-addr2line"];

/// What is known of one function at an address.
struct Place {
    /// Its name is known.
    named: bool,
    /// File, without its folders, and line.
    line: Option<(String, u32)>,
}

/// The functions at an address, inlined ones before those that they are in.
type Answer = Vec<Place>;

/// What was measured of one that was asked.
#[derive(Default)]
struct Asked {
    /// ms from its start to the last answer.
    cold: Vec<f64>,
    /// ms for the same addresses again.
    warm: Vec<f64>,
    answers: Vec<Answer>,
    /// It took too long.
    given_up: bool,
}

/// Measures, and makes the table.
pub fn section(rounds: usize) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rows = String::new();
    let programs = [
        (Program::compiled(folder.path()), "C++: there is no C++ compiler"),
        (Program::syscope(), "syscope's debug build: it has not been built (cargo build)"),
    ];
    let mut missing = Vec::new();
    for (program, why) in programs {
        match program {
            Some(program) => rows.push_str(&of_program(&program, rounds)),
            None => missing.push(why.to_owned()),
        }
    }
    let not_there = TOOLS.iter().filter(|tool| !tools::is_there(tool));
    missing.extend(not_there.map(|tool| format!("`{tool}`: it is not installed")));
    let missing = match missing.is_empty() {
        true => String::new(),
        false => format!("\nNot measured: {}.\n", missing.join("; ")),
    };
    format!(
        "{ADDRESSES} addresses, evenly over the code; {rounds} rounds, medians.\n\n\
         | program | asked | first time, ms | again, ms | functions | with a line | line as GNU's |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: |\n{rows}{missing}"
    )
}

/// The rows of a program.
fn of_program(program: &Program, rounds: usize) -> String {
    let running = program.run();
    let addresses = program.addresses(&running, ADDRESSES);
    let mut asked = vec![("syscope", Asked::default())];
    let there = TOOLS.into_iter().filter(|tool| tools::is_there(tool));
    asked.extend(there.map(|tool| (tool, Asked::default())));
    for round in 0..rounds {
        for (name, asked) in asked.iter_mut().filter(|(_, asked)| !asked.given_up) {
            eprintln!("parts: symbols: {}, round {}: {name}", program.name, round + 1);
            match *name {
                "syscope" => {
                    let began = Instant::now();
                    let mut worker = ours::start();
                    asked.twice(began, || Some(ours::ask(&mut worker, &running, &addresses)));
                }
                tool => of_tool(tool, program, &addresses, asked),
            }
        }
    }
    let gnu = asked.iter().position(|(name, _)| *name == TOOLS[0]);
    let mut rows = String::new();
    for (name, of_it) in &asked {
        let gnu = gnu.map_or(&[][..], |gnu| &asked[gnu].1.answers);
        writeln!(rows, "| {} | {name} | {} |", program.name, of_it.cells(gnu)).expect("a string");
    }
    rows
}

fn of_tool(tool: &str, program: &Program, addresses: &[Address], asked: &mut Asked) {
    let in_file: Vec<_> = addresses.iter().map(|address| address.in_file).collect();
    let began = Instant::now();
    let mut tool = Tool::start(tool, &program.path);
    asked.twice(began, || tool.ask(&in_file));
}

impl Asked {
    /// Asks for everything, and once more.
    fn twice(&mut self, began: Instant, mut ask: impl FnMut() -> Option<Vec<Answer>>) {
        let ms = |began: Instant| began.elapsed().as_secs_f64() * 1e3;
        let Some(answers) = ask() else {
            self.given_up = true;
            return;
        };
        self.cold.push(ms(began));
        self.answers = answers;
        let again = Instant::now();
        match ask() {
            Some(_) => self.warm.push(ms(again)),
            None => self.given_up = true,
        }
    }

    /// Its cells of the table.
    fn cells(&self, gnu: &[Answer]) -> String {
        if self.cold.is_empty() {
            return format!("over {} s | — | — | — | —", tools::PATIENCE.as_secs());
        }
        let places = || self.answers.iter().flatten();
        let named = places().filter(|place| place.named).count();
        let with_line = places().filter(|place| place.named && place.line.is_some()).count();
        let line = |answer: &Answer| answer.first().and_then(|place| place.line.clone());
        let known: Vec<_> =
            self.answers.iter().zip(gnu).filter(|(_, gnu)| line(gnu).is_some()).collect();
        let same = known.iter().filter(|(ours, gnu)| line(ours) == line(gnu)).count();
        let share = 100.0 * same as f64 / known.len() as f64;
        let share = if known.is_empty() { "—".to_owned() } else { format!("{share:.1} %") };
        let [cold, warm] = [&self.cold, &self.warm].map(|times| match times.is_empty() {
            true => "—".to_owned(),
            false => format!("{:.0}", median(times)),
        });
        format!("{cold} | {warm} | {named} | {with_line} | {share}")
    }
}
