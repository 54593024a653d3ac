//! `syscope trace`.

use crate::cli::TraceArgs;
use color_eyre::eyre;
use std::process::ExitCode;

/// Prints events as they happen.
pub fn run(args: &TraceArgs) -> eyre::Result<ExitCode> {
    eyre::bail!("`trace` is not built yet: {:?}", args.kind)
}
