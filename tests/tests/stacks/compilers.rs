//! Plain programs by each compiler, linked in each way, with and without symbols.

use crate::{built, shows};
use std::path::Path;
use std::process::Command;
use syscope_tests::chain::{Plan, Symbols, chains_of};
use syscope_tests::compile::{chain_source, rust_chain};
use syscope_tests::{binary, require_bpf};

shows! {
    c_by_gcc: "gcc" "plain.c" [] "";
    c_by_clang: "clang" "plain.c" [] "";
    cxx_by_gcc: "g++" "plain.cpp" [] "";
    cxx_by_clang: "clang++" "plain.cpp" [] "";
    static_pie_by_gcc: "gcc" "plain.c" ["-static-pie"] "";
    static_pie_by_clang: "clang" "plain.c" ["-static-pie"] "";
    static_by_gcc: "gcc" "plain.c" ["-static", "-no-pie", "-fno-pie"] "";
    static_by_clang: "clang" "plain.c" ["-static", "-fno-pie"] "";
    at_a_fixed_place_by_gcc: "gcc" "plain.c" ["-no-pie", "-fno-pie"] "";
    every_instruction_by_gcc: "gcc" "prologues.c" [] "";
    every_instruction_by_clang: "clang" "prologues.c" [] "";
    // The unwind data of debuggers, which programs without exceptions may have alone.
    debug_frame_by_gcc: "gcc" "plain.c" ["-fno-asynchronous-unwind-tables", "-g"] "";
    debug_frame_by_clang: "clang" "plain.c"
        ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-g"] "";
    // Debug data compressed, as Debian's is.
    debug_frame_compressed: "gcc" "plain.c"
        ["-fno-asynchronous-unwind-tables", "-g", "-gz=zlib"] "";
    // No sorted index of the unwind data.
    no_eh_frame_hdr: "gcc" "plain.c" ["-Wl,--no-eh-frame-hdr"] "";
}

#[test]
fn rust_release() {
    let _machine = require_bpf!();
    let dir = tempfile::tempdir().expect("room for a program");
    let Some(program) = rust_chain("plain.rs", &dir.path().join("plain")) else { return };
    let run = Plan::new(&program, "").run();
    run.must_be(&chains_of(&chain_source("plain.rs"), ""));
}

#[test]
fn stripped_by_gcc() {
    stripped("gcc");
}

#[test]
fn stripped_by_clang() {
    stripped("clang");
}

/// Names are those of the program before it was stripped.
fn stripped(compiler: &str) {
    let _machine = require_bpf!();
    let Some(built) = built(compiler, "plain.c", &[]) else { return };
    let program = built.dir.path().join("stripped");
    binary::copy(&built.program, &program);
    strip(&program);
    let run = Plan::new(&program, "").run();
    let symbols = Symbols::of_twin(&built.program, "stripped");
    run.must_hold(&run.tally(&built.chains(""), &symbols));
    let frames = run.report.document.profile.stacks.iter().flat_map(|stack| &stack.user);
    let named = frames.filter(|frame| frame.name == "leaf").count();
    assert_eq!(named, 0, "it has no names, or this tests nothing");
}

fn strip(program: &Path) {
    let status = Command::new("strip").arg("--strip-all").arg(program).status();
    assert!(status.expect("strip is where a linker is").success());
}
