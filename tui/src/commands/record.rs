//! `syscope record`.

use crate::cli::RecordArgs;
use color_eyre::eyre;
use std::process::ExitCode;

/// Records to a file.
pub fn run(args: &RecordArgs) -> eyre::Result<ExitCode> {
    eyre::bail!("`record` is not built yet: {}", args.output.display())
}
