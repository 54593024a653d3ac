//! How long it takes from the start of a program to the first that it shows of the machine.

use super::contender::has;
use super::crowd::Crowd;
use super::options::Options;
use super::stats::{median, spread};
use super::tools;
use portable_pty::CommandBuilder;
use std::env;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use syscope_tests::binary::syscope;
use syscope_tests::terminal::Terminal;

/// How often each is started.
const STARTS: usize = 5;
/// Between two looks at the screen.
const EVERY: Duration = Duration::from_millis(2);
/// How long the first output may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the kernel has to free what was there before.
const CALM: Duration = Duration::from_millis(500);

/// A program, and a text that is in the first of its output that tells something.
struct Start {
    name: &'static str,
    command: Vec<String>,
    text: String,
}

fn starts() -> Vec<Start> {
    const COUNTS: &str = "tracepoint:raw_syscalls:sys_enter { @[comm] = count(); } \
        interval:ms:1 { print(@); exit(); }";
    let four = tools::four_jobs();
    let syscope = syscope().to_str().expect("a path of text");
    // The loop of opens is a process of this name.
    let program = env::current_exe().expect("a process has a program");
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let opener: String = name.chars().take("overhead-".len()).collect();
    let start = |name, command: &[&str], text: &str| Start {
        name,
        command: command.iter().map(|&word| word.to_owned()).collect(),
        text: text.to_owned(),
    };
    vec![
        start("syscope, live screen: first rows", &[syscope], &opener),
        start("`syscope trace opens`: first line", &[syscope, "trace", "opens"], &opener),
        start("`opensnoop`: first line", &["opensnoop"], &opener),
        start("`bpftrace`, counts: first table", &["bpftrace", "-e", COUNTS], "@["),
        start("`bpftrace`, all four jobs: first line", &["bpftrace", "-e", &four], &opener),
    ]
}

/// Starts them by turns, while a loop opens a file each ms, and makes a table.
pub fn table(options: &Options) -> String {
    let (here, missing): (Vec<_>, Vec<_>) = starts()
        .into_iter()
        .filter(|start| options.wants(start.name))
        .partition(|start| has(&start.command[0]));
    if here.is_empty() {
        return String::new();
    }
    let _opening = Crowd::opening_calmly();
    let mut took = vec![Vec::new(); here.len()];
    for round in 0..STARTS {
        for turn in 0..here.len() {
            let at = (turn + round) % here.len();
            eprintln!("overhead: process, start {}: {}", round + 1, here[at].name);
            took[at].push(first_output(&here[at]).as_secs_f64() * 1e3);
            thread::sleep(CALM);
        }
    }
    let mut text = format!(
        "| from the start to the first output, {STARTS} starts | ms | ± |\n| --- | ---: | ---: |\n"
    );
    for (start, took) in here.iter().zip(&took) {
        text += &format!("| {} | {:.0} | {:.0} |\n", start.name, median(took), spread(took));
    }
    for start in missing {
        text += &format!("\nNot measured: {} (no `{}` here).\n", start.name, start.command[0]);
    }
    text
}

fn first_output(start: &Start) -> Duration {
    let mut command = CommandBuilder::new(&start.command[0]);
    command.args(&start.command[1..]);
    let began = Instant::now();
    let terminal = Terminal::start_command(command, Path::new("/"), 200, 60);
    while !terminal.text().contains(&start.text) {
        assert!(began.elapsed() < PATIENCE, "{} shows nothing:\n{}", start.name, terminal.text());
        thread::sleep(EVERY);
    }
    began.elapsed()
}
