//! The tables of `tests/cost.sh`: what profilers cost under load, by turns, each against the same load
//! without any.
//!
//! `cost --out FOLDER --syscope PATH [--profile-bee PATH] [--rounds N] [--window SECONDS] [--place NAME]
//! [--write FILE]
//! --unit NAME[:SERVER_PID]=COMMAND...`: each command is a piece of work that is the same every time, and
//! all of them are done again and again, side by side; where a server does a part of it, its CPU time is
//! counted with it.

mod load;
mod sampler;
mod table;
mod tool;

use load::{Load, Unit};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};
use syscope_tests::document::replaced;
use syscope_tests::{bpf, clock};
use tool::{Run, Tool};

struct Options {
    out: PathBuf,
    syscope: PathBuf,
    profile_bee: Option<PathBuf>,
    rounds: usize,
    window: Duration,
    write: Option<PathBuf>,
    /// Which of the marked places of the file is written.
    place: String,
    units: Vec<Unit>,
}

fn options() -> Options {
    let mut options = Options {
        out: PathBuf::from("."),
        syscope: PathBuf::from("syscope"),
        profile_bee: None,
        rounds: 3,
        window: Duration::from_secs(20),
        write: None,
        place: "all".to_owned(),
        units: Vec::new(),
    };
    let mut args = env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().unwrap_or_else(|| panic!("{name} wants a value"));
        match name.as_str() {
            "--out" => options.out = value.into(),
            "--syscope" => options.syscope = value.into(),
            "--profile-bee" => options.profile_bee = Some(value.into()),
            "--rounds" => options.rounds = value.parse().expect("a number of rounds"),
            "--window" => options.window = Duration::from_secs(value.parse().expect("seconds")),
            "--place" => options.place = value,
            "--write" => options.write = Some(value.into()),
            "--unit" => options.units.push(Unit::parse(&value)),
            _ => panic!("no option {name}"),
        }
    }
    options
}

fn main() {
    let options = options();
    clock::adopt_orphans();
    // As long as this is open the kernel measures BPF programs: all runs are under the same conditions.
    let _statistics = bpf::enable_statistics().expect("the kernel measures BPF programs");
    let tools = tool::all(&options.syscope, options.profile_bee.as_deref());
    let load = Load::start(options.units);
    let mut runs: BTreeMap<Tool, Vec<Run>> = BTreeMap::new();
    for round in 0..options.rounds {
        for turn in 0..tools.len() {
            let tool = &tools[(turn + round) % tools.len()];
            eprintln!("cost: round {}, {}", round + 1, tool.0.title());
            let run = tool::run(tool, &options.out, options.window, &load);
            runs.entry(tool.0).or_default().push(run);
        }
    }
    drop(load);
    let text = table::text(&runs, options.window);
    print!("{text}");
    if let Some(target) = options.write {
        let old = fs::read_to_string(&target).expect("the file with the marked place");
        fs::write(&target, replaced(&old, &format!("tests/cost.sh: {}", options.place), &text))
            .expect("it can be written");
    }
}
