//! Programs in C, for what a Rust workload cannot promise: frame pointers in every function.

use crate::machine;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `workloads/<name>.c` with frame pointers into `dir`; `None`, after a visible note,
/// where there is no C compiler.
pub fn with_frame_pointers(name: &str, dir: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads").join(name);
    let source = source.with_extension("c");
    let program = dir.join(name);
    let compiled = Command::new("cc")
        .args(["-O1", "-g", "-fno-omit-frame-pointer", "-fno-inline", "-o"])
        .args([&program, &source])
        .output();
    match compiled {
        Err(error) => {
            machine::skip(&format!("needs a C compiler: cc: {error}"));
            None
        }
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {errors}", source.display());
            Some(program)
        }
    }
}
