//! Loops that do one thing as fast as they can, on one CPU, and say how long it took. They run in a
//! process of their own: this program, started anew.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::{Pid, getppid};
use std::env;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a loop runs, and how long before it is measured.
const MEASURED: Duration = Duration::from_millis(900);
const WARM_UP: Duration = Duration::from_millis(100);
/// How long it takes between two looks at the clock: so short that most are not disturbed.
const BLOCK: Duration = Duration::from_millis(2);

const MARK: &str = "--loop";

/// What a loop does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// `getppid`: a system call that does next to nothing.
    Call,
    /// Hands a byte from one thread to another on the same CPU: one context switch.
    Switch,
    /// The same, of threads whose functions take much of their stacks, as those of servers do.
    DeepSwitch,
    /// Opens and closes a file that is in memory.
    Open,
}

impl Loop {
    fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Switch => "switch",
            Self::DeepSwitch => "deep-switch",
            Self::Open => "open",
        }
    }

    /// The command that runs it.
    pub fn command(self) -> Command {
        let mut command = Command::new(env::current_exe().expect("a process has a program"));
        command.args([MARK, self.name()]).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs it, by `command` or behind another that traces it: ns that one turn takes.
    pub fn run(mut command: Command) -> Option<f64> {
        let output = command.output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    }
}

/// What the child is to print, if these are its arguments.
pub fn as_child(args: &[String]) -> Option<String> {
    let [mark, name] = args else { return None };
    if mark != MARK {
        return None;
    }
    let name = name.clone();
    // In a thread of its own, on whose stack is nothing else.
    let ns = thread::spawn(move || {
        pin_to_last_cpu();
        match name.as_str() {
            "call" => Some(blocks(|| _ = black_box(getppid()))),
            "switch" => Some(ping_pong(|turns| turns())),
            "deep-switch" => Some(ping_pong(deep)),
            "open" => Some(open_and_close()),
            _ => None,
        }
    });
    ns.join().expect("a loop does not panic").map(|ns| ns.to_string())
}

fn open_and_close() -> f64 {
    let path = env::temp_dir().join(format!("syscope-overhead-{}", std::process::id()));
    fs::write(&path, "x").expect("a file can be made");
    let ns = blocks(|| drop(File::open(&path)));
    let _ = fs::remove_file(&path);
    ns
}

/// Runs a turn again and again: the median over blocks of what one takes, in ns. The blocks that an
/// interrupt or another process falls into are the few that are longer.
fn blocks(mut turn: impl FnMut()) -> f64 {
    let mut turns = 1u32;
    let timed = |turns: u32, turn: &mut dyn FnMut()| {
        let began = Instant::now();
        (0..turns).for_each(|_| turn());
        began.elapsed()
    };
    while timed(turns, &mut turn) < BLOCK {
        turns *= 2;
    }
    let (began, mut values) = (Instant::now(), Vec::new());
    while began.elapsed() < WARM_UP + MEASURED {
        let warm = began.elapsed() >= WARM_UP;
        let took = timed(turns, &mut turn);
        if warm {
            values.push(took.as_nanos() as f64 / f64::from(turns));
        }
    }
    super::stats::median(&values)
}

/// Two threads hand a byte to and fro, each within `on_stack`: each turn is two context switches.
fn ping_pong(on_stack: fn(&mut dyn FnMut())) -> f64 {
    let (mut ping_in, mut ping_out) = pipe().expect("a pipe");
    let (mut pong_in, mut pong_out) = pipe().expect("a pipe");
    let other = thread::spawn(move || {
        on_stack(&mut || while take(&mut ping_in) && give(&mut pong_out) {});
    });
    let mut ns = 0.0;
    on_stack(&mut || {
        ns = blocks(|| {
            give(&mut ping_out);
            take(&mut pong_in);
        });
    });
    drop(ping_out);
    other.join().expect("it only reads and writes");
    ns / 2.0
}

/// Calls `turns` from a function that takes 4 KiB of the stack.
#[inline(never)]
fn deep(turns: &mut dyn FnMut()) {
    let room = black_box([0u8; 4096]);
    turns();
    black_box(&room);
}

#[inline(never)]
fn take(from: &mut PipeReader) -> bool {
    from.read_exact(&mut [0]).is_ok()
}

#[inline(never)]
fn give(to: &mut PipeWriter) -> bool {
    to.write_all(&[1]).is_ok()
}

fn pin_to_last_cpu() {
    let cpus = thread::available_parallelism().map_or(1, |cpus| cpus.get());
    let mut set = CpuSet::new();
    set.set(cpus - 1).expect("a CPU of this machine");
    sched_setaffinity(Pid::from_raw(0), &set).expect("a process may bind itself");
}
