//! Whether two profilers that watched the same run found the same functions in as many samples.

use crate::functions::Functions;
use crate::perf::Place;
use std::collections::{BTreeMap, BTreeSet};
use syscope_tests::report::Report;
use syscope_tests::schema::Frame;

/// Functions that are compared.
const FUNCTIONS: usize = 10;
/// Beyond so many standard errors two shares do not agree: by chance in one of 370.
const SIGMAS: f64 = 3.0;

/// Samples by the functions that are in their stacks: inclusive, each function once a sample.
#[derive(Debug, Default)]
struct Inclusive {
    samples: u64,
    functions: BTreeMap<String, u64>,
}

impl Inclusive {
    fn add(&mut self, samples: u64, functions: BTreeSet<String>) {
        self.samples += samples;
        for function in functions {
            *self.functions.entry(function).or_default() += samples;
        }
    }

    fn share(&self, function: &str) -> f64 {
        let samples = self.functions.get(function).copied().unwrap_or(0);
        samples as f64 / self.samples.max(1) as f64
    }
}

/// The ten functions with the largest inclusive shares, as both saw them.
pub fn table(program: &str, report: &Report, perf: &[Vec<Place>]) -> String {
    let mut functions = Functions::default();
    let ours = of_report(report, &mut functions);
    let theirs = of_perf(perf, &mut functions);
    let mut text = format!(
        "\nInclusive shares of functions in {program}: {} samples of syscope, {} of perf.\n\n\
         | function | syscope | perf | difference | standard error | |\n\
         | --- | ---: | ---: | ---: | ---: | --- |\n",
        ours.samples, theirs.samples
    );
    for function in largest(&ours, &theirs) {
        let (our, their) = (ours.share(function), theirs.share(function));
        let error = standard_error(our, ours.samples, their, theirs.samples);
        let verdict = if (our - their).abs() <= SIGMAS * error { "agrees" } else { "**differs**" };
        text += &format!(
            "| `{function}` | {:.1} % | {:.1} % | {:+.1} | {:.1} | {verdict} |\n",
            100.0 * our,
            100.0 * their,
            100.0 * (our - their),
            100.0 * error
        );
    }
    text
}

/// By what both saw, so that what one of them does not see is there, too.
fn largest<'a>(one: &'a Inclusive, other: &'a Inclusive) -> Vec<&'a str> {
    let names: BTreeSet<_> = one.functions.keys().chain(other.functions.keys()).collect();
    let mut names: Vec<_> = names.into_iter().map(String::as_str).collect();
    let share = |name: &str| one.share(name) + other.share(name);
    names.sort_by(|a, b| share(b).total_cmp(&share(a)));
    names.truncate(FUNCTIONS);
    names
}

fn of_report(report: &Report, functions: &mut Functions) -> Inclusive {
    let mut inclusive = Inclusive::default();
    for stack in &report.document.profile.stacks {
        let frames = stack.user.iter().filter(|frame| !frame.inlined);
        let keys = frames.filter_map(|frame| key(frame, functions)).collect();
        inclusive.add(stack.samples, keys);
    }
    inclusive
}

/// `None` for a note, which is no function.
fn key(frame: &Frame, functions: &mut Functions) -> Option<String> {
    let module = frame.module.as_deref()?;
    let name = (!frame.is_bare_address()).then_some(frame.name.as_str());
    Some(functions.key(module, name, frame.offset))
}

fn of_perf(samples: &[Vec<Place>], functions: &mut Functions) -> Inclusive {
    let mut inclusive = Inclusive::default();
    for places in samples {
        let key = |place: &Place| functions.key(&place.file, place.name.as_deref(), place.offset);
        inclusive.add(1, places.iter().map(key).collect());
    }
    inclusive
}

/// Standard error of the difference of two shares of samples that are of one share (binomial).
fn standard_error(one: f64, of_one: u64, other: f64, of_other: u64) -> f64 {
    let (n, m) = (of_one.max(1) as f64, of_other.max(1) as f64);
    let share = (one * n + other * m) / (n + m);
    (share * (1.0 - share) * (1.0 / n + 1.0 / m)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_counts_once_a_sample() {
        let place = |name: &str| Place { file: "x".into(), offset: 0, name: Some(name.into()) };
        let samples = [vec![place("f"), place("f"), place("main")], vec![place("main")]];
        let inclusive = of_perf(&samples, &mut Functions::default());
        assert_eq!(inclusive.samples, 2);
        assert_eq!((inclusive.share("f"), inclusive.share("main")), (0.5, 1.0));
        let other = of_perf(&[vec![place("g")]], &mut Functions::default());
        assert_eq!(largest(&inclusive, &other), ["g", "main", "f"]);
    }

    #[test]
    fn the_error_is_that_of_two_samples_of_one_share() {
        let error = standard_error(0.5, 1000, 0.5, 1000);
        assert!((error - 0.02236).abs() < 1e-4, "{error}");
        assert_eq!(standard_error(1.0, 10, 1.0, 10), 0.0);
    }
}
