//! `syscope flame`.

use super::{from, status, watch};
use crate::cli::{DiffArgs, FlameArgs, FlameFormat, MomentRange};
use crate::filter::{Candidate, Filter};
use crate::flame::export::{About, Diff};
use crate::flame::{self, Measure, Weighed, export};
use crate::kernel::Wanted;
use crate::model::{Model, ProcKey, StackEnds};
use crate::source::ProbeStatus;
use crate::stderr;
use crate::text;
use color_eyre::eyre::{self, bail};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

/// Watches, or reads a capture, and writes a flame graph.
pub fn run(args: &FlameArgs) -> eyre::Result<ExitCode> {
    let format = args.format().map_err(eyre::Error::msg)?;
    if !args.to_stdout() {
        export::check(&args.output)?;
    } else if format == FlameFormat::Pprof && io::stdout().is_terminal() {
        bail!("a profile of pprof is no text for a terminal: send it into a file or a pipe");
    }
    if let Some(compared) = args.compared() {
        compare(args, format, compared)?;
        return Ok(ExitCode::SUCCESS);
    }
    let capture = &args.capture;
    if let Some(path) = &capture.from {
        let part = from::read(path, ("--range", capture.range.as_ref()), &args.watch)?;
        write(args, format, &part.model, &part.filter)?;
        return Ok(ExitCode::SUCCESS);
    }
    let record = capture.record.as_deref();
    // What is recorded is for all that a recording is for.
    let wanted = if record.is_some() { Wanted::PANES } else { attached(measure(args)) };
    let watch = watch(&args.watch, (wanted, None), args.duration, args.quiet, record)?;
    write(args, format, &watch.model, &args.watch.filter()?)?;
    Ok(status(&watch))
}

