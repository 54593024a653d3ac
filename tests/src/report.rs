//! A report, and the questions that tests ask of it.

use crate::schema::{
    Document, Frame, OffcpuStack, Open, ProbeHealth, ProcessOffcpu, ProcessSyscalls, ProfileStack,
    StackEnds, StackHealth, Syscall,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A report that was read, typed and raw.
#[derive(Clone, Debug)]
pub struct Report {
    /// As documented.
    pub document: Document,
    /// As it came.
    pub raw: Value,
}

impl Report {
    /// Reads what `syscope report --json` printed.
    pub fn parse(text: &[u8]) -> Self {
        let raw: Value = serde_json::from_slice(text).unwrap_or_else(|error| {
            panic!("not one JSON document: {error}: {}", String::from_utf8_lossy(text))
        });
        let document = serde_json::from_value(raw.clone())
            .unwrap_or_else(|error| panic!("not as documented: {error}: {raw:#}"));
        Self { document, raw }
    }

    /// All system calls of a process.
    pub fn syscalls(&self, pid: u32) -> Option<&ProcessSyscalls> {
        self.document.syscalls.iter().find(|process| process.pid == pid)
    }

    /// One system call of a process.
    pub fn syscall(&self, pid: u32, name: &str) -> &Syscall {
        let process = self.syscalls(pid).unwrap_or_else(|| panic!("no system calls of {pid}"));
        let call = process.by_syscall.iter().find(|call| call.name == name);
        call.unwrap_or_else(|| panic!("no {name} of {pid}, only: {:#?}", process.by_syscall))
    }

    /// The opens of a process, in the report's order.
    pub fn opens(&self, pid: u32) -> impl Iterator<Item = &Open> {
        self.document.opens.events.iter().filter(move |open| open.pid == pid)
    }

    /// The off-CPU time of a process.
    pub fn offcpu(&self, pid: u32) -> &ProcessOffcpu {
        let process = self.document.offcpu.iter().find(|process| process.pid == pid);
        process.unwrap_or_else(|| panic!("no off-CPU time of {pid}"))
    }

    /// The waits of a process with a frame in the kernel whose name contains one of these.
    pub fn waits_in(&self, pid: u32, names: &[&str]) -> Vec<&OffcpuStack> {
        let stacks = self.offcpu(pid).stacks.iter();
        stacks.filter(|stack| mentions(&stack.kernel, names)).collect()
    }

    /// The profile stacks of a process.
    pub fn profile(&self, pid: u32) -> impl Iterator<Item = &ProfileStack> {
        self.document.profile.stacks.iter().filter(move |stack| stack.pid == pid)
    }

    /// Samples of a process.
    pub fn samples(&self, pid: u32) -> u64 {
        let by_process = self.document.profile.by_process.iter();
        by_process.filter(|process| process.pid == pid).map(|process| process.samples).sum()
    }

    /// The health of a probe.
    pub fn health(&self, probe: &str) -> ProbeHealth {
        self.health_as(probe)
    }

    /// The health of a probe that takes stacks.
    pub fn stack_health(&self, probe: &str) -> StackHealth {
        self.health_as(probe)
    }

    /// How the stacks of the CPU profile ended.
    pub fn stack_ends(&self) -> StackEnds {
        self.health_as("stacks")
    }

    fn health_as<T: DeserializeOwned>(&self, probe: &str) -> T {
        let health = self.document.health.get(probe);
        let health = health.unwrap_or_else(|| panic!("no health of {probe}: {:#}", self.raw));
        serde_json::from_value(health.clone())
            .unwrap_or_else(|error| panic!("health of {probe}: {error}: {health:#}"))
    }
}

/// Whether a frame's name contains one of these.
pub fn mentions(frames: &[Frame], names: &[&str]) -> bool {
    frames.iter().any(|frame| names.iter().any(|name| frame.name.contains(name)))
}
