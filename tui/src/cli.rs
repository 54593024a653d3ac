//! The command line.

mod headless;
mod help;
mod moment;
mod probes;
mod record;
mod replay;
mod trace;
mod values;

pub use headless::{CaptureArgs, DiffArgs, FlameArgs, FlameFormat, ReportArgs};
pub use moment::{Moment, MomentRange};
pub use probes::ProbesArgs;
pub use record::{LaunchArgs, ReadSymbolsArgs, RecordArgs};
pub use replay::{DemoArgs, ReplayArgs, ReplayScreenArgs};
pub use trace::{TraceArgs, TraceKind};

use crate::filter::{Filter, ParseError};
use crate::stderr;
use crate::symbols::Debuginfod;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What a Linux machine is doing, right now, and why it is slow.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "syscope",
    version,
    about,
    after_help = help::short(),
    after_long_help = help::long(),
    args_conflicts_with_subcommands = true,
    max_term_width = 100,
)]
pub struct Cli {
    /// What to do instead of opening the live screen.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of the live screen.
    #[command(flatten)]
    pub live: LiveArgs,
    /// Options of all commands.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What to do instead of opening the live screen.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Watch for a while, print all four tables, and exit.
    #[command(after_help = help::REPORT)]
    Report(ReportArgs),
    /// Watch for a while, write a flame graph, and exit.
    #[command(after_help = help::FLAME)]
    Flame(FlameArgs),
    /// Record to a file, without the screen; with a command, from its start to its end.
    #[command(after_help = help::RECORD)]
    Record(RecordArgs),
    /// Show a recording in the four panes, with a timeline.
    #[command(after_help = help::REPLAY)]
    Replay(ReplayArgs),
    /// Replay a recording that comes with syscope: a tour that needs no privilege.
    #[command(after_help = help::DEMO)]
    Demo(DemoArgs),
    /// Print events as they happen, one a line, until interrupted.
    #[command(after_help = help::TRACE, mut_arg("freq", |arg| arg.hide(true)))]
    Trace(TraceArgs),
    /// Say which probes can run here, what is missing for the others, and what mends it.
    #[command(after_help = help::DOCTOR)]
    Doctor(DoctorArgs),
    /// Print completions for a shell.
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// What `record -- COMMAND` starts: it waits to be watched, then becomes the command.
    #[command(hide = true)]
    Launch(LaunchArgs),
    /// What syscope starts to read the symbols of files: a process that nothing is lost with.
    #[command(hide = true)]
    ReadSymbols(ReadSymbolsArgs),
}

/// Options of all commands.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// Write a log of syscope itself to this file.
    #[arg(long, value_name = "FILE", global = true, help_heading = "About syscope itself")]
    pub log: Option<PathBuf>,
    /// Whether to use colours; `auto` does on a terminal, unless NO_COLOR is set.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        help_heading = "About syscope itself"
    )]
    pub color: Color,
}

/// Whether to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whom to watch, and how closely.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// Watch only this process; several are joined by commas.
    #[arg(short, long, value_name = "PID", value_delimiter = ',', value_parser = values::pid)]
    pub pid: Vec<u32>,
    /// Watch only processes of this name (`*` and `?` stand for any text, any character); may be
    /// repeated. With --pid, a process must meet both.
    #[arg(short, long, value_name = "NAME", value_parser = values::comm)]
    pub comm: Vec<String>,
    /// With --pid: watch its descendants too, also those that are not born yet.
    #[arg(long, requires = "pid")]
    pub follow_forks: bool,
    /// Watch what this filter accepts, on top of --pid and --comm (see "Filter" in `syscope
    /// --help`).
    #[arg(long, value_name = "FILTER", value_parser = values::filter)]
    pub filter: Option<Filter>,
    /// Samples a second and CPU of the CPU profile, 1 to 10000.
    #[arg(long, value_name = "HZ", default_value_t = 99,
        value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub freq: u64,
    /// Watch syscope itself too.
    #[arg(long)]
    pub include_self: bool,
    /// Fetch debug files that are not on this machine from the servers in DEBUGINFOD_URLS, which thereby
    /// learn what runs here. Needs `debuginfod-find`.
    #[arg(long)]
    pub debuginfod: bool,
}

