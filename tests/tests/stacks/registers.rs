//! Stacks of threads that wait in a function whose frame is kept by a register that is not carried from
//! frame to frame: known is what the thread entered the kernel with.

use syscope_tests::compile::{Compiler, without_frame_pointers};
use syscope_tests::report::mentions;
use syscope_tests::require_bpf;
use syscope_tests::watch::observe_workload;
use syscope_tests::workload::Workload;

/// Those that a system call leaves as they were, but those of its own arguments.
const REGISTERS: [&str; 9] = ["rbx", "rdx", "r8", "r9", "r10", "r12", "r13", "r14", "r15"];

/// How often it sleeps by each.
const SLEEPS: u64 = 50;

#[test]
fn a_frame_is_left_by_any_register() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a program");
    let program = dir.path().join("registers");
    if without_frame_pointers("registers", Compiler::Cc, &[], &program).is_none() {
        return;
    }
    let workload = Workload::start_program(&program, &[&SLEEPS.to_string()]);
    let observed = observe_workload(workload, 4, &[]);
    let sleeps = observed.report.waits_in(observed.pid, &["nanosleep"]);
    for register in REGISTERS {
        let leaf = format!("by_{register}");
        let in_it = sleeps
            .iter()
            .filter(|stack| mentions(stack.user.get(..1).unwrap_or_default(), &[&leaf]));
        // Until its table is there, frame pointers are all that is followed.
        let whole =
            in_it.filter(|stack| mentions(stack.user.get(1..2).unwrap_or_default(), &["main"]));
        let waits: u64 = whole.map(|stack| stack.waits).sum();
        assert!(waits * 10 >= SLEEPS * 8, "{waits} of {SLEEPS} by {register}: {sleeps:#?}");
    }
}
