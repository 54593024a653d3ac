//! The tables of `tests/stacks.sh`: how the stacks of real programs ended, and whether their functions
//! are those that perf found.
//!
//! `stackstable [--write FILE] FOLDER PROGRAM...`: in the folder are, for each program, `NAME.json`
//! (a report of syscope), `NAME.version`, and `NAME.perf` (of `perf script`) for those to compare.

mod agree;
mod ends;
mod functions;
mod perf;

use std::path::{Path, PathBuf};
use std::{env, fs};
use syscope_tests::report::Report;

/// The tables go between these lines of a file.
const BEGIN: &str = "<!-- made by tests/stacks.sh: begin -->";
const END: &str = "<!-- made by tests/stacks.sh: end -->";

fn main() {
    let mut args = env::args().skip(1).peekable();
    let target = args.next_if_eq("--write").and_then(|_| args.next()).map(PathBuf::from);
    let folder = PathBuf::from(args.next().expect("a folder"));
    let programs: Vec<String> = args.collect();
    let text = tables(&folder, &programs);
    print!("{text}");
    if let Some(target) = target {
        let old = fs::read_to_string(&target).expect("the file with the marked place");
        fs::write(&target, replaced(&old, &text)).expect("it can be written");
    }
}

fn tables(folder: &Path, programs: &[String]) -> String {
    let mut rows = String::new();
    let mut ended = String::new();
    let mut compared = String::new();
    for program in programs {
        let file = |kind: &str| folder.join(format!("{program}.{kind}"));
        let json = fs::read(file("json")).expect("a report of every program");
        let report = Report::parse(&json);
        let version = fs::read_to_string(file("version")).unwrap_or_default();
        rows += &ends::row(program, version.trim(), &report);
        ended += &ends::where_ended(program, &report);
        if let Ok(text) = fs::read_to_string(file("perf")) {
            compared += &agree::table(program, &report, &perf::samples(&text));
        }
    }
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut text = format!("On Linux {}.\n\n{}{rows}", kernel.trim(), ends::HEADING);
    if !ended.is_empty() {
        text += &format!("\nWhere stacks ended that are not complete:\n\n{ended}");
    }
    text + &compared
}

/// The file with its marked place filled anew.
fn replaced(old: &str, text: &str) -> String {
    let (before, rest) = old.split_once(BEGIN).expect("the begin of the marked place");
    let (_, after) = rest.split_once(END).expect("the end of the marked place");
    format!("{before}{BEGIN}\n\n{text}\n{END}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marked_place_is_replaced() {
        let old = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = replaced(&old, "new\n");
        assert_eq!(new, format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert_eq!(replaced(&new, "new\n"), new);
    }
}
