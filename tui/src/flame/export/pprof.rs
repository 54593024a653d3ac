//! pprof's format: for `go tool pprof`, speedscope and whatever else reads profiles.
//!
//! Samples carry no addresses: captures hold names. Where they are from is in the locations (function,
//! source file, line) and in their mappings (file, build id); process and thread are labels.

use super::profile_proto::{Function, Label, Line, Location, Mapping, Profile, Sample, ValueType};
use super::{Error, marked};
use crate::flame::{Measure, State, Weighed};
use crate::model::Model;
use crate::source::Frame;
use crate::sums;
use crate::text;
use flate2::{Compression, GzBuilder};
use prost::Message;
use rustc_hash::FxHashMap;
use std::io::Write;
use std::sync::Arc;

/// What a profile says about itself, in comments.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Its title.
    pub title: &'a str,
    /// The command line that made it.
    pub command: &'a str,
}

/// Writes stacks of a model as a gzipped `profile.proto`. The same stacks give the same bytes.
///
/// Of a CPU profile the values are `samples` (count) and `cpu` (ns: samples by the time between two);
/// off the CPU, `waits` (count), `blocked`, `runqueue` (waiting for a CPU) and `off_cpu`, the two
/// together (ns); of wall-clock time `running`, `blocked`, `runqueue`, and `wall`, all of it (ns).
pub fn write_pprof(
    stacks: &[Weighed<'_>],
    measure: Measure,
    model: &Model,
    about: About<'_>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    if sums::sum(stacks.iter().map(|stack| stack.weight)) == 0 {
        return Err(Error::nothing(measure));
    }
    let profile = profile(stacks, measure, model, about);
    // Without a name and a time in it, the bytes depend on the profile alone.
    let mut gzip = GzBuilder::new().write(out, Compression::default());
    gzip.write_all(&profile.encode_to_vec())?;
    gzip.finish()?.flush()?;
    Ok(())
}

pub(super) fn profile(
    stacks: &[Weighed<'_>],
    measure: Measure,
    model: &Model,
    about: About<'_>,
) -> Profile {
    let mut tables = Tables::default();
    let values = Values::new(measure, model);
    let sample_type = values.types.iter().map(|(name, unit)| tables.value_type(name, unit));
    let mut profile = Profile { sample_type: sample_type.collect(), ..Profile::default() };
    profile.default_sample_type = values.types.last().map_or(0, |(name, _)| tables.string(name));
    if let Some(period_ns) = values.period_ns {
        profile.period_type = Some(tables.value_type("cpu", "nanoseconds"));
        profile.period = signed(period_ns);
    }
    profile.time_nanos = model.watched.realtime_offset_ns.saturating_add_unsigned(model.since_ns);
    profile.duration_nanos = signed(model.span_ns());
    profile.comment = comments(model, about).iter().map(|line| tables.string(line)).collect();
    let sample = |stack: &Weighed<'_>| Sample {
        location_id: tables.locations(stack),
        value: values.of(stack),
        label: tables.labels(stack),
    };
    profile.sample = stacks.iter().map(sample).collect();
    let Tables { strings, functions, mappings, locations, .. } = tables;
    profile.string_table = strings.all;
    profile.function = functions.all;
    profile.mapping = mappings.all;
    profile.location = locations.all;
    profile
}

/// What the values of a sample are.
struct Values {
    measure: Measure,
    types: &'static [(&'static str, &'static str)],
    /// Time between two samples of a CPU; `None` where it is not known, and where there are no samples.
    period_ns: Option<u64>,
}

impl Values {
    fn new(measure: Measure, model: &Model) -> Self {
        const NS: &str = "nanoseconds";
        let period_ns = match measure {
            Measure::Cpu | Measure::Wall => model.watched.period_ns(),
            Measure::OffCpu => None,
        };
        let types: &[_] = match (measure, period_ns) {
            (Measure::Cpu, Some(_)) => &[("samples", "count"), ("cpu", NS)],
            (Measure::Cpu, None) => &[("samples", "count")],
            (Measure::OffCpu, _) => {
                &[("waits", "count"), ("blocked", NS), ("runqueue", NS), ("off_cpu", NS)]
            }
            (Measure::Wall, _) => {
                &[("running", NS), ("blocked", NS), ("runqueue", NS), ("wall", NS)]
            }
        };
        Self { measure, types, period_ns }
    }

    fn of(&self, stack: &Weighed<'_>) -> Vec<i64> {
        let (count, weight) = (signed(stack.count), signed(stack.weight));
        let state = stack.state;
        let blocked = matches!(state, Some(State::Blocked(_)));
        let of = |so: bool| if so { weight } else { 0 };
        match (self.measure, self.period_ns) {
            (Measure::Cpu, Some(period_ns)) => {
                vec![count, weight.saturating_mul(signed(period_ns))]
            }
            (Measure::Cpu, None) => vec![count],
            (Measure::OffCpu, _) => {
                vec![count, of(blocked), of(state == Some(State::WaitingForCpu)), weight]
            }
            (Measure::Wall, _) => {
                let running = of(state == Some(State::Running));
                vec![running, of(blocked), of(state == Some(State::WaitingForCpu)), weight]
            }
        }
    }
}

