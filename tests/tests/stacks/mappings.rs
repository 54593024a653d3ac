//! Code that comes and goes while the program runs: libraries, another program, children, a deleted
//! file.

use crate::{Built, built};
use std::fs;
use syscope_tests::chain::{Chain, Plan, Run};
use syscope_tests::compile::chain;
use syscope_tests::require_bpf;

#[test]
fn libraries_that_are_loaded_in_mid_run_by_gcc() {
    libraries("gcc");
}

#[test]
fn libraries_that_are_loaded_in_mid_run_by_clang() {
    libraries("clang");
}

/// Each of two libraries, loaded one after the other, has half of the time.
fn libraries(compiler: &str) {
    let _machine = require_bpf!();
    let Some(built) = built(compiler, "dlopen.c", &[]) else { return };
    let library = |name: &str, define: &str| {
        let path = built.dir.path().join(name);
        chain(compiler, "plugin.c", &["-shared", "-fPIC", define], &path)
    };
    let Some(first) = library("libfirst.so", "-DFIRST") else { return };
    let Some(second) = library("libsecond.so", "-DSECOND") else { return };
    let plan = Plan { args: vec![first, second], ..Plan::new(&built.program, "both") };
    let chains = ["first", "second"].map(|label| built.chains(label).remove(0));
    halves(&plan.run(), &chains);
}

#[test]
fn a_program_that_becomes_another() {
    let _machine = require_bpf!();
    let Some(before) = built("gcc", "exec.c", &[]) else { return };
    let Some(after) = built("clang", "plain.c", &[]) else { return };
    let plan = Plan { args: vec![after.program.clone()], ..Plan::new(&before.program, "then") };
    let chains = [&before, &after].map(|built| built.chains("").remove(0));
    halves(&plan.run(), &chains);
}

/// Both chains are there, each about half of the time.
fn halves(run: &Run, chains: &[Chain; 2]) {
    let tally = run.must_be(chains);
    for samples in &tally.by_chain {
        assert!(samples * 3 >= tally.counted, "one is missing: {:?}: {tally}", tally.by_chain);
    }
}

#[test]
fn a_child_without_exec() {
    children("one");
}

#[test]
fn many_short_lived_children_without_exec() {
    children("many");
}

fn children(label: &'static str) {
    let _machine = require_bpf!();
    let Some(built) = built("gcc", "forks.c", &[]) else { return };
    let run = Plan { children: true, ..Plan::new(&built.program, label) }.run();
    let chains = built.chains(label);
    // What the kernel does for a child before it first runs, and when it ends, has no user frames.
    let tally = run.tally_without(&chains, &Default::default(), &|frames| frames.is_empty());
    run.must_hold(&tally);
    assert!(tally.by_chain[0] * 10 >= tally.counted * 9, "in the children: {tally}");
}

#[test]
fn a_deleted_program() {
    let _machine = require_bpf!();
    let Some(built) = built("gcc", "plain.c", &[]) else { return };
    let Built { program, .. } = &built;
    let run = Plan::new(program, "")
        .run_with(&|_| fs::remove_file(program).expect("it was made for this test"));
    run.must_be(&built.chains(""));
}

#[test]
fn a_replaced_program() {
    let _machine = require_bpf!();
    let Some(built) = built("gcc", "plain.c", &[]) else { return };
    let Some(other) = crate::built("clang", "rbp.c", &[]) else { return };
    let run = Plan::new(&built.program, "")
        .run_with(&|_| fs::rename(&other.program, &built.program).expect("one file system"));
    run.must_be(&built.chains(""));
}