impl WatchArgs {
    /// The filter of `--pid`, `--comm` and `--filter` together.
    pub fn filter(&self) -> Result<Filter, ParseError> {
        let listed = Filter::from_cli(&self.pid, &self.comm, self.follow_forks);
        self.filter.as_ref().map_or(Ok(listed.clone()), |filter| listed.and(filter))
    }
}

/// Options of the live screen.
#[derive(Args, Clone, Debug)]
pub struct LiveArgs {
    /// Whom to watch.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// Which probes run.
    #[command(flatten)]
    pub probes: ProbesArgs,
    /// Time between two readings of the probes: 50ms to 1m.
    ///
    /// What happens is on the screen after it. Below 300ms, readings that change numbers only are
    /// drawn every other time.
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = values::interval)]
    pub interval: Duration,
    /// Panic after the first frame, for tests of what is left behind.
    #[arg(long, hide = true)]
    pub inject_panic: bool,
}

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub json: bool,
    /// Watch everything for so long, too, and say what that cost and what was lost: 1ms to 24h.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub watch: Option<Duration>,
}

impl Cli {
    /// Understands the program's own command line; prints help or what is wrong, and gives the exit
    /// status, where there is nothing to run.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_read(std::env::args_os()).map_err(|error| match error.print() {
            Err(print) if !error.use_stderr() && print.kind() != io::ErrorKind::BrokenPipe => {
                stderr::tell(format_args!("cannot write to standard output: {print}"));
                ExitCode::FAILURE
            }
            _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX)),
        })
    }

    /// Understands a command line, the program's name included. What clap cannot see (options that
    /// do not go together in value) is checked here, so that nothing is started in vain.
    pub fn try_read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let cli = Self::try_parse_from(args).map_err(told_where_options_stand)?;
        cli.check()
            .map_err(|message| Self::command().error(ErrorKind::ValueValidation, message))?;
        Ok(cli)
    }

    fn check(&self) -> Result<(), String> {
        let watch = match &self.command {
            None => Some(&self.live.watch),
            Some(Command::Report(report)) => report.check().map(|()| Some(&report.watch))?,
            Some(Command::Flame(flame)) => flame.check().map(|()| Some(&flame.watch))?,
            Some(Command::Record(record)) => record.check().map(|()| Some(&record.watch))?,
            Some(Command::Trace(trace)) => Some(&trace.watch),
            Some(_) => None,
        };
        let Some(watch) = watch else { return Ok(()) };
        if watch.debuginfod {
            Debuginfod::from_environment()?;
        }
        watch.filter().map(|_| ()).map_err(|error| error.to_string())
    }

    /// The completions for a shell. Made in memory: the library panics where they cannot be written.
    pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
        let mut completions = Vec::new();
        clap_complete::generate(shell, &mut Self::command(), "syscope", &mut completions);
        completions
    }
}

/// `syscope -p 1 report` is refused; adds how it is meant, where the command takes such an option.
fn told_where_options_stand(mut error: clap::Error) -> clap::Error {
    let (Some(ContextValue::String(command)), Some(ContextValue::String(option))) =
        (error.get(ContextKind::InvalidSubcommand), error.get(ContextKind::PriorArg))
    else {
        return error;
    };
    let mut root = Cli::command();
    root.build();
    let mut arguments = root.find_subcommand(command).into_iter().flat_map(|it| it.get_arguments());
    if arguments.any(|argument| argument.to_string() == *option) {
        let tip = format!("options stand behind the command: 'syscope {command} {option}'");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

#[cfg(test)]
mod tests;
