//! The tables, as Markdown.

use super::tool::{Run, Tool};
use std::collections::BTreeMap;
use std::time::Duration;

const MIB: f64 = 1024.0 * 1024.0;

/// All of it.
pub fn text(runs: &BTreeMap<Tool, Vec<Run>>, window: Duration) -> String {
    format!(
        "{}\n{}\n{}\n{}",
        conditions(runs, window),
        costs(runs, window),
        samples(runs),
        memory(runs)
    )
}

fn cpus() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cpus| cpus.get() as f64)
}

/// The middle one; the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    (values.get(low).copied().unwrap_or(f64::NAN) + values.get(high).copied().unwrap_or(f64::NAN))
        / 2.0
}

fn middle(runs: &[Run], of: impl Fn(&Run) -> f64) -> f64 {
    median(runs.iter().map(of).collect())
}

fn range(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{low:.1} to {high:.1}")
}

fn conditions(runs: &BTreeMap<Tool, Vec<Run>>, window: Duration) -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split(' ').take(3).collect();
    let busy: Vec<f64> = runs.values().flatten().map(|run| run.busy * 100.0).collect();
    let rounds = runs.values().map(Vec::len).min().unwrap_or(0);
    let noise: Vec<_> = slowdowns(runs, Tool::Nothing).iter().map(|s| s * 100.0).collect();
    format!(
        "On Linux {}, {} CPUs, {rounds} rounds of {} s each, by turns; medians. The CPUs were busy {} % of \
         the time; load average at the end {}. The work itself, without a profiler, took {} % more CPU \
         time than the median of those rounds: differences of that size are noise.\n",
        kernel.trim(),
        cpus(),
        window.as_secs(),
        range(&busy),
        load.join(" "),
        range(&noise),
    )
}

/// How much more CPU time the work took in each round than it does without a profiler: the mean over the
/// pieces of work, each against its median without.
fn slowdowns(runs: &BTreeMap<Tool, Vec<Run>>, tool: Tool) -> Vec<f64> {
    let without = &runs[&Tool::Nothing];
    let usual = |piece: &str| {
        median(without.iter().filter_map(|run| run.pieces.get(piece).copied()).collect())
    };
    let of_run = |run: &Run| {
        let ratios: Vec<f64> =
            run.pieces.iter().map(|(name, spent)| spent / usual(name) - 1.0).collect();
        ratios.iter().sum::<f64>() / ratios.len() as f64
    };
    runs[&tool].iter().map(of_run).collect()
}

fn costs(runs: &BTreeMap<Tool, Vec<Run>>, window: Duration) -> String {
    let mut text = "\
| profiler | its processes, % of all CPUs | its BPF programs, % | together, % (each round) | CPU time of the work | \
start, CPU s | end, CPU s | text of it later, CPU s | written, MB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
".to_owned();
    let all = window.as_secs_f64() * cpus();
    for (tool, of_tool) in runs {
        if *tool == Tool::Nothing {
            continue;
        }
        let share = |of: &dyn Fn(&Run) -> f64| middle(of_tool, of) / all * 100.0;
        let together: Vec<_> =
            of_tool.iter().map(|run| (run.own + run.bpf) / all * 100.0).collect();
        let bpf = share(&|run| run.bpf);
        let later = of_tool.iter().filter_map(|run| run.afterwards).collect::<Vec<_>>();
        text += &format!(
            "| {} | {:.2} | {} | {} | {:+.1} % | {:.2} | {:.2} | {} | {:.1} |\n",
            tool.title(),
            share(&|run| run.own),
            if bpf > 0.0 { format!("{bpf:.2}") } else { "not BPF".to_owned() },
            if bpf > 0.0 {
                format!("{:.2} ({})", median(together.clone()), precise(&together))
            } else {
                "not known".to_owned()
            },
            median(slowdowns(runs, *tool)) * 100.0,
            middle(of_tool, |run| run.start),
            middle(of_tool, |run| run.end),
            if later.is_empty() { "—".to_owned() } else { format!("{:.1}", median(later)) },
            middle(of_tool, |run| run.written as f64) / 1e6,
        );
    }
    text
}

fn precise(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:.2}")).collect::<Vec<_>>().join(", ")
}

fn samples(runs: &BTreeMap<Tool, Vec<Run>>) -> String {
    let mut text = "\
| program that takes a sample | samples | told singly | mean, µs | p50 | p90 | p99 | longest |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"
    .to_owned();
    for (tool, of_tool) in runs {
        let times: Vec<_> = of_tool.iter().filter_map(|run| run.samples.as_ref()).collect();
        let mut single: Vec<u64> =
            times.iter().flat_map(|times| &times.single_ns).copied().collect();
        single.sort_unstable();
        let Some(longest) = single.last() else { continue };
        let runs: u64 = times.iter().map(|times| times.all.runs).sum();
        let time: u64 = times.iter().map(|times| times.all.time_ns).sum();
        let at =
            |quantile: f64| single[((single.len() - 1) as f64 * quantile) as usize] as f64 / 1e3;
        text += &format!(
            "| {} | {runs} | {:.0} % | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} |\n",
            tool.title(),
            single.len() as f64 / runs as f64 * 100.0,
            time as f64 / runs as f64 / 1e3,
            at(0.5),
            at(0.9),
            at(0.99),
            *longest as f64 / 1e3,
        );
    }
    text
}

fn memory(runs: &BTreeMap<Tool, Vec<Run>>) -> String {
    let mut text = "\
| profiler | resident at most, MiB | its BPF maps in the kernel, MiB | unwind tables | of them, MiB |
| --- | ---: | ---: | ---: | ---: |
".to_owned();
    for (tool, of_tool) in runs.iter().filter(|(tool, _)| **tool != Tool::Nothing) {
        let tables = of_tool.iter().filter_map(|run| run.tables).max();
        let (count, bytes) = tables.map_or_else(
            || ("—".to_owned(), "—".to_owned()),
            |(count, bytes)| (count.to_string(), format!("{:.1}", bytes as f64 / MIB)),
        );
        let maps = middle(of_tool, |run| run.maps as f64) / MIB;
        text += &format!(
            "| {} | {:.0} | {} | {count} | {bytes} |\n",
            tool.title(),
            middle(of_tool, |run| run.resident as f64) / MIB,
            if maps > 0.0 { format!("{maps:.1}") } else { "—".to_owned() },
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn slowing_down_is_told_by_piece() {
        let run = |pieces: &[(&str, f64)]| Run {
            pieces: pieces.iter().map(|(name, spent)| ((*name).to_owned(), *spent)).collect(),
            ..Run::default()
        };
        let runs = BTreeMap::from([
            (Tool::Nothing, vec![run(&[("a", 1.0), ("b", 10.0)])]),
            (Tool::Flame, vec![run(&[("a", 1.1), ("b", 10.0)])]),
        ]);
        assert!((slowdowns(&runs, Tool::Flame)[0] - 0.05).abs() < 1e-9);
    }
}
