//! Frames of unusual size and form, and code that does something else with the frame pointer.

use crate::{built, shows};
use syscope_tests::chain::{ENDS_EARLY, Plan, Symbols};
use syscope_tests::require_bpf;

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

/// Nothing says how to get out of these functions: the stack must say so, and show no function that
/// is not in it.
#[test]
fn a_program_without_unwind_data_is_not_shown_as_something_else() {
    let _machine = require_bpf!();
    let none = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"];
    for label in ["leaf", "caller"] {
        let Some(built) = built("gcc", "rbp.c", &none) else { return };
        let run = Plan::new(&built.program, label).run();
        let tally = run.tally(&built.chains(label), &Symbols::default());
        assert_eq!(tally.unmarked, 0, "{label}: every stack that is not whole says so: {tally}");
        run.health_must_agree(&tally);
        assert!(run.report.stack_ends().no_unwind_data * 10 >= tally.counted * 9, "{tally}");
        let ends = run.report.document.profile.stacks.iter().filter_map(|stack| stack.user.last());
        let ends: Vec<_> = ends.filter(|end| end.name.starts_with(ENDS_EARLY)).collect();
        let told = ends.iter().filter(|end| end.name.contains("rbp+0x")).count();
        assert_eq!(told, ends.len(), "where there is none is said: {ends:?}");
    }
}

/// The fake frames of `rbp.c` lead to a function that nobody calls.
#[test]
fn a_function_that_is_not_called_is_never_shown() {
    let _machine = require_bpf!();
    for options in [&[][..], &["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]] {
        for label in ["leaf", "caller"] {
            let Some(built) = built("gcc", "rbp.c", options) else { return };
            let run = built.run(label);
            let stacks = &run.report.document.profile.stacks;
            let wrong = stacks
                .iter()
                .filter(|stack| stack.user.iter().any(|frame| frame.name == "never_called"));
            let samples: u64 = wrong.map(|stack| stack.samples).sum();
            assert_eq!(samples, 0, "{label} {options:?}: in a function that never ran");
        }
    }
}
