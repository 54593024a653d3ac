//! Options of `report` and `flame`: both watch for a while, or read a capture.

use super::moment::MomentRange;
use super::{ProbesArgs, WatchArgs, values};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Captures to read or to write.
#[derive(Args, Clone, Debug)]
pub struct CaptureArgs {
    /// Read this capture instead of watching. --pid, --comm and --filter then choose among what was
    /// recorded.
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["duration", "freq", "include_self", "record"])]
    pub from: Option<PathBuf>,
    /// With --from: only this part of it, as time since its start (10s..20s, ..1m, 90..) or as time
    /// of day (12:03:10..12:03:40).
    #[arg(long, value_name = "FROM..TO", requires = "from", value_parser = values::range)]
    pub range: Option<MomentRange>,
    /// Save the capture of this very run to a new file. It holds paths and command lines.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// Options of `report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Whom to watch.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// Which probes run.
    #[command(flatten)]
    pub probes: ProbesArgs,
    /// How long to watch: 5, 2.5, 500ms, 1m30s; up to 24h.
    #[arg(short, long, value_name = "TIME", default_value = "5s", value_parser = values::duration)]
    pub duration: Duration,
    /// Captures to read or to write.
    #[command(flatten)]
    pub capture: CaptureArgs,
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

impl ReportArgs {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.capture.from.is_some() && !self.probes.probes.is_empty() {
            return Err("--probes says what to watch: use it without --from".into());
        }
        self.capture.check()
    }
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
    /// Captures to read or to write.
    #[command(flatten)]
    pub capture: CaptureArgs,
    /// Show where time passes off the CPU instead of on it.
    #[arg(long)]
    pub off_cpu: bool,
    /// Show where all time of the threads passes: running (as samples tell), waiting for a CPU, or
    /// blocked.
    #[arg(long, conflicts_with = "off_cpu")]
    pub wall: bool,
    /// Compare: what takes more of the whole in capture B than in A (red), and what less (blue).
    /// With one capture: two ranges of it.
    #[arg(long, value_names = ["A", "B"], num_args = 1..=2,
        conflicts_with_all = ["from", "duration", "freq", "include_self", "record"])]
    pub diff: Vec<PathBuf>,
    /// With --diff: only this part of A, as with --range.
    #[arg(long, value_name = "FROM..TO", requires = "diff", value_parser = values::range)]
    pub range_a: Option<MomentRange>,
    /// With --diff: only this part of B.
    #[arg(long, value_name = "FROM..TO", requires = "diff", value_parser = values::range)]
    pub range_b: Option<MomentRange>,
    /// Where to write: a name that ends in .svg, .folded, .pb.gz or .speedscope.json, or `-` for
    /// standard output.
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
    /// For `go tool pprof` and what else reads its gzipped profile.proto (.pb.gz).
    Pprof,
    /// For the web page of speedscope (.speedscope.json).
    Speedscope,
}

impl FlameFormat {
    /// By the ending of a name.
    const ENDINGS: [(&str, Self); 4] = [
        (".svg", Self::Svg),
        (".folded", Self::Folded),
        (".pb.gz", Self::Pprof),
        (".speedscope.json", Self::Speedscope),
    ];

    fn of_name(name: &str) -> Option<Self> {
        let has = |ending: &str| name.len() > ending.len() && name.ends_with(ending);
        Self::ENDINGS.into_iter().find(|(ending, _)| has(ending)).map(|(_, format)| format)
    }
}

impl CaptureArgs {
    /// What the parser does not see: `--from` conflicts with an option that stands in its place.
    pub(super) fn check(&self) -> Result<(), String> {
        match (&self.range, &self.from) {
            (Some(_), None) => Err("--range is a part of a capture: name it with --from".into()),
            _ => Ok(()),
        }
    }
}

/// Two parts of captures to compare.
#[derive(Clone, Copy, Debug)]
pub struct DiffArgs<'a> {
    /// What is compared to: A.
    pub before: (&'a Path, Option<&'a MomentRange>),
    /// What is compared: B.
    pub after: (&'a Path, Option<&'a MomentRange>),
}

impl FlameArgs {
    /// What to compare; `None` without `--diff`.
    pub fn compared(&self) -> Option<DiffArgs<'_>> {
        let (before, after) = (self.diff.first()?, self.diff.last()?);
        Some(DiffArgs {
            before: (before, self.range_a.as_ref()),
            after: (after, self.range_b.as_ref()),
        })
    }

    /// What the parser does not see.
    pub(super) fn check(&self) -> Result<(), String> {
        let format = self.format()?;
        let Some(DiffArgs { before, after }) = self.compared() else {
            return self.capture.check();
        };
        if self.diff.len() > 2 {
            return Err("--diff compares two captures at most".into());
        }
        if !matches!(format, FlameFormat::Svg | FlameFormat::Folded) {
            return Err("--diff writes svg or folded; `go tool pprof -diff_base a.pb.gz b.pb.gz` \
                        compares two profiles by itself"
                .into());
        }
        if self.capture.range.is_some() {
            return Err("--diff has a range for each capture: --range-a and --range-b".into());
        }
        match before.0 == after.0 {
            true if before.1.is_none() || after.1.is_none() => {
                Err("--diff with one capture compares two ranges of it: add --range-a and \
                     --range-b, as in --range-a ..30s --range-b 30s.."
                    .into())
            }
            true if before.1 == after.1 => Err("--range-a and --range-b are the same".into()),
            _ => Ok(()),
        }
    }

    /// Whether the output goes to standard output.
    pub fn to_stdout(&self) -> bool {
        self.output == Path::new("-")
    }

    /// What to write; an error where neither `--format` nor the output's name tells.
    pub fn format(&self) -> Result<FlameFormat, String> {
        let name = self.output.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match (self.format, FlameFormat::of_name(name)) {
            (Some(format), _) | (None, Some(format)) => Ok(format),
            (None, None) if self.to_stdout() => Ok(FlameFormat::Svg),
            (None, None) => Err(format!(
                "cannot tell what to write to '{}': name it .svg, .folded, .pb.gz or \
                 .speedscope.json, or add --format svg, folded, pprof or speedscope",
                self.output.display()
            )),
        }
    }
}
