//! `syscope launch`, which `record -- COMMAND` starts.

use crate::cli::LaunchArgs;
use crate::launch::become_command;
use std::process::ExitCode;

/// Waits to be watched, then becomes the command; returns only when that failed.
pub fn run(args: &LaunchArgs) -> ExitCode {
    let error = become_command(args.parent, &args.command);
    eprintln!("syscope: {error}");
    ExitCode::from(error.exit_status())
}
