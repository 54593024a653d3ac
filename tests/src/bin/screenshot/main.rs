//! Makes the pictures in `screenshots/`: runs syscope on a terminal, presses keys, and writes the
//! cells as SVG. `screenshots/make.sh` gives it a load to watch.
//!
//! `screenshot FOLDER PID`: watches the process and its descendants, so that nothing else of the
//! machine is in a picture. `SYSCOPE_BIN` is the program.

mod palette;
mod shapes;
mod shots;
mod svg;

use shots::Studio;
use std::env;
use std::process::exit;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [folder, pid] = &args[..] else {
        eprintln!("usage: SYSCOPE_BIN=PROGRAM screenshot FOLDER PID");
        exit(2);
    };
    let studio = Studio::new(folder.into(), pid);
    studio.overviews();
    studio.small();
    studio.process();
    studio.flame();
    studio.filter_and_pages();
}
