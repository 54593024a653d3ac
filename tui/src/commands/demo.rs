//! `syscope demo`.

use crate::cli::{Color, DemoArgs};
use color_eyre::eyre;
use std::process::ExitCode;

/// Replays the capture that comes with syscope.
pub fn run(args: &DemoArgs, color: Color) -> eyre::Result<ExitCode> {
    // Wanted: assets/demo.syscope. Then:
    //   static CAPTURE: &[u8] = include_bytes!("../../../assets/demo.syscope");
    //   let capture = Capture::from_bytes("the demo", Arc::from(CAPTURE))?;
    //   super::replay::show("demo", capture, &args.screen, color)
    let _ = (&args.screen, color);
    eyre::bail!("this build of syscope has no demo capture")
}
