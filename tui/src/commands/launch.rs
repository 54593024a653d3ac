//! `syscope launch`, which `record -- COMMAND` starts.

use crate::cli::LaunchArgs;
use crate::launch::become_command;
use crate::stderr;
use std::process::ExitCode;

/// Waits to be watched, then becomes the command; returns only when that failed.
pub fn run(args: &LaunchArgs) -> ExitCode {
    let error = become_command(args.parent, &args.command);
    stderr::tell(&error);
    ExitCode::from(error.exit_status())
}
