//! A machine with many processes, made by a formula: the same every time, on every machine.

use std::sync::Arc;
use syscope::model::Watched;
use syscope::probes::PROBES;
use syscope::source::{
    Batch, Frame, FrameKind, Health, OffcpuDelta, OpenEvent, OpenPath, ProbeHealth, ProcessEvent,
    ProcessSeen, ProfileDelta, ResolvedStack, StackId, SyscallDelta, WaitState, WaitingNow,
};
use syscope_shared::hist;

/// ns in a second.
const SECOND: u64 = 1_000_000_000;
/// ns between two batches, as by default.
const TICK: u64 = SECOND / 4;
/// When watching begins.
const START: u64 = 10_000 * SECOND;

/// Programs that the processes run.
const PROGRAMS: u32 = 40;
/// Functions of a program.
const FUNCTIONS: u32 = 60;
/// System calls that each process makes, places where it waits, places where it runs.
const CALLS: u32 = 6;
const PLACES: u32 = 3;
/// Stacks of the kernel.
const KERNEL_STACKS: u32 = 200;
/// Of so many processes one does something in a tick.
const BUSY: u32 = 8;
/// Of so many processes one ends in a tick, and another one begins.
const RENEWED: u32 = 1_000;

/// The machine.
pub struct Crowd {
    processes: u32,
    ticks: u64,
    /// By program and number.
    functions: Vec<Arc<Frame>>,
    /// PID of each process.
    pids: Vec<u32>,
    next_pid: u32,
}

impl Crowd {
    /// One on which so many processes live.
    pub fn new(processes: u32) -> Self {
        let functions = (0..PROGRAMS * FUNCTIONS).map(function).collect();
        let pids = (0..processes).map(|index| 100 + index).collect();
        Self { processes, ticks: 0, functions, pids, next_pid: 100 + processes }
    }

    /// What is watched.
    pub fn watched() -> Watched {
        Watched {
            host: "web1".to_owned(),
            arch: "x86_64".to_owned(),
            kernel: "6.18.0-amd64".to_owned(),
            cpus: 64,
            start_ns: START,
            frequency_hz: 99,
            ..Watched::default()
        }
    }

    /// The first batch: every process is found running, and does all that it ever does.
    pub fn first(&mut self) -> Batch {
        let mut batch = self.empty();
        for index in 0..self.processes {
            batch.processes.push(ProcessEvent::Seen(self.seen(index)));
            self.tell_stacks(&mut batch, index);
            self.work(&mut batch, index);
        }
        batch.stacks.extend((0..KERNEL_STACKS).map(kernel_stack));
        batch.waiting = Some((0..self.processes).map(|index| self.waiting(index)).collect());
        batch
    }

    /// The next batch: an eighth of the processes did something, the others wait; some have ended, and
    /// as many begun.
    pub fn next(&mut self) -> Batch {
        let mut batch = self.empty();
        let of_tick =
            |index: u32, of: u32| mix(index.into(), self.ticks).is_multiple_of(u64::from(of));
        let busy: Vec<_> = (0..self.processes).filter(|index| of_tick(*index, BUSY)).collect();
        let renewed: Vec<_> = busy.iter().copied().filter(|i| of_tick(*i, RENEWED)).collect();
        for index in &busy {
            self.work(&mut batch, *index);
        }
        for index in renewed {
            self.renew(&mut batch, index);
        }
        let idle = (0..self.processes).filter(|index| busy.binary_search(index).is_err());
        batch.waiting = Some(idle.map(|index| self.waiting(index)).collect());
        batch
    }

    fn empty(&mut self) -> Batch {
        self.ticks += 1;
        let probes = PROBES.iter();
        let probes = probes.map(|probe| ProbeHealth { name: probe.name, ..ProbeHealth::default() });
        Batch {
            time_ns: START + self.ticks * TICK,
            window_ns: TICK,
            health: Health { probes: probes.collect(), ..Health::default() },
            ..Batch::default()
        }
    }

    fn seen(&self, index: u32) -> ProcessSeen {
        let program = index % PROGRAMS;
        ProcessSeen {
            pid: self.pids[index as usize],
            parent: 1,
            start_ns: START - 1_000 * SECOND + u64::from(index),
            comm: comm(index),
            cmdline: format!(
                "/usr/bin/program-{program} --worker {index} --config /etc/p{program}"
            ),
            ..ProcessSeen::default()
        }
    }

    /// A process ends, and another one takes its place.
    fn renew(&mut self, batch: &mut Batch, index: u32) {
        let (time_ns, old) = (batch.time_ns - 1_000, self.pids[index as usize]);
        let (pid, comm) = (self.next_pid, comm(index));
        self.next_pid += 1;
        self.pids[index as usize] = pid;
        let cmdline = self.seen(index).cmdline;
        batch.processes.extend([
            ProcessEvent::Fork { time_ns, pid, parent: 1, comm: comm.clone() },
            ProcessEvent::Exec { time_ns, pid, comm, cmdline },
            ProcessEvent::Exit { time_ns, pid: old },
        ]);
        self.tell_stacks(batch, index);
    }

