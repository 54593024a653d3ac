//! What each command of the command line does.

use crate::cli::{Cli, Color, Command, FlameArgs, FlameFormat, LiveArgs, ReportArgs, WatchArgs};
use crate::filter::{Candidate, Filter};
use crate::flame::{self, FlameTree};
use crate::headless::{self, Watch};
use crate::kernel::AttachError;
use crate::source::live::{self, StartError};
use crate::source::procfs;
use crate::{doctor, report, screen};
use color_eyre::eyre::{self, WrapErr, bail};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Time between two readings where no screen wants them sooner.
const HEADLESS_INTERVAL: Duration = Duration::from_millis(250);
/// Exit status after an interrupt ended the watching early: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// Runs the command.
pub fn run(cli: Cli) -> eyre::Result<ExitCode> {
    match cli.command {
        None => live_screen(&cli.live, cli.common.color),
        Some(Command::Report(args)) => report(&args),
        Some(Command::Flame(args)) => flame(&args),
        Some(Command::Doctor(args)) => {
            let report = doctor::check();
            let text =
                if args.json { format!("{:#}\n", report.to_json()) } else { report.to_text() };
            print(|out| out.write_all(text.as_bytes()))?;
            Ok(ExitCode::from(report.exit_code()))
        }
        Some(Command::Completions { shell }) => {
            print(|out| {
                Cli::completions(shell, out);
                Ok(())
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn live_screen(args: &LiveArgs, color: Color) -> eyre::Result<ExitCode> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!("the live screen needs a terminal; `syscope report` prints the same as text or JSON");
    }
    let filter = ready(&args.watch)?;
    let handle =
        live::start(options(&args.watch, filter.clone(), args.interval)).map_err(refused)?;
    let colour = match color {
        Color::Auto => screen::ColourChoice::Auto,
        Color::Always => screen::ColourChoice::Always,
        Color::Never => screen::ColourChoice::Never,
    };
    let options =
        screen::Options { filter, colour, inject_panic: args.inject_panic, ..Default::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(screen::run(handle, options)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => match error.exit() {
            (_, true) => Err(error.into()),
            (status, false) => Ok(ExitCode::from(status)),
        },
    }
}

fn report(args: &ReportArgs) -> eyre::Result<ExitCode> {
    let watch = watch(&args.watch, args.duration, args.quiet)?;
    let filter = args.watch.filter()?;
    let options = report::Options { top: args.top };
    print(|out| match args.json {
        true => report::write_json(&watch.model, &filter, options, out),
        false => report::write_text(&watch.model, &filter, options, out),
    })?;
    Ok(status(&watch))
}

fn flame(args: &FlameArgs) -> eyre::Result<ExitCode> {
    let format = args.format().map_err(eyre::Error::msg)?;
    if !args.to_stdout() {
        flame::export::check(&args.output)?;
    }
    let watch = watch(&args.watch, args.duration, args.quiet)?;
    let filter = args.watch.filter()?;
    let model = &watch.model;
    let accepted =
        |key| model.processes.get(key).is_some_and(|p| filter.matches(&Candidate::from(p)));
    let tree = match args.off_cpu {
        true => flame::off_cpu(model, accepted),
        false => flame::cpu(model, accepted),
    };
    let what = if args.off_cpu { "Off-CPU time" } else { "CPU profile" };
    let whom = if filter.is_empty() { &model.watched.host } else { filter.text() };
    let title = format!("{what} of {whom}");
    let write = |out: &mut dyn Write| write_flame(format, &tree, &title, args, out);
    match args.to_stdout() {
        true => write(&mut io::stdout().lock())?,
        false => flame::export::save(&args.output, write)?,
    }
    if !args.quiet && !args.to_stdout() {
        eprintln!("syscope: wrote {}", args.output.display());
    }
    Ok(status(&watch))
}

fn write_flame(
    format: FlameFormat,
    tree: &FlameTree,
    title: &str,
    args: &FlameArgs,
    out: &mut dyn Write,
) -> Result<(), flame::export::Error> {
    let subtitle = format!("{:?} at {} Hz", args.duration, args.watch.freq);
    match format {
        FlameFormat::Svg => flame::export::write_svg(tree, title, &subtitle, out),
        FlameFormat::Folded => flame::export::write_folded(tree, out),
    }
}

fn watch(args: &WatchArgs, duration: Duration, quiet: bool) -> eyre::Result<Watch> {
    let filter = ready(args)?;
    headless::watch(options(args, filter, HEADLESS_INTERVAL), duration, quiet).map_err(|error| {
        match error {
            headless::WatchError::Start(error) => refused(error),
            error => error.into(),
        }
    })
}

/// Refuses what cannot work, before anything is attached; gives the filter to start with.
fn ready(args: &WatchArgs) -> eyre::Result<Filter> {
    if let Some(pid) = args.pid.iter().find(|pid| !procfs::exists(**pid)) {
        bail!("no process has the PID {pid} (-p): `ps -e` lists those that run");
    }
    if let Some(refusal) = doctor::privilege_error() {
        bail!(refusal);
    }
    if !doctor::sees_all_pids() {
        bail!(
            "this PID namespace (a container's) has PIDs of its own, and the kernel does not count \
             by them: run syscope on the host, or in the host's PID namespace (`docker run \
             --pid=host`, `nsenter -t 1 -p -m`)"
        );
    }
    Ok(args.filter()?)
}

fn options(args: &WatchArgs, filter: Filter, interval: Duration) -> live::Options {
    live::Options { interval, frequency_hz: args.freq, include_self: args.include_self, filter }
}

fn refused(error: StartError) -> eyre::Error {
    match error {
        StartError::Attach(AttachError::NotPermitted) => match doctor::privilege_error() {
            Some(text) => eyre::Error::msg(text),
            None => eyre::eyre!("the kernel does not permit BPF programs: run `syscope doctor`"),
        },
        error => error.into(),
    }
}

fn status(watch: &Watch) -> ExitCode {
    if watch.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS }
}

/// Writes to standard output; a reader that has gone away is no error.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> eyre::Result<()> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.wrap_err("cannot write to standard output"),
    }
}
