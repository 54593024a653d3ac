//! What the benchmarks share: their command lines, and the places of the document that they fill.

use crate::binary::checkout;
use crate::document::replaced;
use std::fs;

/// A part of a benchmark.
pub trait Section: Copy + PartialEq + 'static {
    /// All of them, in the order of the document.
    const ALL: &'static [Self];

    /// What it is called on the command line and in the document's marks.
    fn name(self) -> &'static str;
}

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options<S> {
    /// How many times everything is measured, by turns.
    pub rounds: usize,
    only: Vec<S>,
    /// Contenders to measure (of some sections: machines, scenes), by a part of their names; all where there is none.
    pub contenders: Vec<String>,
    /// Whether the tables go into the document.
    pub write: bool,
}

impl<S: Section> Options<S> {
    /// Reads the options, so many rounds if they do not say; those of cargo and of the harness it
    /// expects are passed over.
    pub fn parse(args: Vec<String>, rounds: usize) -> Result<Self, String> {
        let mut options = Self { rounds, only: Vec::new(), contenders: Vec::new(), write: false };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} wants a value"));
            match arg.as_str() {
                "--bench" => {}
                "--write" => options.write = true,
                "--rounds" => {
                    let rounds = value()?;
                    options.rounds = rounds.parse().map_err(|_| format!("{rounds}: no number"))?;
                }
                "--contenders" => {
                    options.contenders = value()?.split(',').map(str::to_owned).collect();
                }
                "--only" => {
                    let find = |name: &str| {
                        let found = S::ALL.iter().find(|section| section.name() == name);
                        found.copied().ok_or(format!("there is no section {name}"))
                    };
                    options.only = value()?.split(',').map(find).collect::<Result<_, _>>()?;
                }
                _ => return Err(format!("there is no option {arg}")),
            }
        }
        Ok(options)
    }

    /// The parts to run.
    pub fn sections(&self) -> Vec<S> {
        if self.only.is_empty() { S::ALL.to_vec() } else { self.only.clone() }
    }

    /// Whether a contender is wanted; what it is compared with always is.
    pub fn wants(&self, name: &str) -> bool {
        self.contenders.is_empty()
            || self.contenders.iter().any(|part| name.contains(part.as_str()))
    }
}

/// Puts a section's table into the document, at the place of this benchmark.
pub fn write(benchmark: &str, section: impl Section, text: &str) {
    let path = checkout().join("docs/performance.md");
    let old = fs::read_to_string(&path).expect("the document is part of the checkout");
    let maker = format!("cargo bench --bench {benchmark}: {}", section.name());
    fs::write(&path, replaced(&old, &maker, text)).expect("it can be written");
}
