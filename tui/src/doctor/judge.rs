//! What follows from the facts: which probe can run, what is missing, what mends it. Pure.

use super::TryLoad;
use super::command::Invocation;
use super::facts::{Facts, Lockdown};
use crate::probes::{PROBES, Probe};
use caps::Capability;
use serde::Serialize;
use syscope_shared::health::ProbeId;

/// From this `kernel.perf_event_paranoid` on, the kernels of Debian and Ubuntu refuse perf events
/// to all but `CAP_SYS_ADMIN`.
pub const PERF_PARANOID_BLOCKS: i64 = 3;

/// Something that is missing, or worse than it could be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name in a few letters: `CAP_BPF`, `BTF`.
    pub name: String,
    /// What it means.
    pub what: String,
    /// The command, or else the step, that mends it; more than one: any of them does.
    pub mend: Vec<String>,
}

/// One probe.
#[derive(Clone, Debug)]
pub struct Row {
    /// The probe.
    pub probe: &'static Probe,
    /// What keeps it from running; nothing when it can run.
    pub missing: Vec<Finding>,
}

/// What the machine can run.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// One row a probe, in the order of [`PROBES`].
    pub rows: Vec<Row>,
    /// What keeps no probe from running but makes it show less, or cost more.
    pub notes: Vec<Finding>,
}

/// Judges the machine. What `try_load` says outweighs what the facts let expect.
pub fn judge(facts: &Facts, command: &Invocation, try_load: Option<TryLoad<'_>>) -> Verdict {
    let rows = PROBES.iter().map(|probe| judge_probe(probe, facts, command, try_load)).collect();
    Verdict { rows, notes: notes(facts, command, try_load.is_some()) }
}

/// Whether the rights that every probe needs are lacking.
pub fn cannot_watch(facts: &Facts) -> bool {
    !facts.first_user_namespace
        || !facts.has(Capability::CAP_BPF)
        || !facts.has(Capability::CAP_PERFMON)
}

/// Kernels before 5.11 count maps as locked memory.
pub fn counts_maps_as_locked_memory(facts: &Facts) -> bool {
    facts.version.is_some_and(|version| version < (5, 11))
}

fn judge_probe(
    probe: &'static Probe,
    facts: &Facts,
    command: &Invocation,
    try_load: Option<TryLoad<'_>>,
) -> Row {
    let mut missing = kernel_lacks(probe, facts);
    missing.extend(rights_lack(probe, facts, command));
    match try_load.map(|load| load(probe)) {
        Some(Ok(())) => missing.clear(),
        Some(Err(reason)) if missing.is_empty() => missing.push(finding(
            "load",
            format!("the kernel refused it: {reason}"),
            "report it, with this text and the kernel's version",
        )),
        Some(Err(_)) | None => {}
    }
    Row { probe, missing }
}

/// What the running kernel itself lacks for a probe.
fn kernel_lacks(probe: &Probe, facts: &Facts) -> Vec<Finding> {
    let mut missing = Vec::new();
    let (major, minor) = probe.min_kernel;
    if facts.version.is_some_and(|version| version < probe.min_kernel) {
        missing.push(finding(
            &format!("Linux {major}.{minor}"),
            format!("the kernel is {}, older than {major}.{minor}", facts.release),
            &format!("boot a kernel of version {major}.{minor} or newer"),
        ));
    }
    for option in &facts.options_off {
        missing.push(finding(
            option,
            format!("the kernel was built without {option}"),
            &format!("boot a kernel built with {option}=y"),
        ));
    }
    if !facts.btf {
        missing.push(finding(
            "BTF",
            "the kernel does not describe its types: /sys/kernel/btf/vmlinux cannot be read",
            "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y",
        ));
    }
    if facts.lockdown == Lockdown::Confidentiality {
        missing.push(finding(
            "lockdown",
            "the kernel is locked down (confidentiality): BPF may not read its memory",
            "boot with lockdown=integrity instead of lockdown=confidentiality",
        ));
    }
    missing
}

