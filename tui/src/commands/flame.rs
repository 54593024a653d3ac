//! `syscope flame`.

use super::{from, status, watch};
use crate::cli::{FlameArgs, FlameFormat};
use crate::filter::{Candidate, Filter};
use crate::flame::{self, FlameTree, export};
use crate::model::Model;
use crate::text;
use color_eyre::eyre;
use std::io::{self, Write};
use std::process::ExitCode;

/// Watches, or reads a capture, and writes a flame graph.
pub fn run(args: &FlameArgs) -> eyre::Result<ExitCode> {
    let format = args.format().map_err(eyre::Error::msg)?;
    if !args.to_stdout() {
        export::check(&args.output)?;
    }
    let capture = &args.capture;
    if let Some(path) = &capture.from {
        let part = from::read(path, capture.range.as_ref(), &args.watch)?;
        write(args, format, &part.model, &part.filter)?;
        return Ok(ExitCode::SUCCESS);
    }
    let watch = watch(&args.watch, args.duration, args.quiet, capture.record.as_deref())?;
    write(args, format, &watch.model, &args.watch.filter()?)?;
    Ok(status(&watch))
}

fn write(
    args: &FlameArgs,
    format: FlameFormat,
    model: &Model,
    filter: &Filter,
) -> eyre::Result<()> {
    let accepted =
        |key| model.processes.get(key).is_some_and(|p| filter.matches(&Candidate::from(p)));
    let tree = match args.off_cpu {
        true => flame::off_cpu(model, accepted),
        false => flame::cpu(model, accepted),
    };
    let what = if args.off_cpu { "Off-CPU time" } else { "CPU profile" };
    let whom = if filter.is_empty() { &model.watched.host } else { filter.text() };
    let title = format!("{what} of {whom}");
    let write = |out: &mut dyn Write| write_as(format, &tree, &title, model, out);
    match args.to_stdout() {
        true => write(&mut io::stdout().lock())?,
        false => export::save(&args.output, write)?,
    }
    if !args.quiet && !args.to_stdout() {
        eprintln!("syscope: wrote {}", args.output.display());
    }
    Ok(())
}

fn write_as(
    format: FlameFormat,
    tree: &FlameTree,
    title: &str,
    model: &Model,
    out: &mut dyn Write,
) -> Result<(), export::Error> {
    let (span, hz) = (text::duration(model.span_ns()), model.watched.frequency_hz);
    match format {
        FlameFormat::Svg => export::write_svg(tree, title, &format!("{span} at {hz} Hz"), out),
        FlameFormat::Folded => export::write_folded(tree, out),
    }
}
