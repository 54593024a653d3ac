//! Batches that could have been recorded: for property tests.
//!
//! A few processes with few PIDs, so that PIDs come back; names, stacks and waits as the kernel tells
//! them: stacks are used before their frames are known, counts come after the end of their process,
//! ends get lost, and of some processes nothing is ever told but counts.

use super::{
    Batch, Frame, FrameKind, Health, OffcpuDelta, OpenEvent, OpenPath, Overhead, ProbeHealth,
    ProbeStatus, ProcessEvent, ProcessSeen, ProfileDelta, ResolvedStack, StackId, SyscallDelta,
    WaitState, WaitingNow,
};
use crate::probes::PROBES;
use proptest::prelude::*;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use syscope_shared::hist::{self, BUCKETS};

/// When watching begins, in ns.
pub(crate) const START: u64 = 1_000_000_000_000;

/// Batches in a row, the first of which tells of two processes that ran before.
pub(crate) fn batches() -> impl Strategy<Value = Vec<Batch>> {
    prop::collection::vec(prop::collection::vec(step(), 0..12), 1..14).prop_map(|ticks| {
        let mut machine = Machine::new();
        ticks.iter().map(|steps| machine.tick(steps)).collect()
    })
}

/// Something that happens. Processes are chosen by number, whatever numbers there are.
#[derive(Clone, Debug)]
enum Step {
    Fork { parent: usize, pid: u32 },
    Exec { process: usize, name: &'static str },
    Exit { process: usize, told: bool },
    Rename { process: usize, name: &'static str },
    Calls { process: usize, nr: u32, calls: u32, errno: Option<u32>, each_ns: u64 },
    Open { process: usize, path: &'static str, result: Result<u32, u32>, marks: u8 },
    Wait { process: usize, state: WaitState, stacks: (u32, u32), blocked_ns: u64, runqueue_ns: u64 },
    Sample { process: usize, thread: Option<&'static str>, stacks: (u32, u32), samples: u64 },
    Asleep { process: usize, state: WaitState, stacks: (u32, u32), woken: bool },
    Look,
    Name { user_of: Option<usize>, stack: u32, depth: usize },
    Lose { probe: usize, count: u64 },
    Pass { ms: u64 },
}

const NAMES: &[&str] = &["sh", "nginx", "a b", "\u{1b}[2J", "日本"];
const PATHS: &[&str] = &["/etc/passwd", "x.c", "", "/tmp/日本\n", "/very/long/path/of/a/file"];

fn step() -> impl Strategy<Value = Step> {
    let process = || any::<usize>();
    let name = || prop::sample::select(NAMES);
    // The ids below the first are those of stacks that are not there.
    let stacks = || (0..StackId::FIRST.0 + 5, 0..StackId::FIRST.0 + 5);
    let state = || {
        use WaitState::*;
        prop::sample::select(vec![Runnable, Interruptible, Uninterruptible, Stopped, Idle])
    };
    let result = prop_oneof![(3u32..9).prop_map(Ok), prop::sample::select(vec![Err(2), Err(13)])];
    let errno = prop::option::of(prop::sample::select(vec![2u32, 11]));
    let lives = prop_oneof![
        3 => (process(), 2u32..9).prop_map(|(parent, pid)| Step::Fork { parent, pid }),
        2 => (process(), name()).prop_map(|(process, name)| Step::Exec { process, name }),
        2 => (process(), any::<bool>()).prop_map(|(process, told)| Step::Exit { process, told }),
        1 => (process(), name()).prop_map(|(process, name)| Step::Rename { process, name }),
    ];
    let counts = prop_oneof![
        (process(), 0u32..3, 1u32..50, errno, 100u64..1_000_000).prop_map(
            |(process, nr, calls, errno, each_ns)| {
                Step::Calls { process, nr, calls, errno, each_ns }
            }
        ),
        (process(), prop::sample::select(PATHS), result, 0u8..8)
            .prop_map(|(process, path, result, marks)| Step::Open { process, path, result, marks }),
        (process(), state(), stacks(), 0u64..1_000_000, 0u64..1_000).prop_map(
            |(process, state, stacks, blocked_ns, runqueue_ns)| {
                Step::Wait { process, state, stacks, blocked_ns, runqueue_ns }
            }
        ),
        (process(), prop::option::of(name()), stacks(), 1u64..9).prop_map(
            |(process, thread, stacks, samples)| Step::Sample { process, thread, stacks, samples }
        ),
    ];
    let rest = prop_oneof![
        3 => (process(), state(), stacks(), any::<bool>()).prop_map(
            |(process, state, stacks, woken)| Step::Asleep { process, state, stacks, woken }
        ),
        2 => Just(Step::Look),
        2 => (prop::option::of(process()), StackId::FIRST.0..StackId::FIRST.0 + 5, 1usize..4).prop_map(
            |(user_of, stack, depth)| Step::Name { user_of, stack, depth }
        ),
        1 => (0..PROBES.len(), 1u64..100).prop_map(|(probe, count)| Step::Lose { probe, count }),
        2 => (0u64..2_000).prop_map(|ms| Step::Pass { ms }),
    ];
    prop_oneof![2 => lives, 3 => counts, 2 => rest]
}

/// What the steps are done to.
struct Machine {
    now_ns: u64,
    living: Vec<u32>,
    /// Processes that ended, and when, in ns: for a while counts of them come.
    ended: Vec<(u32, u64)>,
    /// By PID, how many processes were born before it: its stacks are its alone.
    serials: FxHashMap<u32, u32>,
    born: u32,
    asleep: Vec<WaitingNow>,
    health: Health,
    begun: bool,
}

/// How long counts of a process that ended may come, in ns.
const COUNTED_FOR_NS: u64 = 1_500_000_000;
/// A process that is never told of but by counts.
const STRANGER: u32 = 77;

impl Machine {
    fn new() -> Self {
        let probe =
            |row: &crate::probes::Probe| ProbeHealth { name: row.name, ..Default::default() };
        let mut probes: Vec<_> = PROBES.iter().map(probe).collect();
        probes[0].status = ProbeStatus::Off("not here".to_owned());
        let overhead = Overhead { self_cpu: 0.25, bpf_share: Some(0.5) };
        Self {
            now_ns: START,
            living: vec![1, 20],
            ended: Vec::new(),
            serials: [(1, 0), (20, 1)].into_iter().collect(),
            born: 1,
            asleep: Vec::new(),
            health: Health { probes, overhead, pushed_down: Some(2), ..Health::default() },
            begun: false,
        }
    }

    fn tick(&mut self, steps: &[Step]) -> Batch {
        let began_ns = self.now_ns;
        let mut batch = Batch::default();
        if !self.begun {
            self.begun = true;
            batch.processes = vec![seen(1, 0, "init"), seen(20, 1, "sh")];
        }
        for step in steps {
            self.now_ns += 1_000_000;
            self.step(step, &mut batch);
        }
        if steps.iter().any(|step| matches!(step, Step::Look)) {
            batch.waiting = Some(self.asleep.clone());
        }
        self.now_ns += 1_000_000;
        batch.time_ns = self.now_ns;
        batch.window_ns = self.now_ns - began_ns;
        batch.health = self.health.clone();
        batch
    }

    fn step(&mut self, step: &Step, batch: &mut Batch) {
        let time_ns = self.now_ns;
        let alive = |number: usize| self.living.get(number % self.living.len().max(1)).copied();
        self.ended.retain(|(_, at_ns)| time_ns - at_ns < COUNTED_FOR_NS);
        let ended = self.ended.iter().map(|(pid, _)| *pid);
        let pids: Vec<_> = self.living.iter().copied().chain(ended).chain([STRANGER]).collect();
        let any = |number: usize| pids[number % pids.len()];
        match *step {
            Step::Fork { parent, pid } => {
                // The PID of one that ended may be that of another by now, whose start was lost.
                let lost = parent.is_multiple_of(5).then(|| any(parent / 5));
                let free = !self.living.contains(&pid);
                let Some(parent) = lost.or(alive(parent)).filter(|_| free) else { return };
                self.living.push(pid);
                self.born += 1;
                self.serials.insert(pid, self.born);
                let comm = "sh".to_owned();
                batch.processes.push(ProcessEvent::Fork { time_ns, pid, parent, comm });
            }
            Step::Exec { process, name } => {
                let Some(pid) = alive(process) else { return };
                let (comm, cmdline) = (name.to_owned(), format!("{name} --now"));
                batch.processes.push(ProcessEvent::Exec { time_ns, pid, comm, cmdline });
            }
            Step::Exit { process, told } => {
                let Some(pid) = alive(process).filter(|pid| *pid != 1) else { return };
                self.living.retain(|living| *living != pid);
                self.asleep.retain(|wait| wait.pid != pid);
                self.ended.push((pid, time_ns));
                if told {
                    batch.processes.push(ProcessEvent::Exit { time_ns, pid });
                }
            }
            Step::Rename { process, name } => {
                let Some(pid) = alive(process) else { return };
                batch.processes.push(seen(pid, u32::from(pid != 1), name));
            }
            Step::Calls { process, nr, calls, errno, each_ns } => {
                batch.syscalls.push(called(any(process), nr, calls, errno, each_ns));
            }
            Step::Open { process, path, result, marks } => {
                batch.opens.push(opened(any(process), time_ns, path, result, marks));
            }
            Step::Wait { process, state, stacks, blocked_ns, runqueue_ns } => {
                let (pid, waits) = (any(process), 1 + blocked_ns % 3);
                let kernel_stack = StackId(stacks.0);
                let user_stack = self.user_stack(pid, stacks.1);
                batch.offcpu.push(OffcpuDelta {
                    pid,
                    state,
                    kernel_stack,
                    user_stack,
                    blocked_ns,
                    runqueue_ns,
                    waits,
                });
            }
            Step::Sample { process, thread, stacks, samples } => {
                let comm = thread.unwrap_or("sh").to_owned();
                let pid = any(process);
                let kernel_stack = StackId(stacks.0);
                let user_stack = self.user_stack(pid, stacks.1);
                batch.profile.push(ProfileDelta { pid, comm, kernel_stack, user_stack, samples });
            }
            Step::Asleep { process, state, stacks, woken } => {
                let Some(pid) = alive(process) else { return };
                let user_stack = self.user_stack(pid, stacks.1);
                self.asleep.retain(|wait| wait.pid != pid);
                self.asleep.push(WaitingNow {
                    pid,
                    tid: pid,
                    state,
                    kernel_stack: StackId(stacks.0),
                    user_stack,
                    since_ns: time_ns,
                    woken_ns: woken.then_some(time_ns + 5),
                });
            }
            // At the end, as the maps are read.
            Step::Look => {}
            Step::Name { user_of, stack, depth } => {
                let id = match user_of {
                    Some(process) => self.user_stack(any(process), stack),
                    None => StackId(stack),
                };
                if id >= StackId::FIRST {
                    batch.stacks.push(named(id, depth));
                }
            }
            Step::Lose { probe, count } => {
                self.health.probes[probe].events += count;
                self.health.probes[probe].ring_full += count;
            }
            Step::Pass { ms } => self.now_ns += ms * 1_000_000,
        }
    }
}

/// Kernel stacks have lower ids than this.
const USER_STACKS: u32 = 16;

impl Machine {
    /// The id of a user stack of a process. None is known of who is not known.
    fn user_stack(&self, pid: u32, stack: u32) -> StackId {
        match self.serials.get(&pid) {
            _ if stack < StackId::FIRST.0 => StackId(stack),
            Some(serial) => StackId(USER_STACKS * (serial + 1) + stack),
            None => StackId::NONE,
        }
    }
}

fn seen(pid: u32, parent: u32, comm: &str) -> ProcessEvent {
    let start_ns = START - u64::from(100 - pid) * 1_000;
    let (comm, cmdline) = (comm.to_owned(), format!("/bin/{comm}"));
    ProcessEvent::Seen(ProcessSeen { pid, parent, start_ns, comm, cmdline, ancestors: Vec::new() })
}

fn called(pid: u32, nr: u32, calls: u32, errno: Option<u32>, each_ns: u64) -> SyscallDelta {
    let mut histogram = [0; BUCKETS];
    histogram[hist::bucket(each_ns)] = calls;
    let calls = u64::from(calls);
    SyscallDelta {
        pid,
        nr,
        calls,
        errors: u64::from(errno.is_some()),
        total_ns: calls * each_ns,
        hist: histogram,
        errnos: errno.map(|errno| (errno, 1)).into_iter().collect(),
    }
}

fn opened(pid: u32, at_ns: u64, path: &str, result: Result<u32, u32>, marks: u8) -> OpenEvent {
    OpenEvent {
        time_ns: at_ns,
        duration_ns: 900,
        pid,
        tid: pid + 1,
        comm: "sh".to_owned(),
        path: OpenPath {
            text: path.to_owned(),
            unresolved: marks & 1 != 0,
            cut: marks & 2 != 0,
            unreadable: marks & 4 != 0,
        },
        flags: 0o2_000_000,
        mode: 0o644,
        result,
    }
}

fn named(id: StackId, depth: usize) -> Arc<ResolvedStack> {
    let stack = id.0;
    let frame = |level: usize| {
        let resolved = !(stack as usize + level).is_multiple_of(5);
        Arc::new(Frame {
            kind: if level == 0 { FrameKind::Kernel } else { FrameKind::User },
            name: format!("f{}", (stack as usize + level) % 6),
            module: Some("/bin/sh".into()),
            build_id: level.is_multiple_of(2).then(|| "00ff".into()),
            offset: level as u64 * 16,
            file: resolved.then(|| "src/sh.c".into()),
            line: resolved.then_some(7),
            inlined: level == 1,
            resolved,
        })
    };
    Arc::new(ResolvedStack { id, frames: (0..depth).map(frame).collect() })
}
