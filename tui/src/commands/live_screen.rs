//! Without a command: the live screen.

use super::{colour, options, ready, refused, screen_status};
use crate::cli::{Color, LiveArgs};
use crate::history::Bound;
use crate::source::{live, record};
use crate::{headless, screen};
use color_eyre::eyre::{self, bail};
use std::io::{self, IsTerminal};
use std::process::ExitCode;

/// Opens the live screen.
pub fn run(args: &LiveArgs, color: Color) -> eyre::Result<ExitCode> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!("the live screen needs a terminal; `syscope report` prints the same as text or JSON");
    }
    let filter = ready(&args.watch)?;
    let (wanted, budget) = (args.probes.wanted(), args.probes.budget());
    let watching =
        live::Options { wanted, budget, ..options(&args.watch, filter.clone(), args.interval) };
    let handle = live::start(watching.clone()).map_err(refused)?;
    let header = headless::header(handle.watched.clone(), &watching, true);
    let (handle, recorder) = record::tee(handle, header, Bound::LIVE)?;
    let options = screen::Options {
        filter,
        colour: colour(color),
        recorder: Some(recorder),
        inject_panic: args.inject_panic,
        ..Default::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    screen_status(runtime.block_on(screen::run(handle, options)))
}
