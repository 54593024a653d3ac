//! Stacks that are no plain calls: signals, exceptions, libraries, the linkage table, the vdso, threads.

use crate::{built, shows};
use syscope_tests::compile::chain;
use syscope_tests::report::mentions;
use syscope_tests::require_bpf;

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
    the_search_for_a_handler_by_gcc: "g++" "exceptions.cpp" [] "search";
    the_search_for_a_handler_by_clang: "clang++" "exceptions.cpp" [] "search";
    a_thread_by_gcc: "gcc" "thread.c" ["-pthread"] "";
    a_thread_by_clang: "clang" "thread.c" ["-pthread"] "";
    a_thread_of_a_static_program: "gcc" "thread.c" ["-pthread", "-static"] "";
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
    // A sample in the table is in the program, but in none of its functions that are written down.
    let stacks = run.report.document.profile.stacks.iter();
    let in_table: u64 = stacks
        .filter(|stack| {
            !mentions(&stack.user[..stack.user.len().min(1)], &["ring", "main", "warm_up"])
        })
        .filter(|stack| {
            stack.user.first().is_some_and(|leaf| {
                leaf.module.as_deref().is_some_and(|module| module.ends_with("/plt"))
            })
        })
        .map(|stack| stack.samples)
        .sum();
    assert!(in_table * 50 >= tally.counted, "only {in_table} in the linkage table: {tally}");
}
