//! Loads the BPF object and attaches the probes, each on its own: one that cannot run is off with
//! its reason, and the rest work.

use super::attach::{attach_probes, load_probes, online_cpus};
use super::{
    Kernel, Wanted, copies, failed, filter, health, layout, lifecycle, map,
    named_stacks::NamedStacks, offcpu, opens, overhead, profile, rows, syscalls, threads, unwind,
};
use crate::filter::PushDown;
use crate::probes::{PROBES, Probe};
use crate::source::{ProbeStatus, procfs};
use crate::text;
use aya::{Ebpf, EbpfError, EbpfLoader};
use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use syscope_shared::health::ProbeId;
use syscope_shared::layout::{ABSENT, DIRECT, Layout, Machine};
use syscope_shared::marks;

/// The BPF programs, as `probes-ebpf/build.sh` built them.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../assets/syscope.bpf.o");

/// Bytes that the stacks take that the off-CPU probe remembers, of all CPUs, at most, and those of one.
const REMEMBERED_BYTES: usize = 4 * 1024 * 1024;
const REMEMBERED_STACK: usize = 560;

/// With this in the environment stacks that are remembered are walked all the same, and differences counted:
/// for tests.
const CHECK: &str = "SYSCOPE_CHECK_REMEMBERED_STACKS";

/// Stacks that each CPU remembers.
fn remembered(cpus: usize) -> u32 {
    1 << (REMEMBERED_BYTES / (2 * REMEMBERED_STACK * cpus)).clamp(64, 1024).ilog2()
}

/// What to attach, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which probes.
    pub wanted: Wanted,
    /// Samples a second and CPU.
    pub frequency_hz: u64,
    /// Processes of syscope's that are not observed; 0: none.
    pub own: [u32; 2],
    /// `CLOCK_MONOTONIC` now, in ns.
    pub now_ns: u64,
}

/// Why nothing could be attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The privilege is missing.
    #[error("not permitted to load BPF programs")]
    NotPermitted,
    /// The kernel cannot run the programs; the text says why.
    #[error("{0}")]
    Unsupported(String),
    /// Every probe is off; one line a probe says why.
    #[error("no probe can run here:\n{0}")]
    Nothing(String),
    /// The kernel refused something else.
    #[error("cannot load the BPF programs: {0}")]
    Refused(String),
}

pub fn attach(settings: &Settings, plan: impl FnOnce() -> PushDown) -> Result<Kernel, AttachError> {
    let (layout, loader) = read_types()?;
    raise_memlock();
    let cpus = aya::util::nr_cpus().map_err(|(_, e)| AttachError::Refused(e.to_string()))?;
    let mut programs = load_object(loader, &layout, cpus, &settings.wanted)?;
    let refused = |error: io::Error| AttachError::Refused(error.to_string());
    let mut filter = filter_writer(&mut programs, settings).map_err(refused)?;
    // Lifecycle comes first, so that a process the other probes see is either born after it or among
    // those that `plan` finds running.
    let mut statuses = vec![ProbeStatus::On; PROBES.len()];
    let (first, others): (Vec<_>, Vec<_>) =
        PROBES.iter().partition(|probe| probe.id == ProbeId::Lifecycle);
    // The kernel takes its time to check programs; what is attached counts from then on.
    load_probes(&mut programs, &layout, settings, &mut statuses);
    let mut attached = BTreeSet::new();
    attach_probes(&mut programs, &first, settings, &mut statuses, &mut attached);
    filter.apply(&plan()).map_err(refused)?;
    attach_probes(&mut programs, &others, settings, &mut statuses, &mut attached);
    check_any_on(&statuses)?;
    assemble(programs, filter, statuses, (&layout, cpus), settings).map_err(refused)
}

/// Tells the programs whom not to watch before the first of them runs.
fn filter_writer(programs: &mut Ebpf, settings: &Settings) -> io::Result<filter::Writer> {
    let (config, list) = (map::typed(programs, "CONFIG")?, map::typed(programs, "FILTER")?);
    filter::Writer::new(config, list, settings.own)
}

/// The layout of the running kernel, and a loader. Each reads all of the kernel's own types, which takes a
/// while; the loader does so whether or not it has use for them.
fn read_types() -> Result<(Layout, EbpfLoader<'static>), AttachError> {
    thread::scope(|scope| {
        let layout = scope.spawn(layout::of_running_kernel);
        let loader = EbpfLoader::new();
        let failed = || Err("cannot read the kernel's types".to_owned());
        let layout = layout.join().unwrap_or_else(|_| failed());
        Ok((layout.map_err(AttachError::Unsupported)?, loader))
    })
}

fn load_object(
    loader: EbpfLoader<'static>,
    layout: &Layout,
    cpus: usize,
    wanted: &Wanted,
) -> Result<Ebpf, AttachError> {
    let machine = Machine {
        layout: *layout,
        native: layout::native_abi(),
        compat: layout::compat_abi(),
        syscalls_on: wanted.counts_calls().into(),
        opens_on: wanted.opens().into(),
        failed_on: wanted.failed_calls().into(),
        unwind_on: unwinds(layout, wanted).into(),
        offcpu_on: wanted.off_cpu().into(),
        call_buckets: rows::buckets(cpus),
        remembered: remembered(cpus),
        check_remembered: std::env::var_os(CHECK).is_some().into(),
        compat_direct: u32::from(layout.task_compat == DIRECT),
    };
    let mut loader: EbpfLoader<'_> = loader;
    loader
        .btf(None) // the programs have no relocations against the kernel's types
        .override_global("MACHINE", bytemuck::bytes_of(&machine), true);
    if machine.syscalls_on == 1 {
        let buckets = machine.call_buckets * cpus as u32;
        loader.map_max_entries("CALLS", buckets);
        loader.map_max_entries("CALLS_TAKEN", marks::values(buckets));
    }
    if machine.offcpu_on == 1 {
        loader.map_max_entries("REMEMBERED", machine.remembered);
        loader.map_max_entries("REMEMBERED_KERNEL", machine.remembered);
        loader.map_max_entries("SEEDED", threads::seeds(procfs::thread_count()));
    }
    if machine.unwind_on == 1 {
        loader.map_max_entries("UNWIND", unwind::pieces());
        loader.map_max_entries("SEGMENTS", unwind::SEGMENT_CHUNKS);
    }
    // The programs name these maps, so they have to be there: as small as can be (a ring: one page).
    for map in wanted.unused_maps() {
        loader.map_max_entries(map, 1);
    }
    loader.load(OBJECT).map_err(|error| load_error(&error))
}

