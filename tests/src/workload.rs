//! A workload with known truth, seen from the test.

use crate::binary;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How long a workload may take to do what it does.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running workload. Dropping it ends it.
#[derive(Debug)]
pub struct Workload {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Its PID.
    pub pid: u32,
}

impl Workload {
    /// Starts the workload of this kind and waits until it is ready.
    pub fn start(args: &[&str]) -> Self {
        Self::start_program(&binary::own("workload"), args)
    }

    /// The same, from a program of its own: a copy with another name, or one that was compiled for
    /// the test.
    pub fn start_program(program: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let lines = lines_of(child.stdout.take().expect("it is piped"));
        let stdin = child.stdin.take();
        let mut workload = Self { child, stdin, lines, pid: 0 };
        let ready = workload.line("ready ", PATIENCE);
        workload.pid = ready.parse().expect("a PID");
        workload
    }

    /// Lets it start its work.
    pub fn go(&mut self) {
        let stdin = self.stdin.as_mut().expect("it was not ended yet");
        stdin.write_all(b"go\n").expect("the workload waits for this");
    }

    /// Waits until its work is done: the truth about it.
    pub fn done(&self) -> Value {
        self.done_within(PATIENCE)
    }

    /// The same for work that takes longer.
    pub fn done_within(&self, patience: Duration) -> Value {
        serde_json::from_str(&self.line("done ", patience)).expect("the truth is JSON")
    }

    /// Ends it and waits for its end.
    pub fn end(mut self) {
        self.stdin = None;
        self.child.wait().expect("it is a child");
    }

    fn line(&self, prefix: &str, patience: Duration) -> String {
        let line = self.lines.recv_timeout(patience);
        let line = line.unwrap_or_else(|_| panic!("the workload never said {prefix:?}"));
        let rest = line.strip_prefix(prefix);
        rest.unwrap_or_else(|| panic!("{prefix:?} was due, not {line:?}")).to_owned()
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream as they come, so that one can stop waiting for the next.
pub fn lines_of(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    receive
}
