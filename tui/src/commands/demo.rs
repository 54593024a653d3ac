//! `syscope demo`.

use crate::capture::Capture;
use crate::cli::{Color, DemoArgs};
use color_eyre::eyre;
use std::process::ExitCode;
use std::sync::Arc;

/// A recording of real programs, made by `assets/demo/record.sh`.
static CAPTURE: &[u8] = include_bytes!("../../../assets/demo.syscope");

/// Replays the capture that comes with syscope.
pub fn run(args: &DemoArgs, color: Color) -> eyre::Result<ExitCode> {
    let capture = Capture::from_bytes("the demo", Arc::from(CAPTURE))?;
    super::replay::show("demo", capture, &args.screen, color)
}
