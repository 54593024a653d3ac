//! Makes the pictures in `screenshots/` from a capture, or says which of them are stale.
//!
//! `syscope-screenshots [--check] SYSCOPE CAPTURE FOLDER`: `SYSCOPE` is the program, which replays the
//! capture and presses the keys that [`shots::SHOTS`] lists. Same capture and program, same bytes.

mod picture;
mod shots;
mod theme;

use shots::{SHOTS, Studio};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (check, rest) = match args.split_first() {
        Some((first, rest)) if first == "--check" => (true, rest),
        _ => (false, &args[..]),
    };
    let [program, capture, folder] = rest else {
        eprintln!("usage: syscope-screenshots [--check] SYSCOPE CAPTURE FOLDER");
        return ExitCode::from(2);
    };
    let work = if check { stale } else { make };
    match Studio::new(program, capture).and_then(|studio| work(&studio, folder.as_ref())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("screenshots: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Writes all pictures.
fn make(studio: &Studio, folder: &Path) -> Result<(), String> {
    let write = |name: String, bytes: &[u8]| {
        let path = folder.join(name);
        println!("{} {} bytes", path.display(), bytes.len());
        fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))
    };
    for shot in SHOTS {
        let svg = studio.svg(shot)?;
        write(format!("{}.svg", shot.name), svg.as_bytes())?;
        if shot.png {
            write(format!("{}.png", shot.name), &picture::png(&svg)?)?;
        }
    }
    write(format!("{}.svg", shots::FLAME), studio.flame()?.as_bytes())
}

/// Fails, naming them, when pictures are not what this program makes of the capture.
///
/// PNGs depend on the fonts of the machine: they must say that they were made from the SVG.
fn stale(studio: &Studio, folder: &Path) -> Result<(), String> {
    let mut stale = Vec::new();
    let mut compare = |name: &str, svg: &str| {
        if fs::read(folder.join(format!("{name}.svg"))).ok().as_deref() != Some(svg.as_bytes()) {
            stale.push(format!("{name}.svg"));
        }
    };
    for shot in SHOTS {
        let svg = studio.svg(shot)?;
        compare(shot.name, &svg);
    }
    compare(shots::FLAME, &studio.flame()?);
    for shot in SHOTS.iter().filter(|shot| shot.png) {
        let svg = fs::read_to_string(folder.join(format!("{}.svg", shot.name))).unwrap_or_default();
        let png = fs::read(folder.join(format!("{}.png", shot.name))).unwrap_or_default();
        if !picture::made_from(&png, &svg) {
            stale.push(format!("{}.png", shot.name));
        }
    }
    stale.extend(strangers(folder)?);
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("stale: {}; make them with screenshots/make.sh", stale.join(", ")))
}

/// Pictures in the folder that nothing makes any more.
fn strangers(folder: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let made = |name: &str| {
        name.strip_suffix(".svg")
            .is_some_and(|stem| stem == shots::FLAME || SHOTS.iter().any(|shot| shot.name == stem))
            || name
                .strip_suffix(".png")
                .is_some_and(|stem| SHOTS.iter().any(|shot| shot.png && shot.name == stem))
    };
    let picture = |name: &String| name.ends_with(".svg") || name.ends_with(".png");
    let mut strangers: Vec<String> = names.filter(picture).filter(|name| !made(name)).collect();
    strangers.sort();
    Ok(strangers)
}
