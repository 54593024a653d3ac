//! `syscope trace`.

use super::{options, ready, refused};
use crate::cli::{TraceArgs, TraceKind};
use crate::source::live;
use crate::trace::{self, Format, Kind, TraceError};
use color_eyre::eyre;
use std::process::ExitCode;

/// Prints events as they happen.
pub fn run(args: &TraceArgs) -> eyre::Result<ExitCode> {
    let kind = match args.kind {
        TraceKind::Opens => Kind::Opens,
        TraceKind::Exec => Kind::Exec,
        TraceKind::SyscallsFailed => Kind::SyscallsFailed,
    };
    let filter = ready(&args.watch)?;
    let watch = options(&args.watch, filter, trace::INTERVAL);
    let watch = live::Options { wanted: kind.wanted(), ..watch };
    let format = if args.json { Format::Json } else { Format::Text };
    let only = if args.watch.follow_forks { Vec::new() } else { args.watch.pid.clone() };
    let (duration, quiet) = (args.duration, args.quiet);
    let options = trace::Options { kind, format, duration, quiet, only };
    match trace::run(watch, &options) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(TraceError::Start(error)) => Err(refused(error)),
        Err(error) => Err(error.into()),
    }
}
