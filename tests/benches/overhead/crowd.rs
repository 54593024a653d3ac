//! What syscope may find on a machine: many processes that do nothing, busy loops, opens without end. Each
//! is this program, started anew, and ends with what started it, however that ends.

#![allow(unsafe_code, reason = "processes are forked here")]

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, Pid, fork, pause, setsid};
use std::fs::File;
use std::hint::black_box;
use std::io::{Read, stdin};
use std::process::{Child, ChildStdout, Command, Stdio, exit};
use std::time::Duration;
use std::{env, thread};

const MARK: &str = "--crowd";
/// What is said when all of it is there.
const READY: u8 = b'\n';

/// What is there for as long as this is.
#[derive(Debug)]
pub struct Crowd(Child);

impl Crowd {
    /// So many processes that do nothing.
    pub fn idle(count: u32) -> Self {
        Self::start("idle", count)
    }

    /// So many loops that only compute.
    pub fn busy(count: u32) -> Self {
        Self::start("busy", count)
    }

    /// A loop that opens a file, and closes it, as fast as it can.
    pub fn opening() -> Self {
        Self::start("opening", 1)
    }

    /// The same, once each ms.
    pub fn opening_calmly() -> Self {
        Self::start("opening-calmly", 1)
    }

    fn start(kind: &str, count: u32) -> Self {
        let mut command = Command::new(env::current_exe().expect("a process has a program"));
        command.args([MARK, kind, &count.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut crowd = Self(command.spawn().expect("this program starts"));
        let stdout: &mut ChildStdout = crowd.0.stdout.as_mut().expect("it is piped");
        stdout.read_exact(&mut [READY]).expect("it says when it is ready");
        crowd
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // It ends when its standard input does.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Does what the arguments say, if they are those of a child: `true` when it is over.
pub fn as_child(args: &[String]) -> bool {
    let [mark, kind, count] = args else { return false };
    if mark != MARK {
        return false;
    }
    let work = match kind.as_str() {
        "idle" => || loop {
            pause();
        },
        "busy" => || loop {
            black_box(0);
        },
        "opening" => || open_again_and_again(Duration::ZERO),
        "opening-calmly" => || open_again_and_again(Duration::from_millis(1)),
        _ => return false,
    };
    // A session of its own, as somebody else's work has: the kernel shares the CPUs out by sessions, and that of
    // the benchmark may have a priority beside which the screen would never run.
    setsid().expect("it leads no process group");
    // No thread but this one: a child may do what it likes.
    let count: u32 = count.parse().expect("a number");
    let children: Vec<Pid> = (0..count).map(|_| forked(work)).collect();
    println!();
    let _ = stdin().read_to_end(&mut Vec::new());
    for child in &children {
        let _ = kill(*child, Signal::SIGKILL);
    }
    for child in children {
        let _ = nix::sys::wait::waitpid(child, None);
    }
    true
}

/// A child of this process, which ends with it.
fn forked(work: fn()) -> Pid {
    let parent = Pid::this();
    // SAFETY: this process has one thread, so that no lock is held by one that the child lacks.
    match unsafe { fork() }.expect("room for a process") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            set_pdeathsig(Signal::SIGKILL).expect("every process may");
            // It may have ended before.
            if Pid::parent() == parent {
                work();
            }
            exit(0)
        }
    }
}

fn open_again_and_again(pause: Duration) {
    loop {
        drop(File::open("/dev/null"));
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
}
