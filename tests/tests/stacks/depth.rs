//! Deep recursion.

use crate::built;
use syscope_tests::chain::{ENDS_EARLY, Seen, Symbols};
use syscope_tests::require_bpf;

/// User frames that a stack keeps at least.
const AT_LEAST: usize = 127;

#[test]
fn recursion_of_200_by_gcc() {
    recursion("gcc", "deep");
}

#[test]
fn recursion_of_200_by_clang() {
    recursion("clang", "deep");
}

#[test]
fn recursion_of_3000() {
    recursion("gcc", "deeper");
}

/// The stack is whole, or has the nearest frames and says that there were too many.
fn recursion(compiler: &str, label: &'static str) {
    let _machine = require_bpf!();
    let Some(built) = built(compiler, "deep.c", &[]) else { return };
    let run = built.run(label);
    let chains = built.chains(label);
    let tally = run.tally(&chains, &Symbols::default());
    // On the way down and back up it is in no leaf.
    let on_the_way = |frames: &[Seen]| frames[1..].iter().all(|frame| frame.name() == "descend");
    let cut_right = |frames: &[Seen]| {
        let right = chains[0].right_from_the_leaf(frames) == frames.len() - 1;
        (right || on_the_way(frames)) && frames.len() > AT_LEAST
    };
    let mut cut = 0;
    for stack in &run.report.document.profile.stacks {
        let frames: Vec<_> = stack.user.iter().rev().map(Seen::new).collect();
        let root = stack.user.last().map_or("", |root| root.name.as_str());
        let limited = root.starts_with(ENDS_EARLY) && root.contains("limit");
        cut += if limited && cut_right(&frames) { stack.samples } else { 0 };
    }
    let right = tally.fitting + cut;
    assert!(tally.counted >= 1000, "too few: {tally}");
    assert!(right * 100 >= tally.counted * 99, "{cut} are cut as they should be; {tally}");
    assert_eq!(run.report.stack_ends().depth_limit, cut, "and are counted as that");
    run.health_must_agree(&tally);
}
