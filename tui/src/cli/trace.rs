//! Options of `trace`.

use super::{WatchArgs, values};
use clap::{Args, ValueEnum};
use std::time::Duration;

/// Options of `trace`.
#[derive(Args, Clone, Debug)]
pub struct TraceArgs {
    /// What to print.
    #[arg(value_name = "WHAT", default_value = "opens")]
    pub kind: TraceKind,
    /// Whom to watch.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// How long to watch: 5, 2.5, 500ms, 1m30s; up to 24h. Until interrupted, or until
    /// all processes of --pid have ended, unless given.
    #[arg(short, long, value_name = "TIME", value_parser = values::duration)]
    pub duration: Option<Duration>,
    /// Print JSON Lines: one object a line.
    #[arg(long)]
    pub json: bool,
    /// Nothing on standard error but what was lost.
    #[arg(short, long)]
    pub quiet: bool,
}

/// What `trace` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceKind {
    /// File opens.
    Opens,
    /// Programs that start.
    Exec,
    /// System calls that fail.
    SyscallsFailed,
}
