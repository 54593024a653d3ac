//! The kernel side: the only module that imports aya or says `unsafe`.
//!
//! [`Kernel::attach`] loads the BPF object and attaches what can run; [`Kernel::read_maps`] hands over
//! everything that has come together since the last call. Nothing is pinned: when the process ends,
//! however it ends, the kernel drops all of it.

#![allow(unsafe_code, reason = "BPF is spoken to here, and only here")]

mod attach;
mod copies;
mod cut_off;
mod drain;
mod failed;
mod filter;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod health;
mod heap;
mod layout;
mod lifecycle;
mod load;
mod map;
mod mapped;
mod mapping;
mod marks;
mod named_stacks;
mod offcpu;
mod opens;
mod overhead;
mod pieces;
mod profile;
mod ring;
mod rows;
mod seeded;
mod stack_ids;
mod stacks;
mod sys;
mod syscalls;
mod threads;
mod turns;
mod unchanged;
mod unwind;
mod waker;
mod wanted;

pub use cut_off::survive_cut_off_files;
pub use heap::{give_memory_back, share_heap};
pub use load::{AttachError, Settings};
pub use overhead::Measured;
pub use sys::newest_program;
pub use waker::Waker;
pub use wanted::Wanted;

use crate::filter::PushDown;
use crate::source::{
    FailedCall, Health, OffcpuDelta, OpenEvent, ProbeStatus, ProcessEvent, procfs,
};
use crate::source::{ProfileDelta, ResolvedStack, SyscallDelta, WaitingNow};
use crate::symbols::Request;
use crate::unwind::{StackCopy, Walked};
use aya::Ebpf;
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use syscope_shared::health::ProbeId;
use syscope_shared::unwind::Asked;

/// Shortest epoch of the maps that are written to by turns.
const EPOCH_MIN: Duration = Duration::from_millis(40);

/// Everything that was read in one go. Stacks are named by id, their addresses come with the first use
/// of the id, and with the first after [`crate::source::StackId::TOLD_AGAIN_NS`] without one.
#[derive(Debug, Default)]
pub struct Reading {
    /// What happened to processes, in order.
    pub processes: Vec<ProcessEvent>,
    /// Of each process that replaced its program, in order: where that is among `processes`, and the id
    /// of the new one.
    pub execs: Vec<(usize, u32)>,
    /// System calls since the last reading.
    pub syscalls: Vec<SyscallDelta>,
    /// System calls that failed since the last reading, where each is asked for.
    pub failed: Vec<FailedCall>,
    /// File opens since the last reading.
    pub opens: Vec<OpenEvent>,
    /// Waits that ended since the last reading.
    pub offcpu: Vec<OffcpuDelta>,
    /// Every thread that is off the CPU now.
    pub waiting: Option<Vec<WaitingNow>>,
    /// Samples since the last reading.
    pub profile: Vec<ProfileDelta>,
    /// Processes whose code the programs want to know: PID, the id of the program, and an address; 0:
    /// nothing is known of it.
    pub asked: Vec<Asked>,
    /// Samples whose stacks are to be walked when their tables are ready.
    pub copies: Vec<StackCopy>,
    /// Stacks that were met for the first time, or for the first time after long.
    pub stacks: Vec<NewStack>,
    /// Stacks that are to be told again and have their names.
    pub resolved: Vec<Arc<ResolvedStack>>,
}

/// A stack whose frames have to be told.
#[derive(Debug)]
pub struct NewStack {
    /// The probe that met it.
    pub probe: ProbeId,
    /// Its id and addresses.
    pub request: Request,
    /// Id of the program that ran (see [`syscope_shared::offcpu::Key::exec_id`]).
    pub exec_id: u32,
    /// It was told before, so long ago that it may be forgotten.
    pub again: bool,
}

/// The attached BPF programs and their maps.
pub struct Kernel {
    statuses: Vec<ProbeStatus>,
    filter: filter::Writer,
    health: health::Reader,
    overhead: Option<overhead::Meter>,
    lifecycle: Option<lifecycle::Reader>,
    syscalls: Option<syscalls::Reader>,
    failed: Option<failed::Reader>,
    opens: Option<opens::Reader>,
    offcpu: Option<offcpu::Reader>,
    profile: Option<profile::Reader>,
    /// The stacks of both.
    stacks: named_stacks::NamedStacks,
    copies: Option<copies::Copies>,
    /// `None` where stacks are not walked by unwind tables.
    asks: Option<unwind::Asks>,
    tables: Option<unwind::Tables>,
    last_epoch: Instant,
    frequency_hz: u64,
    /// CPUs that the profile samples.
    sampled: BTreeSet<u32>,
    /// Holds programs and links; dropping it detaches everything.
    programs: Ebpf,
}

