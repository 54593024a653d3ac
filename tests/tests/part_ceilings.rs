//! What a frame and a batch cost, in figures that do not depend on the machine: allocations, and bytes of
//! a capture. The machine is made up, the same every time. A ceiling is about half as much again as what it
//! was when it was last set: what goes beyond it should be looked at, and then be mended, or the ceiling raised.

#[path = "../benches/parts/crowd.rs"]
mod crowd;
#[path = "../benches/parts/screen.rs"]
mod screen;

use crowd::Crowd;
use screen::Screen;
use syscope::capture::Encoder;

/// Processes of the machine.
const PROCESSES: u32 = 500;
/// Batches that are measured, after [`WARM_UP`].
const TICKS: u64 = 16;
const WARM_UP: u64 = 8;

/// What is on the screen of 200x60, the keys that lead there, and the allocations of a frame and of a key
/// of the cursor that there may be at most, on the average.
const SCENES: [(&str, &str, u64, u64); 4] = [
    ("all four panes", "", 3_000, 2_700),
    ("system calls alone", "1 z", 2_200, 2_200),
    ("off-CPU alone", "3 z", 2_100, 2_100),
    ("top functions", "4 z t", 1_050, 800),
];
/// Allocations at most to take a batch into the model.
const FOLDED: u64 = 110;
/// Bytes at most of a batch in a capture.
const ENCODED: u64 = 10_200;

/// How often `what` allocates memory.
fn allocations(what: impl FnOnce()) -> u64 {
    allocation_counter::measure(what).count_total
}

/// Fails with every figure that is above its ceiling.
fn hold(figures: &[(String, u64, u64)]) {
    let above = figures.iter().filter(|(_, figure, ceiling)| figure > ceiling);
    let said: Vec<_> =
        above.map(|(name, figure, most)| format!("{name}: {figure}, at most {most}")).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}

#[test]
fn a_frame_and_a_batch_allocate_no_more_than_they_did() {
    let mut figures = Vec::new();
    for (name, keys, of_frame, of_key) in SCENES {
        let (mut crowd, mut screen) = (Crowd::new(PROCESSES), Screen::new(200, 60));
        screen.fold(Box::new(crowd.first()));
        screen.press(keys);
        let [mut frames, mut key_frames, mut folded] = [0; 3];
        for tick in 0..WARM_UP + TICKS {
            let batch = Box::new(crowd.next());
            let counted = u64::from(tick >= WARM_UP);
            folded += counted * allocations(|| screen.fold(batch));
            frames += counted * allocations(|| screen.draw());
            key_frames += counted
                * allocations(|| {
                    screen.press("Down");
                    screen.draw();
                });
        }
        figures.push((format!("{name}: a frame"), frames / TICKS, of_frame));
        figures.push((format!("{name}: a key"), key_frames / TICKS, of_key));
        if keys.is_empty() {
            figures.push(("a batch, folded".to_owned(), folded / TICKS, FOLDED));
        }
    }
    hold(&figures);
}

#[test]
fn a_batch_takes_no_more_bytes_of_a_capture_than_it_did() {
    let mut crowd = Crowd::new(PROCESSES);
    let mut encoder = Encoder::new(true);
    encoder.push(&crowd.first());
    encoder.flush();
    let batches = (0..TICKS).map(|_| crowd.next());
    let mut bytes = 0;
    for batch in batches {
        bytes += encoder.push(&batch).map_or(0, |frame| frame.bytes.len() as u64);
    }
    bytes += encoder.flush().map_or(0, |frame| frame.bytes.len() as u64);
    hold(&[("a batch in a capture".to_owned(), bytes / TICKS, ENCODED)]);
}
