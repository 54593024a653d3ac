//! How long a frame takes to draw, and what comes between two of them.

use super::crowd::Crowd;
use super::options::Section;
use super::screen::Screen;
use std::fmt::Write as _;
use std::time::Instant;
use syscope_tests::benchmark::Options;
use syscope_tests::stats::quantile;

/// Processes on the machine.
const CROWDS: [u32; 3] = [50, 2_000, 10_000];
/// Columns and lines of the terminal; the goal is for the first.
const SIZES: [(u16, u16); 2] = [(200, 60), (80, 24)];
/// Batches of a round.
const TICKS: usize = 100;
/// Batches before it is measured: rates are over the last four.
const WARM_UP: usize = 8;

/// What is on the screen, and the keys that lead there.
const SCENES: [(&str, &str); 8] = [
    ("all four panes", ""),
    ("system calls alone", "1 z"),
    ("file opens alone", "2 z"),
    ("off-CPU alone", "3 z"),
    ("flame graph alone", "4 z"),
    ("flame graph of wall-clock time", "4 z w"),
    ("top functions", "4 z t"),
    ("all four panes, an eighth of the processes by a filter", "/ comm:program-1* Enter"),
];

/// A time, ms, again and again.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn take(&mut self, what: impl FnOnce()) {
        let began = Instant::now();
        what();
        self.0.push(began.elapsed().as_secs_f64() * 1e3);
    }

    /// Median and 99th percentile, as cells of a table.
    fn cells(&self) -> String {
        format!("{:.2} | {:.2}", quantile(&self.0, 0.5), quantile(&self.0, 0.99))
    }
}

/// Measures, and makes the tables.
pub fn section(options: &Options<Section>) -> String {
    let rounds = options.rounds;
    let mut text = "| processes | terminal | on the screen | p50, ms | p99, ms |\n".to_owned();
    text.push_str("| ---: | --- | --- | ---: | ---: |\n");
    let mut others = String::new();
    for processes in CROWDS {
        for (number, size) in SIZES.into_iter().enumerate() {
            // All scenes where it matters most.
            let all = processes == CROWDS[2] && number == 0;
            for (name, keys) in SCENES.iter().take(if all { SCENES.len() } else { 1 }) {
                let scene_name = format!("{processes} processes {}x{} {name}", size.0, size.1);
                if !options.wants(&scene_name) {
                    continue;
                }
                eprintln!("parts: frames: {scene_name}");
                let Measured { frames, folds } = scene(processes, size, keys, rounds);
                let terminal = format!("{}x{}", size.0, size.1);
                writeln!(text, "| {processes} | {terminal} | {name} | {} |", frames.cells())
                    .expect("a string");
                if number == 0 && keys.is_empty() {
                    let name = "a batch";
                    writeln!(others, "| {processes} | {name} | {} |", folds.cells())
                        .expect("a string");
                }
            }
        }
        if options.wants("keys") {
            eprintln!("parts: frames: {processes} processes, keys");
            others.push_str(&keys(processes, rounds));
        }
    }
    format!(
        "{text}\n| processes | between two frames | p50, ms | p99, ms |\n\
         | ---: | --- | ---: | ---: |\n{others}"
    )
}

/// What was measured of a scene.
#[derive(Default)]
struct Measured {
    frames: Times,
    folds: Times,
}

/// A crowd on a screen, for a while, with this to be seen.
fn scene(processes: u32, size: (u16, u16), keys: &str, rounds: usize) -> Measured {
    let mut measured = Measured::default();
    let (mut crowd, mut screen) = started(processes, size);
    screen.press(keys);
    screen.draw();
    for _ in 0..rounds * TICKS {
        let batch = Box::new(crowd.next());
        measured.folds.take(|| screen.fold(batch));
        measured.frames.take(|| screen.draw());
    }
    measured
}

/// A crowd that was watched for some ticks.
fn started(processes: u32, (width, height): (u16, u16)) -> (Crowd, Screen) {
    let (mut crowd, mut screen) = (Crowd::new(processes), Screen::new(width, height));
    screen.fold(Box::new(crowd.first()));
    for _ in 0..WARM_UP {
        screen.fold(Box::new(crowd.next()));
        screen.draw();
    }
    (crowd, screen)
}

/// What keys cost, drawing included: another sort, another filter, a move of the cursor.
fn keys(processes: u32, rounds: usize) -> String {
    let (mut crowd, mut screen) = started(processes, SIZES[0]);
    let mut times: [Times; 4] = Default::default();
    for _ in 0..rounds * TICKS / 2 {
        screen.fold(Box::new(crowd.next()));
        screen.draw();
        let filter = ["/", "p r o g r a m - 1", "Enter"];
        times[0].take(|| press(&mut screen, "Down"));
        times[1].take(|| press(&mut screen, "s"));
        screen.press(filter[0]);
        for letter in filter[1].split(' ') {
            times[2].take(|| press(&mut screen, letter));
        }
        screen.press(filter[2]);
        times[3].take(|| press(&mut screen, "F"));
    }
    let names = [
        "the cursor moves",
        "sorted by the next column",
        "a letter of a filter",
        "the filter is taken away",
    ];
    let row =
        |(name, times): (&str, &Times)| format!("| {processes} | {name} | {} |\n", times.cells());
    names.into_iter().zip(&times).map(row).collect()
}

fn press(screen: &mut Screen, key: &str) {
    screen.press(key);
    screen.draw();
}
