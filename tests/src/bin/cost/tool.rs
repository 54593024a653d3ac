//! The profilers, and one run of one of them.

use super::load::Load;
use super::sampler::{self, Times};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use syscope_tests::bpf;
use syscope_tests::clock;
use syscope_tests::process::resident_at_most;

/// How long a profiler runs before it is measured: what it does at its start is told apart.
const SETTLE: Duration = Duration::from_secs(10);
/// How long reading what was recorded may take.
const AFTERWARDS: &str = "300";

/// What is written: some go by the end of the name.
const OUTPUT: &str = "output.svg";

/// A profiler, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    Nothing,
    Flame,
    Report,
    ProfileBee,
    PerfPointers,
    PerfDwarf,
}

impl Tool {
    /// The signal that ends it. Nothing takes no notice of an interrupt where a shell started all this in the
    /// background.
    fn end(self) -> Signal {
        match self {
            Self::Nothing => Signal::SIGTERM,
            _ => Signal::SIGINT,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Flame => "`syscope flame`",
            Self::Report => "`syscope report` (four probes)",
            Self::ProfileBee => "profile-bee (`probee --dwarf=true`)",
            Self::PerfPointers => "`perf record -g`",
            Self::PerfDwarf => "`perf record --call-graph dwarf`",
        }
    }

    /// The command that records, with its output in `out`.
    fn command(self, program: &Path, out: &Path) -> Command {
        let mut command = Command::new(program);
        let output = out.join(OUTPUT);
        match self {
            Self::Nothing => command.arg("infinity"),
            Self::Flame => command
                .args(["flame", "--freq", "99", "--duration", "1h", "--quiet", "--format", "svg"])
                .args(["--log".as_ref(), out.join("log").as_os_str()])
                .args(["-o".as_ref(), output.as_os_str()])
                .env("RUST_LOG", "syscope::unwind=debug"),
            Self::Report => command.args(["report", "--freq", "99", "--duration", "1h", "--quiet"]),
            Self::ProfileBee => command
                .args(["--frequency", "99", "--skip-idle", "--dwarf=true", "--time", "3600000"])
                .arg("-o")
                .arg(&output),
            Self::PerfPointers => perf(&mut command, &["-g"], &output),
            Self::PerfDwarf => perf(&mut command, &["--call-graph", "dwarf"], &output),
        };
        command
    }

    /// The command that makes a text of what was recorded, where that is left for later.
    fn afterwards(self, out: &Path) -> Option<Command> {
        let mut command = Command::new("timeout");
        command.args([
            AFTERWARDS,
            "perf",
            "report",
            "--stdio",
            "--no-inline",
            "-g",
            "folded",
            "-i",
        ]);
        command.arg(out.join(OUTPUT));
        matches!(self, Self::PerfPointers | Self::PerfDwarf).then_some(command)
    }
}

fn perf<'a>(command: &'a mut Command, how: &[&str], output: &Path) -> &'a mut Command {
    command.args(["record", "--quiet", "-e", "cpu-clock", "-F", "99", "-a"]).args(how);
    command.arg("-o").arg(output)
}

/// All of them, with their programs.
pub fn all(syscope: &Path, profile_bee: Option<&Path>) -> Vec<(Tool, PathBuf)> {
    let mut tools = vec![
        (Tool::Nothing, PathBuf::from("sleep")),
        (Tool::Flame, syscope.to_owned()),
        (Tool::Report, syscope.to_owned()),
        (Tool::PerfPointers, PathBuf::from("perf")),
        (Tool::PerfDwarf, PathBuf::from("perf")),
    ];
    tools.extend(profile_bee.map(|path| (Tool::ProfileBee, path.to_owned())));
    tools
}

/// What one run was like.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// CPU time of the profiler's own processes in the window, in s.
    pub own: f64,
    /// Time its BPF programs ran in the window, in s.
    pub bpf: f64,
    /// CPU time at its start, and at its end, in s.
    pub start: f64,
    pub end: f64,
    /// CPU time of making a text of it later, in s.
    pub afterwards: Option<f64>,
    /// Bytes of files written, resident at most, and of the maps in the kernel.
    pub written: u64,
    pub resident: u64,
    pub maps: u64,
    /// Times of the program that takes samples.
    pub samples: Option<Times>,
    /// Mean CPU time of each piece of work, in s.
    pub pieces: BTreeMap<String, f64>,
    /// Share of the CPUs that was busy.
    pub busy: f64,
    /// Unwind tables kept, and their bytes.
    pub tables: Option<(u64, u64)>,
}

