//! Frames of unusual size and form, and code that does something else with the frame pointer.

use crate::{built, shows};
use syscope_tests::chain::{ENDS_EARLY, Symbols};
use syscope_tests::report::mentions;
use syscope_tests::require_bpf;
use syscope_tests::schema::ProfileStack;

shows! {
    alloca_by_gcc: "gcc" "frames.c" [] "alloca";
    alloca_by_clang: "clang" "frames.c" [] "alloca";
    variable_length_arrays_by_gcc: "gcc" "frames.c" [] "vla";
    variable_length_arrays_by_clang: "clang" "frames.c" [] "vla";
    aligned_by_gcc: "gcc" "frames.c" [] "aligned";
    aligned_by_clang: "clang" "frames.c" [] "aligned";
    realigned_by_gcc: "gcc" "frames.c" [] "realigned";
    realigned_by_clang: "clang" "frames.c" [] "realigned";
    large_by_gcc: "gcc" "frames.c" [] "large";
    large_by_clang: "clang" "frames.c" [] "large";
    arguments_on_the_stack_by_gcc: "gcc" "frames.c" ["-maccumulate-outgoing-args"] "arguments";
    pushed_arguments_by_gcc: "gcc" "frames.c" ["-mno-accumulate-outgoing-args"] "arguments";
    pushed_arguments_by_clang: "clang" "frames.c" [] "arguments";
    rbp_is_any_register_in_the_leaf_by_gcc: "gcc" "rbp.c" [] "leaf";
    rbp_is_any_register_in_the_leaf_by_clang: "clang" "rbp.c" [] "leaf";
    rbp_is_any_register_in_a_caller_by_gcc: "gcc" "rbp.c" [] "caller";
    rbp_is_any_register_in_a_caller_by_clang: "clang" "rbp.c" [] "caller";
    assembly_with_frame_pointers_only_by_gcc: "gcc" "assembly.c" [] "assembly";
    assembly_with_frame_pointers_only_by_clang: "clang" "assembly.c" [] "assembly";
    code_made_at_run_time_by_gcc: "gcc" "assembly.c" [] "jit";
    code_made_at_run_time_by_clang: "clang" "assembly.c" [] "jit";
}

/// Nothing says how to get out of these functions, and there are no frame pointers: a stack that is not
/// whole must say so.
#[test]
fn a_program_without_unwind_data_is_not_shown_as_something_else() {
    let _machine = require_bpf!();
    let none = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"];
    let Some(built) = built("gcc", "plain.c", &none) else { return };
    let run = built.run("");
    let tally = run.tally(&built.chains(""), &Symbols::default());
    assert_eq!(tally.unmarked, 0, "every stack that is not whole says so: {tally}");
    run.health_must_agree(&tally);
    let ends = run.report.stack_ends();
    assert!(ends.no_unwind_data * 10 >= ends.samples * 9, "and why: {ends:?}: {tally}");
    let stacks = run.report.document.profile.stacks.iter();
    let in_leaf =
        |stack: &&ProfileStack| stack.user.first().is_some_and(|leaf| leaf.name == "leaf");
    for stack in stacks.filter(in_leaf) {
        let names: Vec<_> = stack.user.iter().map(|frame| frame.name.as_str()).collect();
        let [.., place, end] = names[..] else { panic!("no frames: {stack:#?}") };
        let told = end.starts_with(ENDS_EARLY) && place.starts_with("[at plain+0x");
        assert!(told, "where there is none is said: {stack:#?}");
    }
}

/// The fake frames of `rbp.c` lead to a function that nobody calls.
#[test]
fn a_function_that_is_not_called_is_never_shown() {
    let _machine = require_bpf!();
    let Some(built) = built("gcc", "rbp.c", &[]) else { return };
    for label in ["leaf", "caller"] {
        let run = built.run(label);
        let stacks = run.report.document.profile.stacks.iter();
        let wrong = stacks.filter(|stack| mentions(&stack.user, &["never_called"]));
        let samples: u64 = wrong.map(|stack| stack.samples).sum();
        assert_eq!(samples, 0, "{label}: in a function that never ran");
    }
}
