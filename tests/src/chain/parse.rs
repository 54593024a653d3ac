//! Chains as they stand in the programs' sources:
//!
//! ```text
//! chain: @start -> main -> outer -> leaf
//! chain LABEL: @start -> main -> descend*200 | first -> second -> ~libc.so,[vdso]
//! also: @start -> main -> ~libc.so
//! ```
//!
//! A program that does different things by its argument has a chain for each. Which samples are right
//! beside those of the chain, `also` says. The parts are names of functions, and
//!
//! - `name*200`: that often in a row
//! - `@start`: `_start` and what the C library does between it and `main`
//! - `@thread`: the same for a thread
//! - `@signal`: the frame that a signal handler returns to
//! - `@nameless`: a frame of code that is in no file
//! - `@std`: frames of Rust's library, at least one
//! - `@in:FILE,FILE`: frames of these files, at least one; the beginnings of their names
//! - `~FILE,FILE`, at the end: there may be frames of these files
//! - `|`: what follows may be missing, from any part on
//!
//! A line that ends in `->` goes on in the next.

use super::{Chain, Kind, Step};
use std::fs;
use std::path::Path;

/// The chains of a program by its source, those with the label and those that are right beside it.
///
/// # Panics
///
/// If there is none, or one that is not written as described.
pub fn chains_of(source: &Path, label: &str) -> Vec<Chain> {
    let text = fs::read_to_string(source);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let chains = chains_in(&text, label);
    assert!(!chains.is_empty(), "{} has no chain {label:?}", source.display());
    chains
}

fn chains_in(text: &str, label: &str) -> Vec<Chain> {
    let heading = if label.is_empty() { "chain:".to_owned() } else { format!("chain {label}:") };
    let mut lines = text.lines().map(comment);
    let mut chains = Vec::new();
    while let Some(line) = lines.next() {
        let rest = line.strip_prefix(&heading);
        let Some(rest) = rest.or_else(|| line.strip_prefix("also:")) else { continue };
        let mut whole = rest.trim().to_owned();
        while whole.ends_with("->") {
            whole = format!("{whole} {}", lines.next().expect("the rest of the chain"));
        }
        chains.push(parse(&whole));
    }
    chains
}

/// What a line says without the marks of a comment.
fn comment(line: &str) -> &str {
    line.trim_start_matches(['/', '*', '!', ' ']).trim_end()
}

pub(super) fn parse(text: &str) -> Chain {
    let mut chain = Chain::default();
    let (required, rest) = text.split_once(" | ").unwrap_or((text, ""));
    for (index, part) in [required, rest].into_iter().enumerate() {
        for part in part.split(" -> ").map(str::trim).filter(|part| !part.is_empty()) {
            add(&mut chain, part);
        }
        if index == 0 {
            chain.required = chain.steps.len();
        }
    }
    chain
}

fn add(chain: &mut Chain, part: &str) {
    assert!(chain.beyond.is_empty(), "{part} after the end of the chain");
    let files = |list: &str| list.split(',').map(str::to_owned).collect();
    let one = |kind| Step { kind, many: false };
    let many = |kind| Step { kind, many: true };
    if let Some(list) = part.strip_prefix('~') {
        chain.beyond = files(list);
    } else if let Some(list) = part.strip_prefix("@in:") {
        chain.steps.push(many(Kind::In(files(list))));
    } else if let Some(word) = part.strip_prefix('@') {
        match word {
            "start" => {
                let start = one(Kind::Function("_start".to_owned()));
                chain.steps.extend([start, many(Kind::BeforeMain)]);
            }
            "thread" => chain.steps.push(many(Kind::BeforeThread)),
            "signal" => chain.steps.push(one(Kind::Signal)),
            "nameless" => chain.steps.push(one(Kind::Nameless)),
            "std" => chain.steps.push(many(Kind::RustStd)),
            _ => panic!("no part of a chain is called {part}"),
        }
    } else {
        let (name, times) = part.split_once('*').unwrap_or((part, "1"));
        let times = times.parse().unwrap_or_else(|_| panic!("{part} is how many?"));
        let function = one(Kind::Function(name.to_owned()));
        chain.steps.extend(std::iter::repeat_n(function, times));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "/*\n * Text. chain: no\n *\n * chain a: @start -> main\n\
        * chain b: main -> f*2 | g -> ~libc.so,ld\n * also: main ->\n *     h\n */\n";

    fn function(name: &str) -> Step {
        Step { kind: Kind::Function(name.to_owned()), many: false }
    }

    #[test]
    fn a_source_has_chains_by_label() {
        let chains = chains_in(SOURCE, "a");
        let start = [function("_start"), Step { kind: Kind::BeforeMain, many: true }];
        assert_eq!(chains[0].steps, [&start[..], &[function("main")]].concat());
        assert_eq!(chains[0].required, 3);
        let [b, also] = &chains_in(SOURCE, "b")[..] else { panic!("two chains") };
        assert_eq!(b.steps, ["main", "f", "f", "g"].map(function));
        assert_eq!((b.required, &b.beyond[..]), (3, &["libc.so".to_owned(), "ld".to_owned()][..]));
        assert_eq!(also.steps, ["main", "h"].map(function));
    }

    #[test]
    fn every_program_has_chains_that_can_be_read() {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads/chains");
        let mut read = 0;
        for entry in fs::read_dir(programs).expect("the programs are there").flatten() {
            let text = fs::read_to_string(entry.path()).expect("plain text");
            for line in text.lines().map(comment) {
                let Some((heading, chain)) = line.split_once(": ") else { continue };
                if heading == "also" || heading == "chain" || heading.starts_with("chain ") {
                    assert!(parse(chain.trim_end_matches("->")).required >= 3, "{line}");
                    read += 1;
                }
            }
        }
        assert!(read > 20, "only {read}");
    }
}
