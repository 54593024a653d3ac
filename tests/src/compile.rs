//! Programs in C, for what a Rust workload cannot promise: frame pointers in every function, and a
//! known place in memory.

use crate::machine;
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
        Compiler::Cc => compile_with("cc", name, &options, program),
        // Not needed for a run to count.
        Compiler::Clang if Command::new("clang").arg("--version").output().is_err() => {
            eprintln!("SKIPPED: there is no clang");
            None
        }
        Compiler::Clang => compile_with("clang", name, &options, program),
    }
}

fn compile(name: &str, options: &[&str], program: &Path) -> Option<PathBuf> {
    compile_with("cc", name, &[&["-O1", "-fno-omit-frame-pointer"], options].concat(), program)
}

fn compile_with(compiler: &str, name: &str, options: &[&str], program: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads").join(name);
    let source = source.with_extension("c");
    let compiled = Command::new(compiler).args(options).arg("-o").args([program, &source]).output();
    let output = match compiled {
        Err(error) => {
            machine::skip(&format!("needs a C compiler: cc: {error}"));
            return None;
        }
        Ok(output) => output,
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("cannot find -lc") {
        machine::skip("needs the C library for static programs");
        return None;
    }
    assert!(output.status.success(), "{}: {errors}", source.display());
    Some(program.to_owned())
}
