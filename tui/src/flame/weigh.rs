//! The stacks of the model that a flame graph is made of, and what each of them weighs. Everything that
//! is drawn or exported is made of these, so that no two of them can differ.

use super::{Measure, State};
use crate::model::{Model, OffcpuStats, ProcKey, SamplePlace, WaitSums};
use crate::source::{Frame, WaitState};
use crate::sums::AddUp;
use std::sync::Arc;

/// A stack of a process, and what it weighs.
#[derive(Clone, Debug)]
pub struct Weighed<'a> {
    /// The process.
    pub process: ProcKey,
    /// Its name.
    pub comm: &'a str,
    /// Name of the threads; `None` with time off the CPU, where threads of a process are not kept apart.
    pub thread: Option<&'a str>,
    /// User frames, leaf first.
    pub user: &'a [Arc<Frame>],
    /// Kernel frames, leaf first; called from the user frames.
    pub kernel: &'a [Arc<Frame>],
    /// What the threads did there; `None` where only running ones are looked at.
    pub state: Option<State>,
    /// Samples, or waits; a wait that was followed by a wait for a CPU counts with the former only.
    pub count: u64,
    /// Samples, or ns.
    pub weight: u64,
}

/// The stacks of the processes that `include` accepts: process by process, in an order that depends
/// on nothing but the model.
pub fn weigh(
    model: &Model,
    measure: Measure,
    include: impl Fn(ProcKey) -> bool,
) -> Vec<Weighed<'_>> {
    let mut keys: Vec<_> = processes(model, measure).filter(|key| include(*key)).collect();
    keys.sort_unstable();
    keys.into_iter().flat_map(|key| weigh_process(model, measure, key)).collect()
}

/// The processes that may have stacks, each once and in no order.
fn processes(model: &Model, measure: Measure) -> impl Iterator<Item = ProcKey> {
    let (cpu, off_cpu) = (measure != Measure::OffCpu, measure != Measure::Cpu);
    let sampled = model.profile.iter().filter(move |_| cpu).map(|(key, _)| key);
    let waited = model.offcpu.processes().filter(move |_| off_cpu);
    sampled.chain(waited.filter(move |key| !cpu || model.profile.of(*key).is_none()))
}

/// The stacks of one process, in an order that depends on nothing but the model.
pub(crate) fn weigh_process(model: &Model, measure: Measure, key: ProcKey) -> Vec<Weighed<'_>> {
    match measure {
        Measure::Cpu => samples(model, key),
        Measure::OffCpu => waits(model, key),
        Measure::Wall => all(model, key),
    }
}

/// Samples as the time that they stand for, and waits. Where the frequency of the samples is not known,
/// which no recorder leaves out, they stand for none.
fn all(model: &Model, process: ProcKey) -> Vec<Weighed<'_>> {
    let period_ns = model.watched.period_ns().unwrap_or(0);
    let running = samples(model, process).into_iter().map(|stack| Weighed {
        // Off the CPU, threads are not kept apart: what one function took would be in two boxes.
        thread: None,
        state: Some(State::Running),
        weight: stack.weight.saturating_mul(period_ns),
        ..stack
    });
    let mut stacks: Vec<_> = running.filter(|stack| stack.weight > 0).collect();
    stacks.extend(waits(model, process));
    stacks
}

fn samples<'m>(model: &'m Model, process: ProcKey) -> Vec<Weighed<'m>> {
    let places = model.profile.of(process).into_iter().flat_map(|samples| &samples.places);
    let mut places: Vec<_> = places.filter(|(_, count)| **count > 0).collect();
    // Which of several frames of one function stands for it must not depend on a hash.
    places.sort_unstable_by_key(|(place, _)| {
        (place.user_stack, place.kernel_stack, place.comm.as_str())
    });
    let comm = comm(model, process);
    let weighed = |(place, samples): (&'m SamplePlace, &'m u64)| Weighed {
        process,
        comm,
        thread: Some(&place.comm),
        user: model.stacks.frames(place.user_stack),
        kernel: model.stacks.frames(place.kernel_stack),
        state: None,
        count: *samples,
        weight: *samples,
    };
    places.into_iter().map(weighed).collect()
}

fn waits(model: &Model, process: ProcKey) -> Vec<Weighed<'_>> {
    let (mut places, mut stacks) = (Vec::new(), Vec::new());
    model.offcpu.places_into(process, model.now_ns, &mut places);
    // Idle kernel threads wait for nothing that is late.
    places.retain(|(place, _)| place.state != WaitState::Idle);
    places.sort_unstable_by_key(|(place, _)| *place);
    let comm = comm(model, process);
    for (place, stats) in places {
        let parts = parts(state_of(place.state), &stats);
        stacks.extend(parts.map(|(state, weight, count)| Weighed {
            process,
            comm,
            thread: None,
            user: model.stacks.frames(place.user_stack),
            kernel: model.stacks.frames(place.kernel_stack),
            state: Some(state),
            count,
            weight,
        }));
    }
    stacks
}

/// Time of threads by state, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// They ran, as far as samples tell.
    pub running: u64,
    /// They waited for a CPU.
    pub waiting: u64,
    /// They were blocked.
    pub blocked: u64,
}

impl Times {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.running.saturating_add(self.waiting).saturating_add(self.blocked)
    }

    /// Adds other times.
    pub fn add(&mut self, other: &Self) {
        self.running.add_up(other.running);
        self.waiting.add_up(other.waiting);
        self.blocked.add_up(other.blocked);
    }
}

/// Wall-clock time of a process with so many samples: what its stacks weigh together.
pub fn times_of(model: &Model, samples: u64, waits: &WaitSums) -> Times {
    Times {
        running: samples.saturating_mul(model.watched.period_ns().unwrap_or(0)),
        waiting: waits.waiting_ns,
        blocked: waits.blocked_ns,
    }
}

/// What a wait begins with.
fn state_of(state: WaitState) -> State {
    if state == WaitState::Runnable { State::WaitingForCpu } else { State::Blocked(state) }
}

/// What waits of one place consist of: state, ns, and waits. Those that still go on count.
fn parts(blocked: State, stats: &OffcpuStats) -> impl Iterator<Item = (State, u64, u64)> {
    let waits = stats.waits.saturating_add(stats.waiting);
    let first = if stats.blocked_ns > 0 { waits } else { 0 };
    let parts = [
        (blocked, stats.blocked_ns, first),
        (State::WaitingForCpu, stats.runqueue_ns, waits - first),
    ];
    parts.into_iter().filter(|(_, ns, _)| *ns > 0)
}

fn comm(model: &Model, key: ProcKey) -> &str {
    model.processes.get(key).map_or("?", |process| &process.comm)
}