/// A number that may be beyond what the format holds, where a capture is hostile.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn comments(model: &Model, about: About<'_>) -> Vec<String> {
    let watched = &model.watched;
    let mut lines = vec![
        about.title.to_owned(),
        format!("host: {}, {} CPUs", watched.host, watched.cpus),
        format!("kernel: {} {}", watched.kernel, watched.arch),
        format!("command: {}", about.command),
    ];
    let (events, stacks) = (model.lost_events(), model.lost_stacks());
    if events > 0 || stacks > 0 {
        lines.push(format!("lost: {events} events, {stacks} stacks (all probes)"));
    }
    lines.iter().map(|line| text::visible(line).into_owned()).collect()
}

/// Entries of a table, each once; their ids count from 1.
struct Table<K, V> {
    ids: FxHashMap<K, u64>,
    all: Vec<V>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { ids: FxHashMap::default(), all: Vec::new() }
    }
}

impl<K: std::hash::Hash + Eq, V> Table<K, V> {
    fn id(&mut self, key: K, make: impl FnOnce(u64) -> V) -> u64 {
        let next = self.all.len() as u64 + 1;
        *self.ids.entry(key).or_insert_with(|| {
            self.all.push(make(next));
            next
        })
    }
}

struct Strings {
    ids: FxHashMap<String, i64>,
    all: Vec<String>,
}

impl Default for Strings {
    fn default() -> Self {
        Self { ids: FxHashMap::from_iter([(String::new(), 0)]), all: vec![String::new()] }
    }
}

/// Everything that samples refer to.
#[derive(Default)]
struct Tables {
    strings: Strings,
    /// By name and source file.
    functions: Table<(i64, i64), Function>,
    /// By file and build id.
    mappings: Table<(i64, i64), Mapping>,
    locations: Table<(u64, Vec<Line>), Location>,
}

impl Tables {
    fn string(&mut self, text: &str) -> i64 {
        if let Some(id) = self.strings.ids.get(text) {
            return *id;
        }
        let id = self.strings.all.len() as i64;
        self.strings.all.push(text.to_owned());
        self.strings.ids.insert(text.to_owned(), id);
        id
    }

    fn value_type(&mut self, name: &str, unit: &str) -> ValueType {
        ValueType { r#type: self.string(name), unit: self.string(unit) }
    }

    /// The locations of a stack, leaf first: a function with those inlined into it is one.
    fn locations(&mut self, stack: &Weighed<'_>) -> Vec<u64> {
        let groups = |frames: &'_ [Arc<Frame>]| -> Vec<u64> {
            frames.chunk_by(|frame, _| frame.inlined).map(|group| self.location(group)).collect()
        };
        [stack.kernel, stack.user].into_iter().flat_map(groups).collect()
    }

    fn location(&mut self, group: &[Arc<Frame>]) -> u64 {
        let line = |frame: &Arc<Frame>| Line {
            function_id: self.function(frame),
            line: frame.line.map_or(0, i64::from),
        };
        let lines: Vec<Line> = group.iter().map(line).collect();
        let mapping_id = group.last().map_or(0, |outermost| self.mapping(outermost));
        self.locations.id((mapping_id, lines.clone()), |id| Location {
            id,
            mapping_id,
            line: lines,
        })
    }

    fn function(&mut self, frame: &Frame) -> u64 {
        let name = self.string(&marked(frame));
        let filename = self.safe(frame.file.as_deref());
        let function = |id| Function { id, name, system_name: name, filename };
        self.functions.id((name, filename), function)
    }

    /// What is said to be known keeps readers from looking for symbols: there are no addresses.
    fn mapping(&mut self, frame: &Frame) -> u64 {
        let Some(module) = frame.module.as_deref() else { return 0 };
        let (filename, build_id) = (self.safe(Some(module)), self.safe(frame.build_id.as_deref()));
        self.mappings.id((filename, build_id), |id| Mapping {
            id,
            filename,
            build_id,
            has_functions: true,
            has_filenames: true,
            has_line_numbers: true,
            has_inline_frames: true,
        })
    }

    fn labels(&mut self, stack: &Weighed<'_>) -> Vec<Label> {
        let pid = Label { key: self.string("pid"), num: stack.process.pid.into(), str: 0 };
        let named = [
            ("comm", Some(stack.comm)),
            ("thread", stack.thread),
            ("state", stack.state.map(State::note)),
        ];
        let named = named.into_iter().filter_map(|(key, value)| {
            let value = value.filter(|value| !value.is_empty())?;
            Some(Label { key: self.string(key), str: self.safe(Some(value)), num: 0 })
        });
        std::iter::once(pid).chain(named).collect()
    }

    fn safe(&mut self, text: Option<&str>) -> i64 {
        text.map_or(0, |text| self.string(&text::visible(text)))
    }
}
