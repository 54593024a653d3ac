//! What syscope's own processes take: the live screen, beside more and more processes, and under load.

use super::crowd::Crowd;
use super::figures::Figures;
use super::options::Options;
use super::starts;
use super::stats::{median, spread};
use super::turns::machine;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;
use syscope_tests::terminal::Terminal;

/// Size of the terminal.
const COLUMNS: u16 = 200;
const ROWS: u16 = 60;
/// Time between two readings of the maps, and the same for the command line.
const TICK: Duration = Duration::from_millis(250);
const INTERVAL: &str = "250ms";
/// How long syscope runs before it is measured.
const SETTLE: Duration = Duration::from_secs(3);

/// What else is on the machine.
struct Machine {
    name: &'static str,
    crowd: fn() -> Vec<Crowd>,
}

const MACHINES: [Machine; 5] = [
    Machine { name: "idle", crowd: Vec::new },
    Machine { name: "50 idle processes more", crowd: || vec![Crowd::idle(50)] },
    Machine { name: "2000 idle processes more", crowd: || vec![Crowd::idle(2_000)] },
    Machine { name: "10000 idle processes more", crowd: || vec![Crowd::idle(10_000)] },
    Machine {
        name: "2 busy loops and a loop of opens",
        crowd: || vec![Crowd::busy(2), Crowd::opening()],
    },
];

/// Measures the screen on each of the machines, by turns, and how long it takes to start.
pub fn section(options: &Options) -> String {
    let wanted: Vec<_> = MACHINES.iter().filter(|it| options.wants(it.name)).collect();
    let mut figures = vec![Vec::new(); wanted.len()];
    let there = processes();
    for round in 0..options.rounds {
        for turn in 0..wanted.len() {
            let at = (turn + round) % wanted.len();
            eprintln!("overhead: process, round {}: {}", round + 1, wanted[at].name);
            figures[at].push(screen(wanted[at]));
        }
    }
    let names = wanted.iter().map(|machine| machine.name);
    let text = format!(
        "{}, {} rounds; {there} processes on the idle machine, threads of the kernel included.\n\n{}",
        machine(),
        options.rounds,
        table(names.zip(&figures))
    );
    text + "\n" + &starts::table(options)
}

/// The live screen on a terminal, on such a machine.
fn screen(machine: &Machine) -> Figures {
    let _crowd = (machine.crowd)();
    let terminal = Terminal::start(&["--interval", INTERVAL], Path::new("/"), COLUMNS, ROWS);
    terminal.wait_for("data", |text| text.contains("CALL/s"));
    thread::sleep(SETTLE);
    Figures::of(terminal.pid())
}

fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a Vec<Figures>)>) -> String {
    let mut text = "| machine | its CPUs busy, % | CPU time, % of one CPU | ± | PSS, MB | RSS, MB | BPF maps, MB \
                    | system calls/s | a tick | read, KB/s |\n\
                    | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for (name, figures) in rows {
        let all = |of: fn(&Figures) -> f64| figures.iter().map(of).collect::<Vec<f64>>();
        let cpu = all(|it| it.cpu);
        let calls: Vec<f64> = figures.iter().filter_map(|it| it.calls).collect();
        let [a_second, a_tick] = [1.0, TICK.as_secs_f64()].map(|seconds| {
            if calls.is_empty() {
                "—".to_owned()
            } else {
                format!("{:.0}", median(&calls) * seconds)
            }
        });
        text += &format!(
            "| {name} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.1} | {a_second} | {a_tick} | {:.0} |\n",
            median(&all(|it| it.busy)),
            median(&cpu),
            spread(&cpu),
            median(&all(|it| it.pss)),
            median(&all(|it| it.rss)),
            median(&all(|it| it.maps)),
            median(&all(|it| it.read)),
        );
    }
    text
}

/// Processes that live.
fn processes() -> usize {
    let names = fs::read_dir("/proc").expect("proc is mounted").flatten();
    let numbers = names.filter(|it| it.file_name().to_string_lossy().parse::<u32>().is_ok());
    numbers.count()
}