/// What syscope may not do here that a probe needs.
fn rights_lack(probe: &Probe, facts: &Facts, command: &Invocation) -> Vec<Finding> {
    let mut missing = Vec::new();
    let mend = command.mend_capabilities(facts);
    if !facts.first_user_namespace {
        let what = "syscope runs in a user namespace, where capabilities mean nothing to BPF";
        missing.push(Finding { name: "user namespace".to_owned(), what: what.to_owned(), mend });
        return missing;
    }
    for (capability, what) in [
        (Capability::CAP_BPF, "BPF programs may not be loaded"),
        (Capability::CAP_PERFMON, "BPF programs may not trace the kernel"),
    ] {
        if !facts.has(capability) {
            missing.push(capability_finding(capability, what, &mend));
        }
    }
    let paranoid = facts.perf_event_paranoid.unwrap_or(0);
    if probe.id == ProbeId::Profile
        && paranoid >= PERF_PARANOID_BLOCKS
        && !facts.has(Capability::CAP_SYS_ADMIN)
    {
        missing.push(finding(
            "perf_event_paranoid",
            format!(
                "kernel.perf_event_paranoid is {paranoid}: the kernels of Debian and Ubuntu then \
                 refuse perf events even with CAP_PERFMON"
            ),
            "sudo sysctl kernel.perf_event_paranoid=2",
        ));
    }
    if counts_maps_as_locked_memory(facts)
        && !facts.memlock_unlimited
        && !facts.has(Capability::CAP_SYS_RESOURCE)
    {
        missing.push(finding(
            "RLIMIT_MEMLOCK",
            "kernels before 5.11 count BPF maps as locked memory, and the limit of that is too low",
            &format!(
                "sudo sh -c 'ulimit -l unlimited && exec \"$0\"' {}",
                command.quoted_program()
            ),
        ));
    }
    missing
}

/// What makes the probes show less, or cost more.
fn notes(facts: &Facts, command: &Invocation, loaded: bool) -> Vec<Finding> {
    let mut notes = symbols_lack(facts, command);
    if facts.bpf_jit_enable == Some(0) {
        notes.push(finding(
            "bpf_jit_enable",
            "BPF programs are interpreted, not compiled: watching costs several times more",
            "sudo sysctl net.core.bpf_jit_enable=1",
        ));
    }
    if !facts.first_pid_namespace {
        notes.push(finding(
            "PID namespace",
            "/proc here shows other PIDs than the kernel's: names and symbols will be missing or wrong",
            "run it on the host, or in a container started with `--pid=host`",
        ));
    }
    if facts.seccomp && !loaded {
        notes.push(finding(
            "seccomp",
            "a seccomp filter is on: it may refuse bpf(2) and perf_event_open(2)",
            "if it does, run it on the host, or in a container started with `--privileged`",
        ));
    }
    if !cannot_watch(facts) && !facts.has(Capability::CAP_SYS_ADMIN) {
        notes.push(finding(
            "CAP_SYS_ADMIN",
            "the time taken by the BPF programs cannot be measured: their overhead is not shown",
            &command.sudo(),
        ));
    }
    notes
}

/// What keeps addresses from becoming names.
fn symbols_lack(facts: &Facts, command: &Invocation) -> Vec<Finding> {
    let mut notes = Vec::new();
    let mend = command.mend_capabilities(facts);
    for capability in [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH] {
        if !facts.has(capability) {
            let what = "stacks of other users' processes are shown without function names";
            notes.push(capability_finding(capability, what, &mend));
        }
    }
    // `kallsyms_show_value` in the kernel: at 0 everybody who may profile the kernel sees them.
    let open_to_all =
        facts.kptr_restrict == Some(0) && facts.perf_event_paranoid.is_some_and(|level| level <= 1);
    if facts.kptr_restrict.is_some_and(|level| level >= 2) {
        notes.push(finding(
            "kptr_restrict",
            "kernel addresses are hidden from everybody: kernel frames are shown without names",
            "sudo sysctl kernel.kptr_restrict=1",
        ));
    } else if !open_to_all && !facts.has(Capability::CAP_SYSLOG) {
        let what = "kernel addresses are hidden: kernel frames are shown without names";
        notes.push(capability_finding(Capability::CAP_SYSLOG, what, &mend));
    }
    notes
}

fn finding(name: &str, what: impl Into<String>, mend: &str) -> Finding {
    Finding { name: name.to_owned(), what: what.into(), mend: vec![mend.to_owned()] }
}

fn capability_finding(capability: Capability, what: &str, mend: &[String]) -> Finding {
    Finding { name: capability.to_string(), what: what.to_owned(), mend: mend.to_vec() }
}
