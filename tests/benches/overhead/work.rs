//! What real work costs more: a compiler over many files, and tar over a tree of small ones.

use super::contender::{Attached, Contender, has};
use super::options::{Options, Section};
use super::stats::{median, spread};
use super::tools;
use super::turns::{Measured, by_turns, machine};
use super::workloads::{Workload, Workloads};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::process::Stdio;
use std::time::Instant;
use syscope_tests::bpf::enable_statistics;

/// What a workload took, in s.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Wall-clock time.
    pub wall: f64,
    /// User and system time of all of its processes.
    pub cpu: f64,
}

/// Measures all workloads under each contender, by turns, and makes a table of each.
pub fn section(section: Section, options: &Options) -> String {
    let files = Workloads::prepare();
    let (here, missing): (Vec<_>, Vec<_>) =
        Workload::ALL.into_iter().partition(|workload| has(workload.program()));
    // What they read is in memory then.
    here.iter().for_each(|workload| _ = run(*workload, &files, &Contender::nothing()));
    let measured = by_turns(section, tools::work(), options, options.rounds, |contender, _| {
        here.iter().map(|workload| run(*workload, &files, contender)).collect::<Vec<_>>()
    });
    let measure_programs = |contender: &Contender, attached: &Attached| {
        here.iter().map(|it| share_of_programs(*it, &files, contender, attached)).collect()
    };
    let programs = by_turns(section, tools::work(), options, 1, measure_programs);
    let mut text = format!("{}, {} rounds.\n", machine(), options.rounds);
    for (at, workload) in here.iter().enumerate() {
        text += &table(*workload, at, &measured, &programs);
    }
    text.extend(missing.into_iter().map(not_measured));
    text + &measured.not_measured
}

/// The line that says that a workload was not measured, for its program is missing.
pub fn not_measured(workload: Workload) -> String {
    format!("\nNot measured: {} (no `{}` here).\n", workload.what(), workload.program())
}

/// Runs a workload to its end.
pub fn run(workload: Workload, files: &Workloads, contender: &Contender) -> Cost {
    let mut command = contender.around_command(workload.command(files));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (before, began) = (spent_by_children(), Instant::now());
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let cost = Cost { wall: began.elapsed().as_secs_f64(), cpu: spent_by_children() - before };
    assert!(status.success(), "{}, {}: {status}", workload.what(), contender.name);
    cost
}

/// The share of a workload's CPU time, in %, that a contender's BPF programs take, as the kernel measures them;
/// nothing where it has none.
fn share_of_programs(
    workload: Workload,
    files: &Workloads,
    contender: &Contender,
    attached: &Attached,
) -> Option<f64> {
    let _statistics = enable_statistics().expect("root may");
    let before = attached.run_time_ns()?;
    let cost = run(workload, files, contender);
    let spent = attached.run_time_ns()?.saturating_sub(before) as f64 / 1e9;
    Some(spent / cost.cpu * 100.0)
}

/// CPU time, in s, of the children that were waited for, and of theirs.
fn spent_by_children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("every process may ask");
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// The table of the workload that was measured as number `at`.
fn table(
    workload: Workload,
    at: usize,
    measured: &Measured<Vec<Cost>>,
    programs: &Measured<Vec<Option<f64>>>,
) -> String {
    let of = |rounds: &[Vec<Cost>], what: fn(&Cost) -> f64| -> Vec<f64> {
        rounds.iter().map(|costs| what(&costs[at])).collect()
    };
    let nothing = &measured.rows[0].rounds;
    let walls = of(nothing, |cost| cost.wall);
    let cpus = of(nothing, |cost| cost.cpu);
    let (wall, cpu) = (median(&walls), median(&cpus));
    let mut text = format!(
        "\n#### {}\n\n{wall:.2} s (± {:.1} %), of CPU time {cpu:.2} s (± {:.1} %), with nothing attached.\n\n\
         | attached | wall, % more | ± | CPU time, % more | ± | in BPF programs, % |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n",
        workload.what(),
        spread(&walls) / wall * 100.0,
        spread(&cpus) / cpu * 100.0,
    );
    let more = |values: &[f64], base: f64| {
        let percent = (median(values) / base - 1.0) * 100.0;
        format!("{percent:.1} | {:.1}", spread(values) / base * 100.0)
    };
    for (row, programs) in measured.rows.iter().zip(&programs.rows).skip(1) {
        let walls = more(&of(&row.rounds, |cost| cost.wall), wall);
        let cpus = more(&of(&row.rounds, |cost| cost.cpu), cpu);
        let share = programs.rounds[0][at].map_or("—".to_owned(), |share| format!("{share:.2}"));
        text += &format!("| {} | {walls} | {cpus} | {share} |\n", row.name);
    }
    text
}
