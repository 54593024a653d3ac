//! `syscope record`.

use super::{INTERRUPTED, options, ready, refused};
use crate::cli::RecordArgs;
use crate::filter::Filter;
use crate::headless::{self, Output, OutputError, RecordOptions, Recorded, Sink};
use crate::launch::{self, Launch, Launched};
use crate::source::live;
use crate::stderr;
use crate::text;
use color_eyre::eyre::{self, WrapErr};
use std::io::{self, IsTerminal};
use std::process::ExitCode;

/// Records to a file.
pub fn run(args: &RecordArgs) -> eyre::Result<ExitCode> {
    let mut filter = ready(&args.watch)?;
    let output = output(args)?;
    let mut command = None;
    if !args.command.is_empty() {
        // This thread is the main one: it lives as long as the command may wait.
        match launch::launch(&args.command).wrap_err("cannot start the command")? {
            Launch::Waiting(launched) => {
                filter = Filter::from_cli(&[launched.pid()], &[], true).and(&filter)?;
                command = Some(launched);
            }
            Launch::Refused(status) => return Ok(ExitCode::from(launch::exit_status(status))),
        }
    }
    let (wanted, budget) = (args.probes.wanted(), args.probes.budget());
    let options = live::Options { wanted, budget, ..options(&args.watch, filter, args.interval) };
    let handle = live::start(options.clone()).map_err(refused)?;
    let header = headless::header(handle.watched.clone(), &options, !args.no_cmdline);
    if !args.quiet {
        say_what(args, &options, command.as_ref());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A command writes to the terminal itself.
    let progress = !args.quiet && command.is_none() && io::stderr().is_terminal();
    let how = RecordOptions { duration: args.duration, progress, quiet: args.quiet };
    let recorded = headless::record(handle, Sink::new(output, header), command, how);
    Ok(ExitCode::from(status(args, &runtime.block_on(recorded)?)))
}

fn output(args: &RecordArgs) -> eyre::Result<Output> {
    let output =
        if args.to_stdout() { Output::stdout() } else { Output::file(&args.output, args.force) };
    output.map_err(|error| match error {
        OutputError::Exists(_) => eyre::eyre!("{error}, or replace it with --force"),
        error => error.into(),
    })
}

fn say_what(args: &RecordArgs, options: &live::Options, command: Option<&Launched>) {
    let whom = match command {
        Some(command) => {
            let name = args.command[0].to_string_lossy();
            format!("`{}` (PID {}) and its children", text::visible(&name), command.pid())
        }
        None => headless::whom(&options.filter),
    };
    let end = match (args.duration, command) {
        (Some(duration), _) => format!(" for {}", text::duration(duration.as_nanos() as u64)),
        (None, Some(_)) => String::new(),
        (None, None) => " until Ctrl-C".to_owned(),
    };
    stderr::tell(format_args!("watching {whom}{end}"));
}

fn status(args: &RecordArgs, recorded: &Recorded) -> u8 {
    let failed = recorded.recording.error.is_some() && !recorded.broken_pipe;
    match recorded.command.map(launch::exit_status) {
        Some(0) | None if failed => 1,
        Some(status) => status,
        // Ctrl-C is the way to end a recording that was given no end.
        None if recorded.interrupted && args.duration.is_some() => INTERRUPTED,
        None => 0,
    }
}
