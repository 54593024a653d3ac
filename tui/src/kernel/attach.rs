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
use std::collections::BTreeSet;
use syscope_shared::health::ProbeId;
use syscope_shared::layout::{ABSENT, Layout};

/// Status of a probe that nobody asked for.
const NOT_NEEDED: &str = "not asked for";

/// Loads the programs of the probes that are wanted, each probe on its own.
pub fn load_probes(
    programs: &mut Ebpf,
    layout: &Layout,
    settings: &Settings,
    statuses: &mut [ProbeStatus],
) {
    for probe in PROBES {
        if !settings.wanted.attaches(probe) {
            statuses[probe.id as usize] = ProbeStatus::Off(NOT_NEEDED.to_owned());
        } else if let Err(reason) = load_probe(programs, probe, layout) {
            statuses[probe.id as usize] = ProbeStatus::Off(reason);
        }
    }
}

fn load_probe(programs: &mut Ebpf, probe: &Probe, layout: &Layout) -> Result<(), String> {
    check_layout(probe.id, layout)?;
    for name in probe.programs {
        let program = programs.program_mut(name).ok_or_else(|| format!("no program {name}"))?;
        if program.fd().is_ok() {
            continue; // shared with a probe before
        }
        let loaded = match program {
            Program::RawTracePoint(program) => program.load(),
            Program::PerfEvent(program) => program.load(),
            _ => return Err(format!("{name}: a program of an unexpected type")),
        };
        loaded.map_err(|error| format!("{name}: {}", program_error(&error)))?;
    }
    Ok(())
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
