//! Without a command: the live screen.

use super::{colour, options, ready, refused, screen_status};
use crate::app;
use crate::cli::{Color, LiveArgs};
use crate::source::live;
use color_eyre::eyre::{self, bail};
use std::io::{self, IsTerminal};
use std::process::ExitCode;

/// Opens the live screen.
pub fn run(args: &LiveArgs, color: Color) -> eyre::Result<ExitCode> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!("the live screen needs a terminal; `syscope report` prints the same as text or JSON");
    }
    let filter = ready(&args.watch)?;
    let handle =
        live::start(options(&args.watch, filter.clone(), args.interval)).map_err(refused)?;
    let options = app::Options {
        filter,
        colour: colour(color),
        inject_panic: args.inject_panic,
        ..Default::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    screen_status(runtime.block_on(app::run(handle, options)))
}