impl Kernel {
    /// Loads and attaches every probe that can run here. `plan` is asked whom to watch when the starts
    /// and ends of processes are seen already, and nothing else yet. A probe that cannot is off, with the reason
    /// in [`Kernel::statuses`].
    ///
    /// # Errors
    ///
    /// When nothing can run: no privilege, no BPF, no BTF.
    pub fn attach(
        settings: &Settings,
        plan: impl FnOnce() -> PushDown,
    ) -> Result<Self, AttachError> {
        load::attach(settings, plan)
    }

    /// Whether each probe runs, in the order of [`crate::probes::PROBES`].
    pub fn statuses(&self) -> &[ProbeStatus] {
        &self.statuses
    }

    /// Samples whose stacks were walked later.
    pub fn add_walked(&mut self, walked: Vec<Walked>, reading: &mut Reading) {
        if let Some(profile) = &mut self.profile {
            walked.into_iter().for_each(|walked| profile.add_walked(walked, reading));
        }
    }

    /// The maps that stacks are unwound with, for who fills them; once.
    pub fn take_tables(&mut self) -> Option<unwind::Tables> {
        self.tables.take()
    }

    /// Makes the kernel let through what `push_down` says. Nothing that both the old and the new
    /// list let through is lost on the way.
    pub fn push_down(&mut self, push_down: &PushDown) -> std::io::Result<()> {
        self.filter.apply(push_down)
    }

    /// Has these processes of syscope's not observed from now on; 0: none.
    pub fn set_own(&mut self, own: [u32; 2]) -> std::io::Result<()> {
        self.filter.set_own(own)
    }

    /// What tells that a ring wants to be read before the next tick, one a ring.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O.
    pub fn wakers(&self) -> std::io::Result<Vec<Waker>> {
        let lifecycle = self.lifecycle.as_ref().map(lifecycle::Reader::as_fd);
        let failed = self.failed.as_ref().map(failed::Reader::as_fd);
        let opens = self.opens.as_ref().map(opens::Reader::as_fd);
        let asks = self.asks.as_ref().map(unwind::Asks::as_fd);
        let rings = lifecycle.into_iter().chain(failed).chain(opens).chain(asks);
        rings.chain([self.stacks.as_fd()]).map(Waker::new).collect()
    }

    /// Reads only the ring buffers: what cannot wait for the next tick.
    pub fn read_rings(&mut self, reading: &mut Reading) -> std::io::Result<()> {
        self.filter.look()?;
        if let Some(lifecycle) = &mut self.lifecycle {
            lifecycle.read(reading);
        }
        if let Some(failed) = &mut self.failed {
            failed.read(&mut reading.failed);
        }
        if let Some(opens) = &mut self.opens {
            opens.read(&mut reading.opens);
        }
        if let Some(asks) = &mut self.asks {
            asks.read(&mut reading.asked);
        }
        self.stacks.read();
        // The start or exec of a process comes before its first event, so it is known with it.
        if let Some(lifecycle) = &mut self.lifecycle {
            lifecycle.read(reading);
        }
        Ok(())
    }

    /// Reads the maps. To be called after [`Kernel::read_rings`], so that a process that ended is
    /// known to have ended before its last counts are read.
    pub fn read_maps(&mut self, reading: &mut Reading) -> std::io::Result<()> {
        if let Some(syscalls) = &mut self.syscalls {
            let [written, errnos_written] = self.health.written(ProbeId::Syscalls);
            syscalls.read(written, errnos_written, &mut reading.syscalls)?;
        }
        self.stacks.advance(procfs::monotonic_ns())?;
        if let Some(offcpu) = &mut self.offcpu {
            let [written, _] = self.health.written(ProbeId::Offcpu);
            offcpu.read(written, &mut self.stacks, reading)?;
        }
        if let Some(profile) = &mut self.profile {
            profile.read(&mut self.stacks, reading)?;
            if let Some(copies) = &mut self.copies {
                profile.read_copies(&mut self.stacks, copies, reading);
            }
        }
        self.begin_epochs()
    }

