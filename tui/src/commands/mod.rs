//! What each command of the command line does.

mod demo;
mod doctor;
mod flame;
mod from;
mod launch;
mod live_screen;
mod moments;
mod read_symbols;
mod record;
mod replay;
mod report;
mod trace;

use crate::cli::{Cli, Color, Command, WatchArgs};
use crate::filter::Filter;
use crate::headless::{self, Output, Watch};
use crate::kernel::{AttachError, Wanted};
use crate::screen;
use crate::source::live::{self, StartError};
use crate::source::procfs;
use crate::stderr;
use crate::symbols::Debuginfod;
use color_eyre::eyre::{self, WrapErr, bail};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Time between two readings where no screen wants them sooner.
const HEADLESS_INTERVAL: Duration = Duration::from_millis(250);
/// Exit status after an interrupt ended the watching early: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// Runs the command.
pub fn run(cli: Cli) -> eyre::Result<ExitCode> {
    match cli.command {
        None => live_screen::run(&cli.live, cli.common.color),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Flame(args)) => flame::run(&args),
        Some(Command::Record(args)) => record::run(&args),
        Some(Command::Replay(args)) => replay::run(&args, cli.common.color),
        Some(Command::Demo(args)) => demo::run(&args, cli.common.color),
        Some(Command::Trace(args)) => trace::run(&args),
        Some(Command::Launch(args)) => Ok(launch::run(&args)),
        Some(Command::ReadSymbols(args)) => read_symbols::run(&args),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Completions { shell }) => {
            print(|out| out.write_all(&Cli::completions(shell)))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Watches for a while; what was seen goes into the new file `record`, too.
fn watch(
    args: &WatchArgs,
    (wanted, budget): (Wanted, Option<f64>),
    duration: Duration,
    quiet: bool,
    record: Option<&Path>,
) -> eyre::Result<Watch> {
    let filter = ready(args)?;
    let output = record.map(|path| Output::file(path, false)).transpose()?;
    let options = live::Options { wanted, budget, ..options(args, filter, HEADLESS_INTERVAL) };
    let watch =
        headless::watch(&options, duration, quiet, output).map_err(|error| match error {
            headless::WatchError::Start(error) => refused(error),
            error => error.into(),
        })?;
    if let Some(recording) = &watch.recording
        && (recording.error.is_some() || !quiet)
    {
        stderr::tell(headless::summary(recording, false));
    }
    Ok(watch)
}

/// Refuses what cannot work, before anything is attached; gives the filter to start with.
fn ready(args: &WatchArgs) -> eyre::Result<Filter> {
    if let Some(pid) = args.pid.iter().find(|pid| !procfs::exists(**pid)) {
        bail!("no process has the PID {pid} (-p): `ps -e` lists those that run");
    }
    if let Some(refusal) = crate::doctor::privilege_error() {
        bail!(refusal);
    }
    if !crate::doctor::sees_all_pids() {
        bail!(
            "this PID namespace (a container's) has PIDs of its own, and the kernel does not count \
             by them: run syscope on the host, or in the host's PID namespace (`docker run \
             --pid=host`, `nsenter -t 1 -p -m`)"
        );
    }
    Ok(args.filter()?)
}

fn options(args: &WatchArgs, filter: Filter, interval: Duration) -> live::Options {
    live::Options {
        wanted: Wanted::PANES,
        interval,
        frequency_hz: args.freq,
        include_self: args.include_self,
        filter,
        budget: None,
        // That it is to be had was checked with the command line.
        debuginfod: args.debuginfod.then(Debuginfod::from_environment).and_then(Result::ok),
    }
}

fn refused(error: StartError) -> eyre::Error {
    match error {
        StartError::Attach(AttachError::NotPermitted) => match crate::doctor::privilege_error() {
            Some(text) => eyre::Error::msg(text),
            None => eyre::eyre!("the kernel does not permit BPF programs: run `syscope doctor`"),
        },
        error => error.into(),
    }
}

fn colour(color: Color) -> screen::ColourChoice {
    match color {
        Color::Auto => screen::ColourChoice::Auto,
        Color::Always => screen::ColourChoice::Always,
        Color::Never => screen::ColourChoice::Never,
    }
}

/// How the screen ended, as an exit status.
fn screen_status(ended: Result<(), screen::Error>) -> eyre::Result<ExitCode> {
    match ended {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => match error.exit() {
            (_, true) => Err(error.into()),
            (status, false) => Ok(ExitCode::from(status)),
        },
    }
}

fn status(watch: &Watch) -> ExitCode {
    match &watch.recording {
        Some(recording) if recording.error.is_some() => ExitCode::FAILURE,
        _ if watch.interrupted => ExitCode::from(INTERRUPTED),
        _ => ExitCode::SUCCESS,
    }
}

/// Writes to standard output; a reader that has gone away is no error.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> eyre::Result<()> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.wrap_err("cannot write to standard output"),
    }
}