/// One run, with the load beside it.
#[allow(clippy::zombie_processes, reason = "`clock::waited` waits for it")]
pub fn run((tool, program): &(Tool, PathBuf), out: &Path, window: Duration, load: &Load) -> Run {
    let out = out.join("run");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).expect("a folder for what is written");
    let mut command = tool.command(program, &out);
    let errors = fs::File::create(out.join("errors")).expect("a file");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).current_dir(&out);
    let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    thread::sleep(SETTLE);
    let mut run = watch(&child, window, load);
    let family = clock::family(child.id());
    let before_end = clock::spent_by_all(&family);
    kill(Pid::from_raw(child.id() as i32), tool.end()).expect("it runs");
    let in_all = clock::waited(&child)
        + family[1..].iter().filter_map(|pid| clock::waited_for(*pid)).sum::<Duration>();
    run.end = in_all.saturating_sub(before_end).as_secs_f64();
    let log = out.join("log");
    run.tables = fs::read_to_string(&log).ok().and_then(|log| tables(&log));
    let _ = fs::remove_file(log);
    let file = fs::metadata(out.join(OUTPUT));
    run.written = file.map_or(0, |file| file.len());
    assert!(
        run.written > 0 || matches!(tool, Tool::Nothing | Tool::Report),
        "{tool:?} wrote nothing: {}",
        fs::read_to_string(out.join("errors")).unwrap_or_default()
    );
    run.afterwards = tool.afterwards(&out).map(|mut command| {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        clock::waited(&child.expect("perf is there")).as_secs_f64()
    });
    run
}

/// Measures for as long as the window.
fn watch(child: &Child, window: Duration, load: &Load) -> Run {
    let pid = child.id();
    let family = clock::family(pid);
    let (programs, maps) = bpf::held_by(pid);
    let bpf_ns = || programs.iter().map(|program| program.counts().time_ns).sum::<u64>();
    let (from, spent, ran) = (Instant::now(), clock::spent_by_all(&family), bpf_ns());
    let ticks = clock::machine();
    thread::sleep(window);
    let (busy, idle) = clock::machine();
    let (busy, idle) = ((busy - ticks.0) as f64, (idle - ticks.1) as f64);
    let mut run = Run {
        own: (clock::spent_by_all(&family).saturating_sub(spent)).as_secs_f64(),
        bpf: (bpf_ns() - ran) as f64 / 1e9,
        start: spent.as_secs_f64(),
        resident: family.iter().filter_map(|pid| resident_at_most(*pid)).sum(),
        pieces: load.between(from, Instant::now()),
        busy: busy / (busy + idle),
        maps,
        ..Run::default()
    };
    // Not what it hands on to: that runs as a part of it.
    let samplers = programs.iter().filter(|program| program.samples);
    let sampler = samplers.max_by_key(|program| program.counts().runs);
    run.samples = sampler.map(|program| {
        // A thread of its own, whose priority ends with it.
        let times = || sampler::times(program, window / 2);
        thread::scope(|scope| scope.spawn(times).join().expect("it only reads"))
    });
    run
}

/// What syscope's log says last of its tables: how many, and their bytes.
fn tables(log: &str) -> Option<(u64, u64)> {
    let line = log.lines().rfind(|line| line.contains("unwind tables kept="))?;
    let number = |name: &str| -> Option<u64> {
        let rest = line.split_once(name)?.1;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    Some((number("tables: Counts { tables: ")?, number("bytes: ")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_the_log_on_tables_counts() {
        let said = |tables| {
            format!(
                "DEBUG unwind tables kept=Kept {{ tables: Counts {{ tables: {tables}, bytes: 4096, without: 0 }} }}"
            )
        };
        assert_eq!(tables(&format!("{}\n{}\nelse\n", said(1), said(2))), Some((2, 4096)));
        assert_eq!(tables("else\n"), None);
    }
}
