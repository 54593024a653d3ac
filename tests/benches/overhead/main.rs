//! What syscope costs, next to empty BPF programs on the same hooks and to the tools that one would use
//! otherwise. As root:
//!
//! ```console
//! # cargo bench --bench overhead -- --write
//! # cargo bench --bench overhead -- --rounds 3 --only calls,opens
//! ```

mod calls;
mod contender;
mod crowd;
mod figures;
mod loops;
mod options;
mod pairs;
mod process;
mod starts;
mod stats;
mod tools;
mod turns;
mod work;
mod workloads;

use loops::Loop;
use options::{Options, Section};
use std::env;
use syscope_tests::benchmark;

/// Rounds, where the command line says nothing else.
const ROUNDS: usize = 7;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if let Some(text) = loops::as_child(&args) {
        println!("{text}");
        return;
    }
    if crowd::as_child(&args) {
        return;
    }
    let options = Options::parse(args, ROUNDS).unwrap_or_else(|error| {
        eprintln!("overhead: {error}");
        std::process::exit(2);
    });
    assert!(syscope_tests::machine::is_root(), "overhead: attaching BPF programs needs root");
    for section in options.sections() {
        let text = match section {
            Section::Calls => calls::section(section, Loop::Call, &options),
            Section::Switches => [Loop::Switch, Loop::DeepSwitch]
                .map(|kind| calls::section(section, kind, &options))
                .join("\n"),
            Section::Opens => calls::section(section, Loop::Open, &options),
            Section::Work => work::section(section, &options),
            Section::Pairs => pairs::section(section, &options),
            Section::Process => process::section(&options),
        };
        println!("{text}");
        if options.write {
            benchmark::write("overhead", section, &text);
        }
    }
}
