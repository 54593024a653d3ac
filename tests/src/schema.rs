//! The report's JSON, as it is documented. Reading a document into these types fails on every key
//! that is missing and every value of another type.
#![allow(missing_docs, reason = "the names are those of the documented report")]

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Deserialize)]
pub struct Document {
    pub schema: u32,
    pub host: String,
    pub kernel: String,
    pub duration_ns: u64,
    pub health: BTreeMap<String, Value>,
    pub processes: Vec<Process>,
    pub syscalls: Vec<ProcessSyscalls>,
    pub opens: Opens,
    pub offcpu: Vec<ProcessOffcpu>,
    pub profile: Profile,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ProbeHealth {
    pub events: u64,
    pub lost: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct StackHealth {
    pub stack_errors: u64,
    pub unresolved_frames: u64,
}

/// How the user stacks of the CPU profile ended, in samples.
#[derive(Clone, Debug, Deserialize)]
pub struct StackEnds {
    pub samples: u64,
    pub complete: u64,
    pub depth_limit: u64,
    pub no_unwind_data: u64,
    pub not_ready: u64,
    pub unreadable: u64,
    pub unknown: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Process {
    pub pid: u32,
    pub comm: String,
    pub cmdline: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ProcessSyscalls {
    pub pid: u32,
    pub comm: String,
    pub calls: u64,
    pub errors: u64,
    pub by_syscall: Vec<Syscall>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Syscall {
    pub name: String,
    pub calls: u64,
    pub errors: u64,
    pub total_ns: u64,
    #[serde(deserialize_with = "present")]
    pub p50_ns: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub p99_ns: Option<u64>,
    pub errnos: Vec<Errno>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Errno {
    pub name: String,
    pub count: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Opens {
    pub total: u64,
    pub failed: u64,
    pub events: Vec<Open>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Open {
    pub time_ns: u64,
    pub pid: u32,
    pub tid: u32,
    pub comm: String,
    pub path: String,
    pub flags: String,
    pub fd: Option<u32>,
    pub errno: Option<String>,
    pub duration_ns: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ProcessOffcpu {
    pub pid: u32,
    pub comm: String,
    pub blocked_ns: u64,
    pub runqueue_ns: u64,
    pub waits: u64,
    pub waiting: u64,
    pub stacks: Vec<OffcpuStack>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct OffcpuStack {
    pub blocked_ns: u64,
    pub waits: u64,
    pub state: String,
    pub kernel: Vec<Frame>,
    pub user: Vec<Frame>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Profile {
    pub frequency_hz: u64,
    pub samples: u64,
    pub by_process: Vec<ProcessSamples>,
    pub stacks: Vec<ProfileStack>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ProcessSamples {
    pub pid: u32,
    pub comm: String,
    pub samples: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ProfileStack {
    pub pid: u32,
    pub comm: String,
    pub samples: u64,
    pub kernel: Vec<Frame>,
    pub user: Vec<Frame>,
}

/// All keys are always there; null where there is nothing to say.
#[derive(Clone, Debug, Deserialize)]
pub struct Frame {
    pub name: String,
    #[serde(deserialize_with = "present")]
    pub module: Option<String>,
    pub offset: u64,
    #[serde(deserialize_with = "present")]
    pub file: Option<String>,
    #[serde(deserialize_with = "present")]
    pub line: Option<u32>,
    pub inlined: bool,
}

impl Frame {
    /// Whether it has no name, but that of its file and where its function begins there.
    pub fn is_bare_address(&self) -> bool {
        let module = self.module.as_deref().unwrap_or_default();
        let file = module.strip_suffix(" (deleted)").unwrap_or(module);
        let label = file.rsplit('/').next().filter(|label| !label.is_empty());
        let rest = label.and_then(|label| self.name.strip_prefix(label));
        rest.is_some_and(|rest| rest.starts_with("+0x"))
    }
}

/// A key that must be there, null or not (serde by itself takes a missing key for null).
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}
