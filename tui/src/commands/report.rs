//! `syscope report`.

use super::{from, print, status, watch};
use crate::cli::ReportArgs;
use crate::filter::Filter;
use crate::model::Model;
use crate::report::{self, Missing};
use color_eyre::eyre;
use std::process::ExitCode;

/// Watches, or reads a capture, and prints all four tables.
pub fn run(args: &ReportArgs) -> eyre::Result<ExitCode> {
    let capture = &args.capture;
    if let Some(path) = &capture.from {
        let part = from::read(path, ("--range", capture.range.as_ref()), &args.watch)?;
        write(args, &part.model, &part.filter, part.missing)?;
        return Ok(ExitCode::SUCCESS);
    }
    let record = capture.record.as_deref();
    let probes = (args.probes.wanted(), args.probes.budget());
    let watch = watch(&args.watch, probes, args.duration, args.quiet, record)?;
    write(args, &watch.model, &args.watch.filter()?, None)?;
    Ok(status(&watch))
}

fn write(
    args: &ReportArgs,
    model: &Model,
    filter: &Filter,
    missing: Option<Missing>,
) -> eyre::Result<()> {
    let options = report::Options { top: args.top, missing };
    print(|out| match args.json {
        true => report::write_json(model, filter, options, out),
        false => report::write_text(model, filter, options, out),
    })
}