fn write(
    args: &FlameArgs,
    format: FlameFormat,
    model: &Model,
    filter: &Filter,
) -> eyre::Result<()> {
    let measure = measure(args);
    let missing = missing(measure, model)?;
    let stacks = stacks(measure, model, filter);
    let title = format!("{} of {}", measure.title(), whom(model, filter));
    let write = |out: &mut dyn Write| match format {
        FlameFormat::Svg => {
            let tree = flame::fold(measure, &stacks);
            export::write_svg(&tree, &title, &(subtitle(model) + &missing), out)
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
    save(args, write)?;
    if measure != Measure::OffCpu && !args.quiet && !args.to_stdout() {
        say_completeness(&StackEnds::of(model, accepted(model, filter)));
    }
    Ok(())
}

/// Says whether the picture is all of it.
fn say_completeness(ends: &StackEnds) {
    if let Some(share) = ends.complete_share() {
        let (samples, share) = (text::count(ends.samples), text::percent(share));
        stderr::tell(format_args!(
            "of {samples} samples with a user stack, {share} have all of it"
        ));
    }
}

/// Compares two captures, or two ranges of one.
fn compare(args: &FlameArgs, format: FlameFormat, compared: DiffArgs<'_>) -> eyre::Result<()> {
    let measure = measure(args);
    let read = |(path, range): (&Path, _), option| -> eyre::Result<_> {
        let part = from::read(path, (option, range), &args.watch)?;
        missing(measure, &part.model)?;
        let tree = flame::fold(measure, &stacks(measure, &part.model, &part.filter));
        let span = text::duration(part.model.span_ns());
        Ok((tree, whom(&part.model, &part.filter).to_owned(), span))
    };
    let (before, _, span_a) = read(compared.before, "--range-a")?;
    let (after, whom, span_b) = read(compared.after, "--range-b")?;
    let diff = Diff::new(&before, &after)?;
    let names = [compared.before, compared.after].map(|part| part_name(part, &compared));
    let title = format!("{} of {whom}: A {} → B {}", measure.title(), names[0], names[1]);
    save(args, |out| match format {
        FlameFormat::Folded => export::write_diff_folded(&diff, out),
        _ => export::write_diff_svg(&diff, &title, [&span_a, &span_b], out),
    })
}

/// A part of a capture, by what makes it another one than that it is compared to.
fn part_name((path, range): (&Path, Option<&MomentRange>), compared: &DiffArgs<'_>) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let range = range.map(MomentRange::to_string);
    match (compared.before.0 == compared.after.0, range) {
        (true, range) => range.unwrap_or_default(),
        (false, Some(range)) => format!("{name} {range}"),
        (false, None) => name.into_owned(),
    }
}

fn measure(args: &FlameArgs) -> Measure {
    match (args.off_cpu, args.wall) {
        (true, _) => Measure::OffCpu,
        (false, true) => Measure::Wall,
        (false, false) => Measure::Cpu,
    }
}

/// What has to be attached for it: a hook in every system call is not paid for a picture without any.
fn attached(measure: Measure) -> Wanted {
    match measure {
        Measure::Cpu => Wanted::ON_CPU,
        Measure::OffCpu => Wanted::OFF_CPU,
        Measure::Wall => Wanted::ON_AND_OFF_CPU,
    }
}

/// What part of it the probes did not count, for the subtitle; said on standard error, too. An error
/// where that is all of it.
fn missing(measure: Measure, model: &Model) -> eyre::Result<String> {
    let off = |name: &&'static str| match &model.health.probe(name)?.status {
        ProbeStatus::Off(reason) => Some((*name, reason)),
        ProbeStatus::On => None,
    };
    let off: Vec<_> = measure.probes().iter().filter_map(off).collect();
    let names: Vec<_> = off.iter().map(|(name, _)| *name).collect();
    for (name, reason) in &off {
        stderr::tell(format_args!("the probe {name} was off: {}", text::visible(reason)));
    }
    if measure == Measure::Wall && model.watched.period_ns().is_none() {
        bail!(
            "the capture does not say how often it took samples: what they stand for is not known"
        );
    }
    match &names[..] {
        [] => Ok(String::new()),
        all if all.len() == measure.probes().len() => {
            bail!("there is nothing to draw without the probe {}", all.join(" and "))
        }
        some => Ok(format!(" · without the probe {}", some.join(", "))),
    }
}

fn stacks<'a>(measure: Measure, model: &'a Model, filter: &Filter) -> Vec<Weighed<'a>> {
    flame::weigh(model, measure, accepted(model, filter))
}

fn accepted<'a>(model: &'a Model, filter: &'a Filter) -> impl Fn(ProcKey) -> bool + 'a {
    |key| model.processes.get(key).is_some_and(|p| filter.matches(&Candidate::from(p)))
}

fn whom<'a>(model: &'a Model, filter: &'a Filter) -> &'a str {
    if filter.is_empty() { &model.watched.host } else { filter.text() }
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
        stderr::tell(format_args!("wrote {}", args.output.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bounds, Watched};
    use crate::source::Batch;
    use crate::ui::testing::health_without;

    #[test]
    fn what_no_probe_counted_is_not_drawn_as_if_it_were_nothing() {
        let without = |name| {
            let watched = Watched { frequency_hz: 99, ..Watched::default() };
            let mut model = Model::new(watched, Bounds::REPORT);
            model.fold(Batch { health: health_without(name), ..Batch::default() });
            model
        };
        let said = |measure, name| missing(measure, &without(name)).map_err(|e| e.to_string());
        assert_eq!(said(Measure::Wall, "opens"), Ok(String::new()));
        assert_eq!(said(Measure::Wall, "offcpu"), Ok(" · without the probe offcpu".to_owned()));
        assert_eq!(said(Measure::Cpu, "offcpu"), Ok(String::new()));
        for (measure, name) in [(Measure::Cpu, "profile"), (Measure::OffCpu, "offcpu")] {
            assert_eq!(
                said(measure, name),
                Err(format!("there is nothing to draw without the probe {name}"))
            );
        }
        let mut model = without("opens");
        model.watched.frequency_hz = 0;
        assert!(missing(Measure::Wall, &model).unwrap_err().to_string().contains("how often"));
    }
}
