//! Options of `record`.

use super::{ProbesArgs, WatchArgs, values};
use clap::Args;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Options of `record`.
#[derive(Args, Clone, Debug)]
pub struct RecordArgs {
    /// Whom to watch.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// Which probes run.
    #[command(flatten)]
    pub probes: ProbesArgs,
    /// The new file (mode 0600), or `-` for standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// How long to record: 60, 2.5, 500ms, 1m30s; up to 24h. Until Ctrl-C, or the end of the
    /// command, unless given.
    #[arg(short, long, value_name = "TIME", value_parser = values::duration)]
    pub duration: Option<Duration>,
    /// Time between two readings of the probes, 50ms to 1m: the resolution of the timeline.
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = values::interval)]
    pub interval: Duration,
    /// Leave command lines out: of processes, and syscope's own.
    #[arg(long)]
    pub no_cmdline: bool,
    /// Replace the output if it exists.
    #[arg(long)]
    pub force: bool,
    /// No progress on standard error.
    #[arg(short, long)]
    pub quiet: bool,
    /// Start this command, record it and its descendants from its first instruction to its end, and
    /// exit with its status. Under sudo it runs as the user who called sudo,
    /// whose the new file is, too.
    #[arg(last = true, value_name = "COMMAND", num_args = 1.., conflicts_with = "pid")]
    pub command: Vec<OsString>,
}

impl RecordArgs {
    /// Whether the output goes to standard output.
    pub fn to_stdout(&self) -> bool {
        self.output == Path::new("-")
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.to_stdout() && !self.command.is_empty() {
            return Err("with a command, -o needs a file: standard output is the command's".into());
        }
        Ok(())
    }
}

/// Options of `launch`.
#[derive(Args, Clone, Debug)]
pub struct LaunchArgs {
    /// PID of the syscope that called: without it there is nobody to wait for.
    #[arg(long)]
    pub parent: u32,
    /// The command.
    #[arg(last = true, required = true, num_args = 1..)]
    pub command: Vec<OsString>,
}

/// Options of what syscope starts to read symbols.
#[derive(Args, Clone, Debug)]
pub struct ReadSymbolsArgs {
    /// PID of the syscope that asks.
    #[arg(long)]
    pub parent: u32,
}