    /// Has the profile sample CPUs that have come online. One that went offline and came back has
    /// lost its clock, and gets a new one.
    pub fn follow_cpus(&mut self) -> Result<(), String> {
        if self.profile.is_none() {
            return Ok(());
        }
        let online: BTreeSet<u32> = attach::online_cpus()?.into_iter().collect();
        self.sampled.retain(|cpu| online.contains(cpu));
        for cpu in online.difference(&self.sampled.clone()) {
            attach::sample_cpu(&mut self.programs, *cpu, self.frequency_hz)?;
            self.sampled.insert(*cpu);
        }
        Ok(())
    }

    fn begin_epochs(&mut self) -> std::io::Result<()> {
        // The set that is emptied must have been left alone for longer than a program runs.
        if self.last_epoch.elapsed() < EPOCH_MIN {
            return Ok(());
        }
        let offcpu = self.offcpu.as_mut().and_then(offcpu::Reader::next_epoch);
        let profile = self.profile.as_mut().and_then(profile::Reader::next_epoch);
        if offcpu.is_some() || profile.is_some() {
            self.last_epoch = Instant::now();
        }
        self.filter.set_epochs(offcpu, profile)
    }

    /// Seeds the waits of threads of these processes that sleep already, so that one that never
    /// wakes is seen too.
    /// Returns the stacks they sleep on.
    pub fn seed_waits(
        &mut self,
        now_ns: u64,
        pids: &[u32],
    ) -> std::io::Result<Vec<Arc<ResolvedStack>>> {
        let Some(offcpu) = &mut self.offcpu else { return Ok(Vec::new()) };
        let stacks = offcpu.seed(now_ns, pids);
        // What was entered before something went wrong counts.
        self.filter.judge_anew()?;
        stacks
    }

    /// Frees what the maps hold of processes that have ended. To be called a tick after their end,
    /// when their last counts have been read.
    pub fn free(&mut self, pids: &FxHashSet<u32>) {
        if let Some(syscalls) = &mut self.syscalls {
            syscalls.free(pids);
        }
        if let Some(offcpu) = &mut self.offcpu {
            offcpu.free(pids);
        }
        if let Some(profile) = &mut self.profile {
            profile.free(pids);
        }
    }

    /// The health counters as they stand.
    pub fn health(&mut self) -> Health {
        let mut health = self.health.read(&self.statuses, self.filter.listed());
        let offcpu = self.offcpu.as_ref().map_or(0, |reader| reader.stacks.unreadable());
        let profile = self.profile.as_ref().map_or(0, |reader| reader.stacks.unreadable());
        let fills = [
            (ProbeId::Syscalls, self.syscalls.as_ref().map(syscalls::Reader::fill)),
            (ProbeId::Opens, self.opens.as_mut().map(opens::Reader::fill)),
            (ProbeId::Offcpu, self.offcpu.as_ref().map(offcpu::Reader::fill)),
            (ProbeId::Profile, self.profile.as_ref().map(profile::Reader::fill)),
        ];
        for (probe, fill) in fills {
            health.probes[probe as usize].fill = fill.unwrap_or(0.0);
        }
        health.probes[ProbeId::Offcpu as usize].stack_errors += offcpu;
        health.probes[ProbeId::Offcpu as usize].map_full +=
            self.offcpu.as_ref().map_or(0, offcpu::Reader::unseeded);
        health.probes[ProbeId::Profile as usize].stack_errors += profile;
        health
    }

    /// What watching costs; measures the BPF programs for a short window now and then. Nothing where
    /// the panes are not wanted: measuring costs, and nobody would see it. `helper` is a process that
    /// works for syscope.
    pub fn overhead(&mut self, now_ns: u64, helper: Option<u32>) -> Measured {
        self.overhead.as_mut().map(|meter| meter.read(now_ns, helper)).unwrap_or_default()
    }

    /// Measures the BPF programs without a pause, or now and then only.
    pub fn measure_closely(&mut self, closely: bool) {
        if let Some(meter) = &mut self.overhead {
            meter.closely = closely;
        }
    }

    /// Has the programs leave out so much from now on: no stacks of waits of threads whose last one was shorter,
    /// in µs; all opens but one of so many.
    pub fn spare(&mut self, stacks_from_us: u32, opens_one_in: u32) -> std::io::Result<()> {
        self.filter.set_spares(stacks_from_us, opens_one_in)
    }
}
