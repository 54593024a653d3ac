//! The JSON document. It is written as it is made: a long watch has millions of opens.

mod calls;
mod stacks;

use super::{Missing, Options, Selection};
use crate::filter::Filter;
use crate::model::{Model, StackEnds};
use crate::source::{Health, ProbeHealth, ProbeStatus, StackEnd};
pub(crate) use calls::OpenOut;
use calls::{Opens, Syscalls};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use stacks::{Offcpu, Profile};

/// Version of the document's schema: grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 2;

/// The JSON document of what the model holds of the processes that the filter accepts.
pub fn document<'a>(
    model: &'a Model,
    filter: &'a Filter,
    options: Options,
) -> impl Serialize + use<'a> {
    let selection = Selection::new(model, filter, options.top.unwrap_or(usize::MAX));
    Document { selection, missing: options.missing }
}

struct Document<'a> {
    selection: Selection<'a>,
    missing: Option<Missing>,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let selection = &self.selection;
        let model = selection.model;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", &SCHEMA)?;
        map.serialize_entry("host", &model.watched.host)?;
        map.serialize_entry("kernel", &model.watched.kernel)?;
        map.serialize_entry("cpus", &model.watched.cpus)?;
        map.serialize_entry("duration_ns", &model.span_ns())?;
        map.serialize_entry("filter", selection.filter.text())?;
        map.serialize_entry("health", &HealthOut(selection))?;
        map.serialize_entry("processes", &Processes(selection))?;
        map.serialize_entry("syscalls", &Syscalls(selection))?;
        map.serialize_entry("opens", &Opens::of(selection))?;
        map.serialize_entry("offcpu", &Offcpu(selection))?;
        map.serialize_entry("profile", &Profile::of(selection))?;
        // Absent when nothing is missing: then the document is that of the live run.
        if let Some(missing) = &self.missing {
            map.serialize_entry("capture", missing)?;
        }
        map.end()
    }
}

/// The health of the probes, and what watching cost: a part of what the report has under `health`.
pub fn health(health: &Health) -> serde_json::Result<serde_json::Value> {
    let mut document = serde_json::Map::new();
    for probe in &health.probes {
        document.insert(probe.name.to_owned(), serde_json::to_value(ProbeOut::from(probe))?);
    }
    document.insert("overhead".to_owned(), serde_json::to_value(health.overhead)?);
    Ok(document.into())
}

struct HealthOut<'a>(&'a Selection<'a>);

#[derive(Serialize)]
struct ProbeOut<'a> {
    status: &'a ProbeStatus,
    events: u64,
    lost: u64,
    ring_full: u64,
    map_full: u64,
    skipped_runs: u64,
    filtered: u64,
    seen: u64,
    delivered: u64,
    spared: u64,
    sparing: u64,
    cpu: Option<f32>,
    fill: f32,
    stack_errors: u64,
    unreadable: u64,
    unseen_ends: u64,
    unseen_waits: u64,
    unresolved_frames: u64,
}

impl<'a> From<&'a ProbeHealth> for ProbeOut<'a> {
    fn from(probe: &'a ProbeHealth) -> Self {
        Self {
            status: &probe.status,
            events: probe.events,
            lost: probe.lost(),
            ring_full: probe.ring_full,
            map_full: probe.map_full,
            skipped_runs: probe.skipped_runs,
            filtered: probe.filtered,
            seen: probe.seen(),
            delivered: probe.delivered(),
            spared: probe.spared,
            sparing: probe.sparing,
            cpu: probe.cpu,
            fill: probe.fill,
            stack_errors: probe.stack_errors,
            unreadable: probe.unreadable,
            unseen_ends: probe.unseen_ends,
            unseen_waits: probe.unseen_waits,
            unresolved_frames: probe.unresolved_frames,
        }
    }
}

impl Serialize for HealthOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let health = &self.0.model.health;
        let mut map = serializer.serialize_map(None)?;
        for probe in &health.probes {
            map.serialize_entry(probe.name, &ProbeOut::from(probe))?;
        }
        map.serialize_entry("overhead", &health.overhead)?;
        map.serialize_entry("skipped_ticks", &health.skipped_ticks)?;
        map.serialize_entry("overrun", &health.overrun)?;
        map.serialize_entry("read_errors", &health.read_errors)?;
        map.serialize_entry("unsymbolized_stacks", &health.unsymbolized_stacks)?;
        map.serialize_entry("pushed_down", &health.pushed_down)?;
        map.serialize_entry("unwind", &health.unwind)?;
        map.serialize_entry("stacks", &EndsOut(&self.0.stack_ends()))?;
        map.end()
    }
}

/// How the stacks of the CPU profile ended, in samples.
struct EndsOut<'a>(&'a StackEnds);

impl Serialize for EndsOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("samples", &self.0.samples)?;
        for end in StackEnd::ALL {
            map.serialize_entry(end.name(), &self.0.ended(end))?;
        }
        map.serialize_entry("unknown", &self.0.unknown)?;
        map.end()
    }
}

struct Processes<'a>(&'a Selection<'a>);

#[derive(Serialize)]
struct ProcessOut<'a> {
    pid: u32,
    parent: u32,
    comm: &'a str,
    cmdline: &'a str,
    exited: bool,
}

impl Serialize for Processes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.processes().into_iter().map(|process| ProcessOut {
            pid: process.key.pid,
            parent: process.parent,
            comm: &process.comm,
            cmdline: &process.cmdline,
            exited: process.exited_ns.is_some(),
        }))
    }
}
