//! Running a program with a known chain under a report.

use super::{Chain, Seen, Symbols, Tally};
use crate::report::Report;
use crate::watch::{Ended, Watch};
use crate::workload::Workload;
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Samples a second: many, so that one in a hundred is seen in a short run.
pub const HZ: &str = "999";
/// CPU seconds of the warm-up: how long it may take until the tables of a program are ready.
const WARM_UP: f64 = 0.6;
/// CPU seconds in the chain.
const SECONDS: f64 = 1.6;
/// Share of the samples that must show the whole chain.
const PERCENT: f64 = 99.0;
/// So many samples there must be at least: 99 % of fewer means little.
const SAMPLES: u64 = 1000;
/// How long a program may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds after which the report ends by itself, should the test fail before it ends it.
const LIMIT: u32 = 120;

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program.
    pub program: PathBuf,
    /// What it is to do: its argument, and the name of its chain.
    pub label: &'static str,
    /// Arguments after the label.
    pub args: Vec<PathBuf>,
    /// Watch its children, too.
    pub children: bool,
}

impl Plan {
    /// One that needs nothing beside its label.
    pub fn new(program: &Path, label: &'static str) -> Self {
        Self { program: program.to_owned(), label, args: Vec::new(), children: false }
    }

    /// Runs it under a report, from before its warm-up to after its work.
    pub fn run(&self) -> Run {
        self.run_with(&|_| ())
    }

    /// The same; `meddle` is called when the program waits to be let go.
    pub fn run_with(&self, meddle: &dyn Fn(&Workload)) -> Run {
        let numbers = [SECONDS.to_string(), WARM_UP.to_string()];
        let mut args: Vec<&str> = numbers.iter().map(String::as_str).collect();
        args.push(self.label);
        args.extend(self.args.iter().map(|arg| arg.to_str().expect("plain text")));
        let mut workload = Workload::start_program(&self.program, &args);
        meddle(&workload);
        let pid = workload.pid.to_string();
        let mut args = vec!["-p", &pid, "--freq", HZ];
        args.extend(self.children.then_some("--follow-forks"));
        let watch = Watch::report(LIMIT, &args);
        workload.go();
        let _ = workload.done_within(PATIENCE);
        let report = ended(watch);
        workload.end();
        Run { report }
    }
}

/// Ends a report, and reads it.
pub fn ended(watch: Watch) -> Report {
    watch.signal(Signal::SIGINT);
    let Ended { stdout, .. } = watch.end();
    Report::parse(&stdout)
}

/// What a report says of a program with a known chain.
#[derive(Clone, Debug)]
pub struct Run {
    /// All of it.
    pub report: Report,
}

impl Run {
    /// Compares all its samples with these chains.
    pub fn tally(&self, chains: &[Chain], symbols: &Symbols) -> Tally {
        self.tally_without(chains, symbols, &|_| false)
    }

    /// The same but for the samples, given by their frames from the root, that do not count.
    pub fn tally_without(
        &self,
        chains: &[Chain],
        symbols: &Symbols,
        leave_out: &dyn Fn(&[Seen]) -> bool,
    ) -> Tally {
        let stacks = self.report.document.profile.stacks.iter();
        Tally::of(stacks, chains, symbols, leave_out)
    }

    /// Fails unless nearly all samples are one of these chains, and what the report's health says of
    /// the ends of stacks agrees with the stacks.
    pub fn must_be(&self, chains: &[Chain]) -> Tally {
        let tally = self.tally(chains, &Symbols::default());
        self.must_hold(&tally);
        tally
    }

    /// The same for a tally that was made already.
    pub fn must_hold(&self, tally: &Tally) {
        println!("{tally}");
        assert!(tally.counted >= SAMPLES, "too few to say anything: {tally}");
        assert!(tally.percent() >= PERCENT, "{tally}");
        self.health_must_agree(tally);
    }

    /// Fails unless every stack's end was counted, and counted as the stack shows it.
    pub fn health_must_agree(&self, tally: &Tally) {
        let ends = self.report.stack_ends();
        let early = ends.depth_limit + ends.no_unwind_data + ends.not_ready + ends.unreadable;
        assert_eq!(ends.samples, ends.complete + early, "every end is one of these: {ends:?}");
        assert_eq!(ends.samples, tally.with_user, "all stacks are counted: {ends:?}: {tally}");
        assert_eq!(early, tally.ended_early, "and as they are shown: {ends:?}: {tally}");
    }
}
