//! Loading the programs of the probes into the kernel, and attaching them.

use super::load::{Settings, os_error};
use crate::probes::{PROBES, Probe};
use crate::source::ProbeStatus;
use crate::text;
use aya::Ebpf;
use aya::programs::perf_event::{
    PerfEvent, PerfEventConfig, PerfEventScope, SamplePolicy, SoftwareEvent,
};
use aya::programs::{Program, ProgramError};
use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use syscope_shared::health::ProbeId;
use syscope_shared::layout::{ABSENT, Layout};

/// Status of a probe that nobody asked for.
const NOT_NEEDED: &str = "not asked for";

/// Loads the programs of the probes that are wanted; a probe is off when one of its programs cannot be.
pub fn load_probes(
    programs: &mut Ebpf,
    layout: &Layout,
    settings: &Settings,
    statuses: &mut [ProbeStatus],
) {
    let can_run = |probe: &Probe| match settings.wanted.attaches(probe) {
        true => check_layout(probe.id, layout),
        false => Err(NOT_NEEDED.to_owned()),
    };
    let mut wanted = BTreeSet::new();
    for probe in PROBES {
        match can_run(probe) {
            Ok(()) => wanted.extend(probe.programs.iter().copied()),
            Err(reason) => statuses[probe.id as usize] = ProbeStatus::Off(reason),
        }
    }
    let refused = load_programs(programs, wanted);
    for probe in PROBES {
        let status = &mut statuses[probe.id as usize];
        let reason = probe.programs.iter().find_map(|name| refused.get(name));
        if let (ProbeStatus::On, Some(reason)) = (&status, reason) {
            *status = ProbeStatus::Off(reason.clone());
        }
    }
}

/// Loads these programs, and returns why some cannot be. All at once: the kernel takes its time to check
/// them, which is most of the time that syscope takes to start, and checks each on the CPU of who loads it.
fn load_programs(
    programs: &mut Ebpf,
    mut wanted: BTreeSet<&'static str>,
) -> BTreeMap<&'static str, String> {
    let mut refused = BTreeMap::new();
    thread::scope(|scope| {
        let loading: Vec<_> = programs
            .programs_mut()
            .filter_map(|(name, program)| wanted.take(name).map(|name| (name, program)))
            .map(|(name, program)| (name, scope.spawn(|| load_program(program))))
            .collect();
        for (name, loading) in loading {
            let loaded = loading.join().unwrap_or_else(|_| Err("loading it failed".to_owned()));
            refused.extend(loaded.err().map(|reason| (name, format!("{name}: {reason}"))));
        }
    });
    refused.extend(wanted.into_iter().map(|name| (name, format!("no program {name}"))));
    refused
}

fn load_program(program: &mut Program) -> Result<(), String> {
    let loaded = match program {
        Program::RawTracePoint(program) => program.load(),
        Program::PerfEvent(program) => program.load(),
        _ => return Err("a program of an unexpected type".to_owned()),
    };
    loaded.map_err(|error| program_error(&error))
}

/// Attaches probes that are loaded, each on its own, but for programs that are `attached` already: probes
/// share some.
pub fn attach_probes(
    programs: &mut Ebpf,
    probes: &[&Probe],
    settings: &Settings,
    statuses: &mut [ProbeStatus],
    attached: &mut BTreeSet<&'static str>,
) {
    for probe in probes {
        if statuses[probe.id as usize] == ProbeStatus::On
            && let Err(reason) = attach_probe(programs, probe, settings, attached)
        {
            statuses[probe.id as usize] = ProbeStatus::Off(reason);
        }
    }
}

fn attach_probe(
    programs: &mut Ebpf,
    probe: &Probe,
    settings: &Settings,
    attached: &mut BTreeSet<&'static str>,
) -> Result<(), String> {
    for name in probe.programs {
        let program = programs.program_mut(name).ok_or_else(|| format!("no program {name}"))?;
        if !attached.contains(name) {
            attach_program(name, program).map_err(|error| format!("{name}: {error}"))?;
            // Only now: a probe that shares what could not be attached is off, too.
            attached.insert(name);
        }
    }
    if probe.id == ProbeId::Profile {
        for cpu in online_cpus()? {
            sample_cpu(programs, cpu, settings.frequency_hz)
                .map_err(|error| format!("cpu_sample: {error}"))?;
        }
    }
    Ok(())
}

fn attach_program(name: &str, program: &mut Program) -> Result<(), String> {
    let tracepoint = match name {
        "process_fork" => "sched_process_fork",
        "process_exec" => "sched_process_exec",
        "process_exit" => "sched_process_exit",
        name => name,
    };
    match program {
        Program::RawTracePoint(program) => {
            program.attach(tracepoint).map(drop).map_err(|error| program_error(&error))
        }
        // Attached CPU by CPU, and again as CPUs come online: see `sample_cpu`.
        _ => Ok(()),
    }
}

/// The CPUs that are online.
pub fn online_cpus() -> Result<Vec<u32>, String> {
    aya::util::online_cpus().map_err(|(path, error)| format!("{path}: {error}"))
}

/// Has the profile's program run at every tick of a CPU's clock.
pub fn sample_cpu(programs: &mut Ebpf, cpu: u32, frequency_hz: u64) -> Result<(), String> {
    let program = programs.program_mut("cpu_sample").ok_or("no program cpu_sample")?;
    let program: &mut PerfEvent = program.try_into().map_err(|e: ProgramError| text::causes(&e))?;
    let clock = PerfEventConfig::Software(SoftwareEvent::CpuClock);
    let scope = PerfEventScope::AllProcessesOneCpu { cpu };
    let rate = SamplePolicy::Frequency(frequency_hz);
    program.attach(clock, scope, rate, false).map(drop).map_err(|error| program_error(&error))
}

/// What went wrong with a program, with the knob that is in the way where it is known.
fn program_error(error: &ProgramError) -> String {
    let text = match error {
        // The last line of the verifier's log names the cause; the log itself goes to the log file.
        ProgramError::LoadError { io_error, verifier_log } => {
            tracing::error!(%verifier_log, "the verifier refused a program");
            format!("the kernel refused to load it: {io_error}")
        }
        error => text::causes(error),
    };
    match os_error(error) {
        Some(libc::EACCES | libc::EPERM) => {
            format!("{text} (see `syscope doctor` for the capability or sysctl that is missing)")
        }
        _ => text,
    }
}

/// Refuses a probe for which the kernel lacks a field.
fn check_layout(probe: ProbeId, layout: &Layout) -> Result<(), String> {
    let needed: &[(u32, &str)] = match probe {
        ProbeId::Profile => &[],
        // By its kernel stack a thread is known; without, one that has ended would be taken for another.
        ProbeId::Syscalls => &[(layout.task_stack, "task_struct.stack")],
        // Without the fields of directories a relative path stays relative, and is marked.
        ProbeId::Opens => {
            &[(layout.task_stack, "task_struct.stack"), (layout.regs_args[0], "pt_regs")]
        }
        ProbeId::Offcpu => &[
            (layout.task_pid, "task_struct.pid"),
            (layout.task_tgid, "task_struct.tgid"),
            (layout.task_state, "task_struct.__state"),
        ],
        ProbeId::Lifecycle => &[
            (layout.task_pid, "task_struct.pid"),
            (layout.task_tgid, "task_struct.tgid"),
            (layout.task_signal, "task_struct.signal"),
            (layout.signal_live, "signal_struct.live"),
        ],
    };
    match needed.iter().find(|(offset, _)| *offset == ABSENT) {
        Some((_, field)) => Err(format!("this kernel's BTF has no {field}")),
        None => Ok(()),
    }
}
