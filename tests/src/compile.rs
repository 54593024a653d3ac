//! Programs that are compiled for a test, for what a Rust workload cannot promise: frame pointers in
//! every function or in none, a known compiler, and a known place in memory.

use crate::{binary, machine};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `workloads/<name>.c` with frame pointers into `dir`; `None`, after a visible note,
/// where there is no C compiler.
pub fn with_frame_pointers(name: &str, dir: &Path) -> Option<PathBuf> {
    compile(name, &["-g", "-fno-inline"], &dir.join(name))
}

/// Compiles `workloads/<name>.c` into a program at `program` that is always at the same place in
/// memory and has all libraries in it, with one name defined; `None`, after a visible note, where
/// there is no C compiler or no library to put in.
pub fn at_a_fixed_place(name: &str, define: &str, program: &Path) -> Option<PathBuf> {
    compile(name, &["-static", "-no-pie", &format!("-D{define}")], program)
}

/// The source of a program with known call chains.
pub fn chain_source(source: &str) -> PathBuf {
    workloads().join("chains").join(source)
}

/// Compiles `workloads/chains/<source>` without frame pointers, optimised, into `program`; `None`,
/// after a visible note, where there is no such compiler or no library to put in.
pub fn chain(compiler: &str, source: &str, options: &[&str], program: &Path) -> Option<PathBuf> {
    let mut command = Command::new(compiler);
    command.args(["-O2", "-fomit-frame-pointer", "-Wall", "-Wextra", "-Werror", "-o"]);
    command.args([program, &chain_source(source)]).args(options);
    run(command, program)
}

/// Compiles `workloads/chains/<source>`, in Rust, as a release into `program`, with the toolchain of
/// this checkout.
pub fn rust_chain(source: &str, program: &Path) -> Option<PathBuf> {
    let mut command = Command::new("rustc");
    command.current_dir(binary::checkout());
    command.args(["-Copt-level=3", "--edition=2024", "-Dwarnings", "-o"]);
    command.args([program, &chain_source(source)]);
    run(command, program)
}

/// Who compiles.
#[derive(Clone, Copy, Debug)]
pub enum Compiler {
    /// The system's own.
    Cc,
    /// clang; most machines have none.
    Clang,
}

/// Compiles `workloads/<name>.c` into a program at `program` as distributions do, without frame
/// pointers; `None`, after a visible note, where there is no such compiler, or none that is able to.
pub fn without_frame_pointers(
    name: &str,
    compiler: Compiler,
    options: &[&str],
    program: &Path,
) -> Option<PathBuf> {
    let options = [&["-O2", "-fomit-frame-pointer"], options].concat();
    match compiler {
        Compiler::Cc => compile_by("cc", name, &options, program),
        // Not needed for a run to count.
        Compiler::Clang if Command::new("clang").arg("--version").output().is_err() => {
            eprintln!("SKIPPED: there is no clang");
            None
        }
        Compiler::Clang => compile_by("clang", name, &options, program),
    }
}

fn compile(name: &str, options: &[&str], program: &Path) -> Option<PathBuf> {
    compile_by("cc", name, &[&["-O1", "-fno-omit-frame-pointer"], options].concat(), program)
}

fn compile_by(compiler: &str, name: &str, options: &[&str], program: &Path) -> Option<PathBuf> {
    let mut command = Command::new(compiler);
    command.args(options).arg("-o");
    command.args([program, &workloads().join(name).with_extension("c")]);
    run(command, program)
}

fn run(mut command: Command, program: &Path) -> Option<PathBuf> {
    let output = match command.output() {
        Err(error) => {
            machine::skip(&format!("needs a compiler: {:?}: {error}", command.get_program()));
            return None;
        }
        Ok(output) => output,
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("cannot find -lc") {
        machine::skip("needs the C library for static programs");
        return None;
    }
    assert!(output.status.success(), "{command:?}: {errors}");
    Some(program.to_owned())
}

fn workloads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads")
}
