//! `syscope report`.

use super::{print, status, watch};
use crate::cli::ReportArgs;
use crate::report;
use color_eyre::eyre;
use std::process::ExitCode;

/// Watches, and prints all four tables.
pub fn run(args: &ReportArgs) -> eyre::Result<ExitCode> {
    let watch = watch(&args.watch, args.duration, args.quiet)?;
    let filter = args.watch.filter()?;
    let options = report::Options { top: args.top };
    print(|out| match args.json {
        true => report::write_json(&watch.model, &filter, options, out),
        false => report::write_text(&watch.model, &filter, options, out),
    })?;
    Ok(status(&watch))
}
