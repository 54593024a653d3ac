//! `syscope replay`.

use super::from::timeline;
use super::moments::When;
use super::{colour, print, screen_status};
use crate::capture::Capture;
use crate::cli::{Color, ReplayArgs, ReplayScreenArgs};
use crate::screen;
use color_eyre::eyre::{self, bail};
use jiff::tz::TimeZone;
use ratatui::layout::Size;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

/// Shows a capture.
pub fn run(args: &ReplayArgs, color: Color) -> eyre::Result<ExitCode> {
    let name = args.file.file_name().unwrap_or(args.file.as_os_str()).to_string_lossy();
    show(&name, Capture::open(&args.file)?, &args.screen, color)
}

/// Shows a capture that was opened.
pub fn show(
    name: &str,
    capture: Capture,
    args: &ReplayScreenArgs,
    color: Color,
) -> eyre::Result<ExitCode> {
    let at_ns = match args.at {
        Some(moment) => {
            let timeline = timeline(&capture);
            let offset = capture.header.watched.realtime_offset_ns;
            // A script gives the same screen on every machine.
            let zone = if args.keys.is_some() { TimeZone::UTC } else { TimeZone::system() };
            let when = When::new(&timeline, offset, zone);
            Some(when.after_start(moment).map_err(|error| eyre::eyre!("--at: {error}"))?)
        }
        None => None,
    };
    let filter = args.filter.clone().unwrap_or_default();
    let options = screen::ReplayOptions {
        name: name.to_owned(),
        speed: args.speed,
        at_ns,
        filter,
        colour: colour(color),
        ..Default::default()
    };
    if let Some(keys) = &args.keys {
        let (width, height) = args.size;
        let screen = screen::scripted(capture, &options, Size { width, height }, keys)?;
        print(|out| out.write_all(screen.as_bytes()))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!("a replay needs a terminal; `syscope report --from` prints the same as text or JSON");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    screen_status(runtime.block_on(screen::replay(capture, options)))
}
