//! User stacks of programs whose call chains are known: nearly every sample must show the whole chain,
//! from the thread's start to the function that works, without frame pointers.

mod brief;
mod compilers;
mod depth;
mod frames;
mod mappings;
mod registers;
mod unwinding;

use std::path::{Path, PathBuf};
use syscope_tests::chain::{Chain, Plan, Run, chains_of};
use syscope_tests::compile::{self, chain_source};
use tempfile::TempDir;

/// A program, and the folder it is in.
struct Built {
    source: &'static str,
    program: PathBuf,
    dir: TempDir,
}

/// Compiles a program; `None` after a visible note if that cannot be done here.
fn built(compiler: &str, source: &'static str, options: &[&str]) -> Option<Built> {
    let dir = tempfile::tempdir().expect("room for a program");
    let program = compile::chain(compiler, source, options, &dir.path().join(stem(source)))?;
    Some(Built { source, program, dir })
}

impl Built {
    fn chains(&self, label: &str) -> Vec<Chain> {
        chains_of(&chain_source(self.source), label)
    }

    fn run(&self, label: &'static str) -> Run {
        Plan::new(&self.program, label).run()
    }
}

/// Fails unless the program, compiled so, shows its chain of this label.
fn shows_its_chain(compiler: &str, source: &'static str, options: &[&str], label: &'static str) {
    let _machine = syscope_tests::require_bpf!();
    let Some(built) = built(compiler, source, options) else { return };
    built.run(label).must_be(&built.chains(label));
}

fn stem(source: &str) -> &str {
    Path::new(source).file_stem().and_then(|stem| stem.to_str()).expect("plain text")
}

/// `name: "compiler" "source" [options] "label";` is a test that the program shows its chain.
macro_rules! shows {
    ($($name:ident: $compiler:literal $source:literal [$($option:literal),*] $label:literal;)*) => {
        $(#[test]
        fn $name() {
            crate::shows_its_chain($compiler, $source, &[$($option),*], $label);
        })*
    };
}
use shows;
