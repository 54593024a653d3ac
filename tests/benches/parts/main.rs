//! What the parts of syscope cost that need no kernel: drawing, names of addresses, flame graphs.
//!
//! ```console
//! $ cargo bench --bench parts -- --write
//! $ cargo bench --bench parts -- --rounds 1 --only frames,svg
//! $ cargo bench --bench parts -- --only frames --contenders '10000 processes 200x60'
//! ```

mod crowd;
mod frames;
mod options;
mod screen;
mod svg;
mod symbols;

use options::Section;
use std::env;
use syscope::kernel::give_memory_back;
use syscope_tests::benchmark::{self, Options};

/// Rounds, where the command line says nothing else.
const ROUNDS: usize = 3;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    // The process that reads symbols for the worker is this program, started anew.
    if let [mark, _, parent] = &args[..]
        && mark == "read-symbols"
    {
        let parent = parent.parse().expect("a PID");
        syscope::symbols::read_symbols(parent, give_memory_back).expect("it is asked");
        return;
    }
    let options = Options::<Section>::parse(args, ROUNDS).unwrap_or_else(|error| {
        eprintln!("parts: {error}");
        std::process::exit(2);
    });
    for section in options.sections() {
        let text = match section {
            Section::Frames => frames::section(&options),
            Section::Symbols => symbols::section(options.rounds),
            Section::Svg => svg::section(options.rounds),
        };
        println!("{text}");
        if options.write {
            benchmark::write("parts", section, &text);
        }
    }
}
