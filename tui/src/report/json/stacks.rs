//! Off-CPU time and CPU profile in the JSON document.

use crate::model::{Model, ProcKey, profile::ProcessSamples};
use crate::report::{Selection, Waits, by_place};
use crate::source::{Frame, StackId, WaitState};
use serde::{Serialize, Serializer};
use std::cmp::Reverse;
use std::sync::Arc;

pub(super) struct Offcpu<'a>(pub(super) &'a Selection<'a>);

#[derive(Serialize)]
struct WaitsOut<'a> {
    pid: u32,
    comm: &'a str,
    blocked_ns: u64,
    runqueue_ns: u64,
    waits: u64,
    waiting: u64,
    stacks: Vec<PlaceOut<'a>>,
}

#[derive(Serialize)]
struct PlaceOut<'a> {
    blocked_ns: u64,
    runqueue_ns: u64,
    waits: u64,
    waiting: u64,
    state: WaitState,
    kernel: Frames<'a>,
    user: Frames<'a>,
}

impl Serialize for Offcpu<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.0.offcpu().into_iter().take(self.0.top);
        serializer.collect_seq(rows.map(|row| WaitsOut {
            pid: row.key.pid,
            comm: self.0.comm(row.key),
            blocked_ns: row.total.blocked_ns,
            runqueue_ns: row.total.runqueue_ns,
            waits: row.total.waits,
            waiting: row.total.waiting,
            stacks: places_out(self.0, &row),
        }))
    }
}

fn places_out<'a>(selection: &Selection<'a>, row: &Waits) -> Vec<PlaceOut<'a>> {
    let places = row.places.iter().take(selection.top);
    places
        .map(|(place, stats)| PlaceOut {
            blocked_ns: stats.blocked_ns,
            runqueue_ns: stats.runqueue_ns,
            waits: stats.waits,
            waiting: stats.waiting,
            state: place.state,
            kernel: Frames::of(selection.model, place.kernel_stack),
            user: Frames::of(selection.model, place.user_stack),
        })
        .collect()
}

#[derive(Serialize)]
pub(super) struct Profile<'a> {
    frequency_hz: u64,
    samples: u64,
    by_process: Vec<SamplesOut<'a>>,
    stacks: SampleStacks<'a>,
}

#[derive(Serialize)]
struct SamplesOut<'a> {
    pid: u32,
    comm: &'a str,
    samples: u64,
    percent: f64,
}

impl<'a> Profile<'a> {
    pub(super) fn of(selection: &'a Selection<'a>) -> Self {
        let all = selection.samples();
        let mut rows = selection.profile();
        rows.truncate(selection.top);
        let by_process = rows.iter().map(|(key, samples)| SamplesOut {
            pid: key.pid,
            comm: selection.comm(*key),
            samples: samples.total,
            percent: samples.total as f64 * 100.0 / all as f64,
        });
        Self {
            frequency_hz: selection.model.watched.frequency_hz,
            samples: all,
            by_process: by_process.collect(),
            stacks: SampleStacks(selection, rows),
        }
    }
}

struct SampleStacks<'a>(&'a Selection<'a>, Vec<(ProcKey, &'a ProcessSamples)>);

#[derive(Serialize)]
struct SampleOut<'a> {
    pid: u32,
    comm: &'a str,
    samples: u64,
    kernel: Frames<'a>,
    user: Frames<'a>,
}

impl Serialize for SampleStacks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(selection, rows) = self;
        let mut places: Vec<_> = rows
            .iter()
            .flat_map(|(key, samples)| {
                let places = by_place(samples).into_iter().take(selection.top);
                places.map(|(place, samples)| (samples, *key, place))
            })
            .collect();
        // Stable, so what weighs the same stays by process.
        places.sort_by_key(|(samples, ..)| Reverse(*samples));
        serializer.collect_seq(places.into_iter().map(|(samples, key, place)| SampleOut {
            pid: key.pid,
            comm: &place.comm,
            samples,
            kernel: Frames::of(selection.model, place.kernel_stack),
            user: Frames::of(selection.model, place.user_stack),
        }))
    }
}

/// The frames of a stack, leaf first.
struct Frames<'a>(&'a [Arc<Frame>]);

#[derive(Serialize)]
struct FrameOut<'a> {
    name: &'a str,
    module: Option<&'a str>,
    offset: u64,
    file: Option<&'a str>,
    line: Option<u32>,
    inlined: bool,
}

impl<'a> Frames<'a> {
    fn of(model: &'a Model, stack: StackId) -> Self {
        Self(model.stacks.frames(stack))
    }
}

impl Serialize for Frames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|frame| FrameOut {
            name: &frame.name,
            module: frame.module.as_deref(),
            offset: frame.offset,
            file: frame.file.as_deref(),
            line: frame.line,
            inlined: frame.inlined,
        }))
    }
}
