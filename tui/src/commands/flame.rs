//! `syscope flame`.

use super::{status, watch};
use crate::cli::{FlameArgs, FlameFormat};
use crate::filter::Candidate;
use crate::flame::{self, FlameTree};
use color_eyre::eyre;
use std::io::{self, Write};
use std::process::ExitCode;

/// Watches, and writes a flame graph.
pub fn run(args: &FlameArgs) -> eyre::Result<ExitCode> {
    let format = args.format().map_err(eyre::Error::msg)?;
    if !args.to_stdout() {
        flame::export::check(&args.output)?;
    }
    let watch = watch(&args.watch, args.duration, args.quiet)?;
    let filter = args.watch.filter()?;
    let model = &watch.model;
    let accepted =
        |key| model.processes.get(key).is_some_and(|p| filter.matches(&Candidate::from(p)));
    let tree = match args.off_cpu {
        true => flame::off_cpu(model, accepted),
        false => flame::cpu(model, accepted),
    };
    let what = if args.off_cpu { "Off-CPU time" } else { "CPU profile" };
    let whom = if filter.is_empty() { &model.watched.host } else { filter.text() };
    let title = format!("{what} of {whom}");
    let write = |out: &mut dyn Write| write_flame(format, &tree, &title, args, out);
    match args.to_stdout() {
        true => write(&mut io::stdout().lock())?,
        false => flame::export::save(&args.output, write)?,
    }
    if !args.quiet && !args.to_stdout() {
        eprintln!("syscope: wrote {}", args.output.display());
    }
    Ok(status(&watch))
}

fn write_flame(
    format: FlameFormat,
    tree: &FlameTree,
    title: &str,
    args: &FlameArgs,
    out: &mut dyn Write,
) -> Result<(), flame::export::Error> {
    let subtitle = format!("{:?} at {} Hz", args.duration, args.watch.freq);
    match format {
        FlameFormat::Svg => flame::export::write_svg(tree, title, &subtitle, out),
        FlameFormat::Folded => flame::export::write_folded(tree, out),
    }
}
