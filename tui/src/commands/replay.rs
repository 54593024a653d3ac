//! `syscope replay`.

use super::from::timeline;
use super::moments::When;
use super::{colour, screen_status};
use crate::app;
use crate::capture::Capture;
use crate::cli::{Color, ReplayArgs, ReplayScreenArgs};
use color_eyre::eyre;
use jiff::tz::TimeZone;
use std::process::ExitCode;

/// Shows a capture.
pub fn run(args: &ReplayArgs, color: Color) -> eyre::Result<ExitCode> {
    show(Capture::open(&args.file)?, &args.screen, color)
}

/// Shows a capture that was opened.
pub fn show(capture: Capture, args: &ReplayScreenArgs, color: Color) -> eyre::Result<ExitCode> {
    let at_ns = match args.at {
        Some(moment) => {
            let timeline = timeline(&capture);
            let offset = capture.header.watched.realtime_offset_ns;
            let when = When::new(&timeline, offset, TimeZone::system());
            when.after_start(moment).map_err(|error| eyre::eyre!("--at: {error}"))?
        }
        None => 0,
    };
    let filter = args.filter.clone().unwrap_or_default();
    let screen = app::Options { filter, colour: colour(color), ..Default::default() };
    let keys = args.keys.clone().map(|keys| app::KeyScript { keys, size: args.size });
    let options = app::ReplayOptions { screen, speed: args.speed, at_ns, keys };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    screen_status(runtime.block_on(app::replay(capture, options)))
}
