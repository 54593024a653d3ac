//! Stacks that are no plain calls: signals, exceptions, libraries, the linkage table, the vdso, threads.

use crate::{built, shows};
use syscope_tests::chain::{Seen, Symbols};
use syscope_tests::compile::chain;
use syscope_tests::report::mentions;
use syscope_tests::require_bpf;
use syscope_tests::schema::Frame;

shows! {
    a_callback_of_the_c_library_by_gcc: "gcc" "callback.c" [] "";
    a_callback_of_the_c_library_by_clang: "clang" "callback.c" [] "";
    a_signal_handler_by_gcc: "gcc" "signals.c" [] "timer";
    a_signal_handler_by_clang: "clang" "signals.c" [] "timer";
    a_static_signal_handler: "gcc" "signals.c" ["-static"] "timer";
    a_handler_on_its_own_stack_by_gcc: "gcc" "signals.c" [] "altstack";
    a_handler_on_its_own_stack_by_clang: "clang" "signals.c" [] "altstack";
    a_signal_at_the_first_instruction_by_gcc: "gcc" "signals.c" [] "first";
    a_signal_at_the_first_instruction_by_clang: "clang" "signals.c" [] "first";
    a_destructor_during_unwinding_by_gcc: "g++" "exceptions.cpp" [] "destructor";
    a_destructor_during_unwinding_by_clang: "clang++" "exceptions.cpp" [] "destructor";
    a_caught_exception_by_gcc: "g++" "exceptions.cpp" [] "catch";
    a_caught_exception_by_clang: "clang++" "exceptions.cpp" [] "catch";
    a_thread_by_gcc: "gcc" "thread.c" ["-pthread"] "";
    a_thread_by_clang: "clang" "thread.c" ["-pthread"] "";
    a_thread_of_a_static_program: "gcc" "thread.c" ["-pthread", "-static"] "";
}

#[test]
fn the_search_for_a_handler_by_gcc() {
    the_search_for_a_handler("g++");
}

#[test]
fn the_search_for_a_handler_by_clang() {
    the_search_for_a_handler("clang++");
}

fn the_search_for_a_handler(compiler: &str) {
    let _machine = require_bpf!();
    let Some(built) = built(compiler, "exceptions.cpp", &[]) else { return };
    let run = built.run("search");
    let tally =
        run.tally_without(&built.chains("search"), &Symbols::default(), &goes_to_its_handler);
    run.must_hold(&tally);
    assert!(tally.warm_up * 2 < tally.counted, "too many do not count: {tally}");
}

/// When the handler is found, the runtime writes its address over the place where it would return to
/// itself: for these instructions the function with the handler is the caller by all unwind data, and
/// the stack pointer that goes with it is not to be had. No unwinder gets further.
fn goes_to_its_handler(frames: &[Seen]) -> bool {
    frames
        .windows(2)
        .any(|pair| pair[0].name() == "searched" && pair[1].name() == "_Unwind_RaiseException")
}

#[test]
fn the_vdso() {
    let _machine = require_bpf!();
    let Some(built) = built("gcc", "vdso.c", &[]) else { return };
    let run = built.run("");
    let tally = run.must_be(&built.chains(""));
    let stacks = run.report.document.profile.stacks.iter();
    let inside: u64 = stacks
        .filter(|stack| {
            stack.user.first().is_some_and(|leaf| leaf.module.as_deref() == Some("[vdso]"))
        })
        .map(|stack| stack.samples)
        .sum();
    assert!(inside * 4 >= tally.counted, "only {inside} samples are in the vdso: {tally}");
}

#[test]
fn the_linkage_table_by_gcc() {
    the_linkage_table("gcc");
}

#[test]
fn the_linkage_table_by_clang() {
    the_linkage_table("clang");
}

fn the_linkage_table(compiler: &str) {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a library");
    let library = dir.path().join("libtick.so");
    if chain(compiler, "tick.c", &["-shared", "-fPIC"], &library).is_none() {
        return;
    }
    let path = dir.path().to_str().expect("plain text");
    let options = [&format!("-L{path}"), "-ltick", &format!("-Wl,-z,lazy,-rpath,{path}")];
    let Some(built) = built(compiler, "plt.c", &options) else { return };
    let run = built.run("");
    let tally = run.must_be(&built.chains(""));
    let stacks = run.report.document.profile.stacks.iter();
    let in_table: Vec<_> = stacks.filter(|stack| in_linkage_table(&stack.user)).collect();
    let samples: u64 = in_table.iter().map(|stack| stack.samples).sum();
    assert!(samples * 50 >= tally.counted, "only {samples} in the linkage table: {tally}");
    let wrong = in_table.iter().find(|stack| mentions(&stack.user[..1], &["_init"]));
    assert!(wrong.is_none(), "the function before the table is not in it: {wrong:#?}");
}

/// A sample in the table is in the program, but in none of the functions that the source has.
fn in_linkage_table(stack: &[Frame]) -> bool {
    let Some(leaf) = stack.first() else { return false };
    leaf.module.as_deref().is_some_and(|module| module.ends_with("/plt"))
        && !mentions(&stack[..1], &["ring", "main", "warm_up"])
}
