//! The stacks of the model that a flame graph is made of, and what each of them weighs. Everything that
//! is drawn or exported is made of these, so that no two of them can differ.

use super::{Measure, State};
use crate::model::{Model, OffcpuStats, ProcKey};
use crate::source::{Frame, WaitState};
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
    match measure {
        Measure::Cpu => samples(model, include),
        Measure::OffCpu => waits(model, include),
        Measure::Wall => all(model, include),
    }
}

/// Samples as the time that they stand for, and waits. Where the frequency of the samples is not known,
/// which no recorder leaves out, they stand for none.
fn all(model: &Model, include: impl Fn(ProcKey) -> bool) -> Vec<Weighed<'_>> {
    let period_ns = model.watched.period_ns().unwrap_or(0);
    let running = samples(model, &include).into_iter().map(|stack| Weighed {
        // Off the CPU, threads are not kept apart: what one function took would be in two boxes.
        thread: None,
        state: Some(State::Running),
        weight: stack.weight.saturating_mul(period_ns),
        ..stack
    });
    let mut stacks: Vec<_> = running.filter(|stack| stack.weight > 0).collect();
    stacks.extend(waits(model, include));
    stacks.sort_by_key(|stack| stack.process);
    stacks
}

fn samples(model: &Model, include: impl Fn(ProcKey) -> bool) -> Vec<Weighed<'_>> {
    let mut sampled: Vec<_> = model.profile.iter().filter(|(key, _)| include(*key)).collect();
    sampled.sort_unstable_by_key(|(key, _)| *key);
    let mut stacks = Vec::new();
    for (process, samples) in sampled {
        let mut places: Vec<_> = samples.places.iter().filter(|(_, count)| **count > 0).collect();
        // Which of several frames of one function stands for it must not depend on a hash.
        places.sort_unstable_by_key(|(place, _)| {
            (place.user_stack, place.kernel_stack, place.comm.as_str())
        });
        let comm = comm(model, process);
        stacks.extend(places.into_iter().map(|(place, samples)| Weighed {
            process,
            comm,
            thread: Some(&place.comm),
            user: model.stacks.frames(place.user_stack),
            kernel: model.stacks.frames(place.kernel_stack),
            state: None,
            count: *samples,
            weight: *samples,
        }));
    }
    stacks
}

fn waits(model: &Model, include: impl Fn(ProcKey) -> bool) -> Vec<Weighed<'_>> {
    let mut waited: Vec<_> = model.offcpu.processes().filter(|key| include(*key)).collect();
    waited.sort_unstable();
    let mut stacks = Vec::new();
    for process in waited {
        let mut places: Vec<_> = model.offcpu.places(process, model.now_ns).into_iter().collect();
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
    }
    stacks
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
