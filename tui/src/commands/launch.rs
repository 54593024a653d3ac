//! `syscope launch`, which `record -- COMMAND` starts.

use crate::cli::LaunchArgs;
use color_eyre::eyre;
use std::process::ExitCode;

/// Waits to be watched, then becomes the command.
pub fn run(args: &LaunchArgs) -> eyre::Result<ExitCode> {
    eyre::bail!("`launch` is not built yet: {:?}", args.command)
}
