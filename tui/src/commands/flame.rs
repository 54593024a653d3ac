//! `syscope flame`.

use super::{from, status, watch};
use crate::cli::{FlameArgs, FlameFormat};
use crate::filter::{Candidate, Filter};
use crate::flame::export::About;
use crate::flame::{self, Measure, export};
use crate::model::Model;
use crate::text;
use color_eyre::eyre::{self, bail};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// Watches, or reads a capture, and writes a flame graph.
pub fn run(args: &FlameArgs) -> eyre::Result<ExitCode> {
    let format = args.format().map_err(eyre::Error::msg)?;
    if !args.to_stdout() {
        export::check(&args.output)?;
    } else if format == FlameFormat::Pprof && io::stdout().is_terminal() {
        bail!("a profile of pprof is no text for a terminal: send it into a file or a pipe");
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
    let measure = if args.off_cpu { Measure::OffCpu } else { Measure::Cpu };
    let stacks = flame::weigh(model, measure, accepted);
    let whom = if filter.is_empty() { &model.watched.host } else { filter.text() };
    let title = format!("{} of {whom}", measure.title());
    let write = |out: &mut dyn Write| match format {
        FlameFormat::Svg => {
            let tree = flame::fold(measure, &stacks);
            export::write_svg(&tree, &title, &subtitle(model), out)
        }
        FlameFormat::Folded => export::write_folded(&flame::fold(measure, &stacks), out),
        FlameFormat::Speedscope => {
            export::write_speedscope(&flame::fold(measure, &stacks), &title, out)
        }
        FlameFormat::Pprof => {
            let about = About { title: &title, command: &command_line() };
            export::write_pprof(&stacks, measure, model, about, out)
        }
    };
    save(args, write)
}

fn subtitle(model: &Model) -> String {
    format!("{} at {} Hz", text::duration(model.span_ns()), model.watched.frequency_hz)
}

fn command_line() -> String {
    let words = std::env::args_os().map(|arg| text::from_bytes(arg.as_encoded_bytes()));
    words.collect::<Vec<_>>().join(" ")
}

fn save(
    args: &FlameArgs,
    write: impl FnOnce(&mut dyn Write) -> Result<(), export::Error>,
) -> eyre::Result<()> {
    match args.to_stdout() {
        true => write(&mut io::stdout().lock())?,
        false => export::save(&args.output, write)?,
    }
    if !args.quiet && !args.to_stdout() {
        eprintln!("syscope: wrote {}", args.output.display());
    }
    Ok(())
}