    /// The stacks of a process. They have a name of their own for each PID.
    fn tell_stacks(&self, batch: &mut Batch, index: u32) {
        let pid = self.pids[index as usize];
        batch.stacks.extend((0..PLACES).map(|place| {
            let depth = 8 + mix(index.into(), place.into()) % 24;
            // Deeper functions differ more from process to process.
            let kind =
                |level: u64| mix(level / 6, mix(index.into(), place.into()) % (1 + level / 3));
            let number = |level| level as u32 * 2 % FUNCTIONS + (kind(level) % 7) as u32;
            let first = index % PROGRAMS * FUNCTIONS;
            let frame = |level| &self.functions[(first + number(level) % FUNCTIONS) as usize];
            let frames = (0..depth).rev().map(|level| Arc::clone(frame(level))).collect();
            Arc::new(ResolvedStack { id: user_stack(pid, place), frames })
        }));
    }

    /// What a process does in a tick.
    fn work(&self, batch: &mut Batch, index: u32) {
        let pid = self.pids[index as usize];
        let chance = mix(index.into(), self.ticks);
        batch.syscalls.extend((0..CALLS).map(|nr| calls(pid, nr + index % 5 * 10, chance >> nr)));
        batch.opens.push(open(pid, index, batch.time_ns - chance % TICK, chance));
        let place = (chance % u64::from(PLACES)) as u32;
        for (state, place) in
            [(WaitState::Interruptible, place), (WaitState::Uninterruptible, (place + 1) % PLACES)]
        {
            batch.offcpu.push(OffcpuDelta {
                pid,
                state,
                kernel_stack: kernel_of(index, place),
                user_stack: user_stack(pid, place),
                blocked_ns: chance % 10_000_000,
                runqueue_ns: chance % 70_000,
                waits: 1 + chance % 9,
            });
        }
        batch.profile.push(ProfileDelta {
            pid,
            comm: comm(index),
            kernel_stack: if chance.is_multiple_of(3) {
                kernel_of(index, place)
            } else {
                StackId::NONE
            },
            user_stack: user_stack(pid, place),
            samples: 1 + chance % 3,
        });
    }

    fn waiting(&self, index: u32) -> WaitingNow {
        let pid = self.pids[index as usize];
        let since_ns = START + mix(index.into(), self.ticks / 8) % (self.ticks * TICK);
        WaitingNow {
            pid,
            tid: pid,
            state: WaitState::Interruptible,
            kernel_stack: kernel_of(index, 0),
            user_stack: user_stack(pid, 0),
            since_ns,
            woken_ns: None,
        }
    }
}

fn comm(index: u32) -> String {
    format!("program-{}", index % PROGRAMS)
}

fn user_stack(pid: u32, place: u32) -> StackId {
    StackId(StackId::FIRST.0 + KERNEL_STACKS + pid * PLACES + place)
}

fn kernel_of(index: u32, place: u32) -> StackId {
    StackId(StackId::FIRST.0 + (index + place * 7) % KERNEL_STACKS)
}

fn function(number: u32) -> Arc<Frame> {
    let program = number / FUNCTIONS;
    Arc::new(Frame {
        kind: FrameKind::User,
        module: Some(format!("/usr/bin/program-{program}").into()),
        file: Some(format!("src/part_{}.rs", number % 9).into()),
        line: Some(number % 700),
        ..Frame::note(&format!("program_{program}::part_{}::function_{number}", number % 9))
    })
}

fn kernel_stack(number: u32) -> Arc<ResolvedStack> {
    let names = ["__schedule", "schedule"].map(str::to_owned).into_iter();
    let own = (0..6).rev().map(|level| format!("kernel_{}_{level}", number / (7 - level)));
    let entry = ["do_syscall_64", "entry_SYSCALL_64_after_hwframe"].map(str::to_owned);
    let frame = |name: String| {
        let (kind, module) = (FrameKind::Kernel, Some("[kernel]".into()));
        Arc::new(Frame { kind, module, ..Frame::note(&name) })
    };
    let frames = names.chain(own).chain(entry).map(frame).collect();
    Arc::new(ResolvedStack { id: StackId(StackId::FIRST.0 + number), frames })
}

fn calls(pid: u32, nr: u32, chance: u64) -> SyscallDelta {
    let (calls, each_ns) = (1 + chance % 500, 300 + chance % 90_000);
    let mut hist = [0; hist::BUCKETS];
    hist[hist::bucket(each_ns)] = calls as u32;
    let errors = if chance.is_multiple_of(5) { 1 + calls / 10 } else { 0 };
    let errnos = if errors > 0 { vec![(2, errors)] } else { Vec::new() };
    SyscallDelta { pid, nr, calls, errors, total_ns: calls * each_ns, hist, errnos }
}

fn open(pid: u32, index: u32, time_ns: u64, chance: u64) -> OpenEvent {
    let path = OpenPath {
        text: format!("/var/lib/program-{}/data/{}.db", index % PROGRAMS, chance % 1_000),
        ..OpenPath::default()
    };
    OpenEvent {
        time_ns: time_ns / 1_000 * 1_000,
        duration_ns: 100 * (1 + chance % 90),
        pid,
        tid: pid,
        comm: comm(index),
        path,
        flags: 0,
        mode: 0,
        result: if chance.is_multiple_of(6) { Err(2) } else { Ok((chance % 200) as u32) },
    }
}

/// A number that looks like chance, of two others.
pub fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
