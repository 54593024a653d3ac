//! A long session in short: a live screen while thousands of processes come and go. Its memory must
//! stay as it is once everything that is kept has reached its bound, and what it counts must be
//! right.
//!
//! `SYSCOPE_SOAK_MINUTES` says for how long; 1 without it.

mod live;

use live::Live;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use syscope::source::{Batch, Health, ProcessEvent};
use syscope_tests::terminal::Terminal;
use syscope_tests::workload::Workload;
use syscope_tests::{binary, require_bpf, wait};

/// Processes a minute.
const PER_MINUTE: u64 = 10_000;
/// `getppid` calls of each.
const CALLS: u64 = 50;
/// Name of their program.
const CHILD: &str = "soak-child";
/// What the resident size may be higher in the last third than in the second, for each minute, from two
/// to three of them: tables that have room for what is kept double once more (two of 3 MiB each between
/// the first minute and the third), and what a thread keeps of freed memory comes and goes with the
/// load. What 1 KiB of every process would add in five minutes is more.
const MARGIN_KIB: u64 = 4 * 1024;

#[test]
fn ten_thousand_processes_a_minute_leave_memory_flat_and_counts_right() {
    let _machine = require_bpf!();
    let minutes = env::var("SYSCOPE_SOAK_MINUTES").ok();
    let minutes: u64 = minutes.map_or(1, |text| text.parse().expect("a number of minutes"));
    let children = minutes * PER_MINUTE;
    let mut churn = Churn::prepare(children);
    // The load alone: what else comes and goes on the machine is not known, nor what it costs.
    let args = ["-p", &churn.load.pid.to_string(), "--follow-forks"];
    let mut terminal = Terminal::start(&args, churn.folder.path(), 160, 50);
    terminal.wait_for_text("lost 0");
    let file = churn.file.to_str().expect("plain text").to_owned();
    let options = live::options(churn.load.pid);
    let counter =
        Live::start(options, move |counted: &mut Counted, batch| counted.add(&batch, &file));
    let (sizes, truth) = churn.run(Duration::from_secs(minutes * 240), terminal.pid());
    let counted = counter.stop();
    println!("resident KiB each second: {sizes:?}\n{truth}\n{counted:?}");

    assert_eq!(counted.lost(), 0, "{:#?}", counted.health);
    assert_eq!(counted.execs, children);
    assert_eq!(counted.calls, children * CALLS);
    assert_eq!(counted.opens, children);
    let history = history_kib(&mut terminal, churn.folder.path());
    println!("history: {history} KiB");
    assert_flat(&sizes, history, minutes.clamp(2, 3) * MARGIN_KIB);
    assert_counts_on_screen(&mut terminal, children);
    terminal.press("q");
    assert!(terminal.end().success());
}

/// The load, and what it needs.
struct Churn {
    load: Workload,
    folder: tempfile::TempDir,
    /// What every child opens.
    file: PathBuf,
}

impl Churn {
    fn prepare(children: u64) -> Self {
        let folder = tempfile::tempdir().expect("room");
        let program = folder.path().join(CHILD);
        binary::copy(&binary::own("workload"), &program);
        let file = folder.path().join("opened-by-every-child");
        fs::write(&file, "").expect("room for a file");
        let [program, path] = [&program, &file].map(|path| path.to_str().expect("plain text"));
        let numbers = [children, PER_MINUTE, CALLS].map(|number| number.to_string());
        let [children, per_minute, calls] = numbers.each_ref().map(String::as_str);
        let load = Workload::start(&["churn", program, children, per_minute, calls, path]);
        Self { load, folder, file }
    }

    /// Runs it to its end: the resident size of a process each second, and what it did.
    fn run(&mut self, patience: Duration, pid: u32) -> (Vec<u64>, serde_json::Value) {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let sampler = scope.spawn(|| {
                let mut sizes = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    sizes.push(resident_kib(pid));
                    thread::sleep(Duration::from_secs(1));
                }
                sizes
            });
            self.load.go();
            let truth = self.load.done_within(patience);
            done.store(true, Ordering::Relaxed);
            (sampler.join().expect("it only reads"), truth)
        })
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Size of what is kept of the past, which grows by design until it is ten minutes old: that of the
/// file it is saved to.
fn history_kib(terminal: &mut Terminal, folder: &Path) -> u64 {
    terminal.press("W");
    // It says so when the file is whole.
    terminal.wait_for_text(".syscope: ");
    let saved = || {
        let mut files = fs::read_dir(folder).expect("it is there").flatten();
        files.find(|file| file.path().extension().is_some_and(|extension| extension == "syscope"))
    };
    let file = wait::poll(Duration::from_secs(20), saved);
    let file = file.unwrap_or_else(|| panic!("no past was saved:\n{}", terminal.text()));
    file.metadata().expect("it is there").len() / 1024
}

/// The resident size of the last third is not above that of the second, but for the history.
fn assert_flat(sizes: &[u64], history: u64, margin: u64) {
    let third = sizes.len() / 3;
    let most = |part: &[u64]| part.iter().copied().max().expect("it took some seconds");
    let (second, last) = (most(&sizes[third..2 * third]), most(&sizes[2 * third..]));
    let bound = second + history / 3 + margin;
    assert!(last <= bound, "it grows from {second} to {last} KiB, not {bound}: {sizes:?}");
}

/// The screen that has seen all of that has lost nothing, says how many ended, and counts what comes
/// next as before.
fn assert_counts_on_screen(terminal: &mut Terminal, children: u64) {
    // Without the filter: those that are forgotten are in the sum of all, in the last row.
    terminal.press("FG");
    let screen = terminal.wait_for_text("lost 0");
    let mut next = Workload::start(&["getppid", "1", "23456"]);
    // Those that ended lately have rows of their own.
    let ended = wait::poll(Duration::from_secs(60), || {
        ended_on(&terminal.text()).filter(|ended| *ended >= children)
    });
    assert!(ended.is_some(), "of {children} that ended: {}\n{screen}", terminal.text());
    next.go();
    let _ = next.done();
    terminal.press(&format!("/pid:{}\r", next.pid));
    terminal.wait_for("the process that came afterwards", |screen| {
        screen.contains("workload") && screen.contains("23.5k")
    });
    next.end();
}

/// The number in `… and 123 ended`.
fn ended_on(screen: &str) -> Option<u64> {
    let before = screen.split(" ended").next().filter(|before| before.len() < screen.len())?;
    before.rsplit(' ').next()?.parse().ok()
}

/// What the source delivered of the load.
#[derive(Clone, Debug, Default)]
struct Counted {
    calls: u64,
    opens: u64,
    execs: u64,
    health: Health,
}

impl Counted {
    fn add(&mut self, batch: &Batch, file: &str) {
        let getppid = batch.syscalls.iter().filter(|delta| delta.nr == libc::SYS_getppid as u32);
        self.calls += getppid.map(|delta| delta.calls).sum::<u64>();
        let opened = |path: &str| path == file;
        self.opens += batch.opens.iter().filter(|open| opened(&open.path.text)).count() as u64;
        // The starts of all processes are told, whatever is watched.
        let is_child = |event: &&ProcessEvent| match event {
            ProcessEvent::Exec { comm, cmdline, .. } => comm == CHILD && cmdline.ends_with(file),
            _ => false,
        };
        self.execs += batch.processes.iter().filter(is_child).count() as u64;
        self.health = batch.health.clone();
    }

    fn lost(&self) -> u64 {
        self.health.lost_events()
    }
}
