//! A headless run of syscope.

use crate::binary::syscope;
use crate::report::Report;
use crate::workload::{Workload, lines_of};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What syscope prints on standard error once everything is attached begins so.
const WATCHING: &str = "syscope: watching";
/// How long it may take until then.
const PATIENCE: Duration = Duration::from_secs(15);

/// A run of syscope that has begun to watch. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    errors: Receiver<String>,
    said: Vec<String>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit status.
    pub status: ExitStatus,
    /// Everything on standard output.
    pub stdout: Vec<u8>,
    /// Everything on standard error.
    pub stderr: String,
}

impl Watch {
    /// `syscope report --json` for so many seconds; returns when it watches.
    pub fn report(seconds: u32, args: &[&str]) -> Self {
        let seconds = seconds.to_string();
        let mut all = vec!["report", "--json", "--budget", "off", "-d", &seconds];
        all.extend(args);
        Self::start(&all)
    }

    /// `syscope` with these arguments; returns when it watches.
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(syscope());
        command.args(args);
        Self::start_command(command)
    }

    /// Any command that runs syscope; returns when it watches.
    pub fn start_command(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("syscope starts");
        let errors = lines_of(child.stderr.take().expect("it is piped"));
        let mut out = child.stdout.take().expect("it is piped");
        let stdout = thread::spawn(move || {
            let mut all = Vec::new();
            let _ = out.read_to_end(&mut all);
            all
        });
        let mut watch = Self { child, stdout: Some(stdout), errors, said: Vec::new() };
        watch.wait_until_watching();
        watch
    }

    fn wait_until_watching(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.errors.recv_timeout(left) else {
                panic!("syscope never said {WATCHING:?}, but: {:#?}", self.said)
            };
            let watching = line.starts_with(WATCHING);
            self.said.push(line);
            if watching {
                return;
            }
        }
    }

    /// PID of the run.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).expect("it runs");
    }

    /// Whether it has not ended yet.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it is a child").is_none()
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let status = self.child.wait().expect("it is a child");
        let stdout = self.stdout.take().expect("ended once").join().expect("it only reads");
        let mut said = std::mem::take(&mut self.said);
        said.extend(self.errors.iter());
        Ended { status, stdout, stderr: said.join("\n") }
    }

    /// Waits for its end and reads the report.
    pub fn into_report(self) -> Report {
        let ended = self.end();
        assert!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
        Report::parse(&ended.stdout)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was reported of a workload, and the truth about it.
#[derive(Debug)]
pub struct Observed {
    /// The report.
    pub report: Report,
    /// What the workload says it did.
    pub truth: Value,
    /// PID of the workload.
    pub pid: u32,
}

/// Runs a workload from start to end under a report of so many seconds on its PID.
pub fn observe(workload: &[&str], seconds: u32, args: &[&str]) -> Observed {
    observe_workload(Workload::start(workload), seconds, args)
}

/// The same with a workload that is ready.
pub fn observe_workload(mut workload: Workload, seconds: u32, args: &[&str]) -> Observed {
    let pid = workload.pid;
    let pid_text = pid.to_string();
    let mut all = vec!["-p", &pid_text];
    all.extend(args);
    let mut watch = Watch::report(seconds, &all);
    workload.go();
    let truth = workload.done();
    assert!(watch.runs(), "the workload outlasted the {seconds} s of watching: {truth}");
    let report = watch.into_report();
    Observed { report, truth, pid }
}
