//! The command line.

mod help;
mod values;

use crate::filter::{Filter, ParseError};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
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
    /// Say which probes can run here, what is missing for the others, and what mends it.
    #[command(after_help = help::DOCTOR)]
    Doctor(DoctorArgs),
    /// Print completions for a shell.
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
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
    /// Time between two readings of the probes: 50ms to 1m.
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = values::interval)]
    pub interval: Duration,
    /// Panic after the first frame, for tests of what is left behind.
    #[arg(long, hide = true)]
    pub inject_panic: bool,
}

/// Options of `report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Whom to watch.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// How long to watch: 5, 2.5, 500ms, 1m30s; up to 24h.
    #[arg(short, long, value_name = "TIME", default_value = "5s", value_parser = values::duration)]
    pub duration: Duration,
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub json: bool,
    /// Rows of each table (text: 20 unless given; JSON: all unless given).
    #[arg(long, value_name = "N", value_parser = values::top)]
    pub top: Option<usize>,
    /// No progress on standard error.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Options of `flame`.
#[derive(Args, Clone, Debug)]
pub struct FlameArgs {
    /// Whom to watch.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// How long to watch: 10, 2.5, 500ms, 1m30s; up to 24h.
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = values::duration)]
    pub duration: Duration,
    /// Show where time passes off the CPU instead of on it.
    #[arg(long)]
    pub off_cpu: bool,
    /// Where to write: a name that ends in .svg or .folded, or `-` for standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// What to write; told from the name of the output unless given (`-`: svg).
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FlameFormat>,
    /// No progress on standard error.
    #[arg(short, long)]
    pub quiet: bool,
}

/// What `flame` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FlameFormat {
    /// A picture for a browser, with search and zoom.
    Svg,
    /// Text: one stack a line, its frames joined by semicolons, and its weight.
    Folded,
}

impl FlameArgs {
    /// Whether the output goes to standard output.
    pub fn to_stdout(&self) -> bool {
        self.output == Path::new("-")
    }

    /// What to write; an error where neither `--format` nor the output's name tells.
    pub fn format(&self) -> Result<FlameFormat, String> {
        let extension = self.output.extension().and_then(|extension| extension.to_str());
        match (self.format, extension) {
            (Some(format), _) => Ok(format),
            (None, Some("svg")) => Ok(FlameFormat::Svg),
            (None, Some("folded")) => Ok(FlameFormat::Folded),
            (None, _) if self.to_stdout() => Ok(FlameFormat::Svg),
            (None, _) => Err(format!(
                "cannot tell what to write to '{}': name it .svg or .folded, or add --format svg \
                 or --format folded",
                self.output.display()
            )),
        }
    }
}

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub json: bool,
}

impl Cli {
    /// Understands the program's own command line; prints help or what is wrong, and exits, where
    /// there is nothing to run.
    pub fn read() -> Self {
        Self::try_read(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Understands a command line, the program's name included. What clap cannot see (options that
    /// do not go together in value) is checked here, so that nothing is started in vain.
    pub fn try_read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let cli = Self::try_parse_from(args)?;
        cli.check()
            .map_err(|message| Self::command().error(ErrorKind::ValueValidation, message))?;
        Ok(cli)
    }

    fn check(&self) -> Result<(), String> {
        let watch = match &self.command {
            None => Some(&self.live.watch),
            Some(Command::Report(report)) => Some(&report.watch),
            Some(Command::Flame(flame)) => flame.format().map(|_| Some(&flame.watch))?,
            Some(Command::Doctor(_) | Command::Completions { .. }) => None,
        };
        watch.map_or(Ok(()), |watch| watch.filter().map(|_| ()).map_err(|e| e.to_string()))
    }

    /// Writes the completions for a shell.
    pub fn completions(shell: clap_complete::Shell, into: &mut dyn std::io::Write) {
        clap_complete::generate(shell, &mut Self::command(), "syscope", into);
    }
}

#[cfg(test)]
mod tests;