/// Whether user stacks are walked by unwind tables: the registers of a thread that is in the kernel are
/// found on x86 only.
fn unwinds(layout: &Layout, wanted: &Wanted) -> bool {
    cfg!(target_arch = "x86_64") && layout.task_stack != ABSENT && wanted.stacks()
}

fn load_error(error: &EbpfError) -> AttachError {
    match os_error(error) {
        Some(libc::EPERM | libc::EACCES) => AttachError::NotPermitted,
        Some(libc::ENOSYS) => AttachError::Unsupported("this kernel has no BPF".to_owned()),
        _ => AttachError::Refused(text::causes(error)),
    }
}

/// Raises the limit on locked memory, which kernels before 5.11 hold maps against. Newer ones do
/// not, so a failure is none yet: creating a map tells.
fn raise_memlock() {
    use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
    if let Err(error) = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY) {
        tracing::debug!(%error, "the limit on locked memory stays as it is");
    }
}

fn check_any_on(statuses: &[ProbeStatus]) -> Result<(), AttachError> {
    if statuses.contains(&ProbeStatus::On) {
        return Ok(());
    }
    let reasons = PROBES.iter().zip(statuses).map(|(probe, status)| match status {
        ProbeStatus::Off(reason) => format!("  {}: {reason}", probe.name),
        ProbeStatus::On => String::new(),
    });
    Err(AttachError::Nothing(reasons.collect::<Vec<_>>().join("\n")))
}

fn assemble(
    mut programs: Ebpf,
    filter: filter::Writer,
    statuses: Vec<ProbeStatus>,
    (layout, cpus): (&Layout, usize),
    settings: &Settings,
) -> io::Result<Kernel> {
    let is_on = |id: ProbeId| statuses[id as usize] == ProbeStatus::On;
    let in_calls = is_on(ProbeId::Syscalls);
    let counts_calls = in_calls && settings.wanted.counts_calls();
    let failed_calls = in_calls && settings.wanted.failed_calls();
    let overhead = opened(settings.wanted.is_shown(), || {
        Ok(overhead::Meter::new(descriptors(&programs)?, settings.now_ns))
    })?;
    let descriptors = descriptors(&programs)?;
    let maps = &mut programs;
    let unwinding = unwinds(layout, &settings.wanted);
    Ok(Kernel {
        stacks: NamedStacks::open(maps)?,
        copies: opened(unwinding, || copies::Copies::open(maps))?,
        asks: opened(unwinding, || unwind::Asks::open(maps))?,
        tables: opened(unwinding, || unwind::Tables::open(maps, unwind::pieces()))?,
        filter,
        overhead,
        health: health::Reader::new(map::typed(maps, "HEALTH")?, descriptors),
        lifecycle: opened(is_on(ProbeId::Lifecycle), || lifecycle::Reader::open(maps))?,
        syscalls: opened(counts_calls, || syscalls::Reader::open(maps, cpus))?,
        failed: opened(failed_calls, || failed::Reader::open(maps))?,
        opens: opened(is_on(ProbeId::Opens), || opens::Reader::open(maps))?,
        offcpu: opened(is_on(ProbeId::Offcpu), || offcpu::Reader::open(maps))?,
        profile: opened(is_on(ProbeId::Profile), || profile::Reader::open(maps))?,
        last_epoch: std::time::Instant::now(),
        statuses,
        frequency_hz: settings.frequency_hz,
        sampled: online_cpus().map_err(io::Error::other)?.into_iter().collect(),
        programs,
    })
}

fn opened<R>(on: bool, open: impl FnOnce() -> io::Result<R>) -> io::Result<Option<R>> {
    on.then(open).transpose()
}

/// Descriptors of the programs of each probe, in the order of [`PROBES`]. A program that probes
/// share is the first one's: what the kernel says of it must not count twice.
fn descriptors(programs: &Ebpf) -> io::Result<Vec<Vec<OwnedFd>>> {
    let mut taken = Vec::new();
    let mut of_probe = |probe: &Probe| -> io::Result<Vec<OwnedFd>> {
        let own: Vec<_> = probe.programs.iter().filter(|name| !taken.contains(*name)).collect();
        taken.extend(own.iter().copied());
        own.into_iter().filter_map(|name| descriptor(programs, name)).collect()
    };
    PROBES.iter().map(&mut of_probe).collect()
}

fn descriptor(programs: &Ebpf, name: &str) -> Option<io::Result<OwnedFd>> {
    let program = programs.program(name)?.fd().ok()?;
    Some(program.as_fd().try_clone_to_owned())
}

/// The error number of the system call that failed, somewhere down the causes.
pub(super) fn os_error(error: &(dyn Error + 'static)) -> Option<i32> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && let Some(number) = io.raw_os_error()
        {
            return Some(number);
        }
        cause = error.source();
    }
    None
}
