//! Other tools that tell what is at an address, asked on their standard input.

use super::{Answer, Place};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a tool is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// No code is there: the answer is one function that is not known. (Of 0, debug information may tell of
/// functions that the linker left out.)
const NOWHERE: u64 = 0xffff_ffff_ffff_f000;

/// Whether a tool is there.
pub fn is_there(tool: &str) -> bool {
    let mut command = Command::new(tool);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A tool that runs. It ends when this is dropped.
pub struct Tool {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Tool {
    /// Starts one that takes the options of `addr2line`, and tells of addresses in this file.
    pub fn start(tool: &str, file: &Path) -> Self {
        let mut command = Command::new(tool);
        command.args(["-a", "-f", "-C", "-i", "-e"]).arg(file);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it was there");
        let stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut lines = stdout.lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        Self { stdin: child.stdin.take(), child, lines }
    }

    /// What is at these addresses; `None` when that takes too long.
    pub fn ask(&mut self, addresses: &[u64]) -> Option<Vec<Answer>> {
        let mut stdin = self.stdin.take().expect("it is asked one thing after the other");
        // One more, whose answer says that all others are there.
        let asked = addresses.iter().chain(&[NOWHERE]).map(|address| format!("{address:#x}\n"));
        let asked: String = asked.collect();
        let writer = thread::spawn(move || {
            let _ = stdin.write_all(asked.as_bytes());
            stdin
        });
        let (until, mut answers) = (Instant::now() + PATIENCE, Vec::new());
        let mut function = None;
        // Of the last one, both lines.
        while answers.len() <= addresses.len() || answers.last().is_some_and(Vec::is_empty) {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).ok()?;
            match function.take() {
                _ if line.starts_with("0x") => answers.push(Answer::new()),
                None => function = Some(line),
                Some(name) => answers.last_mut()?.push(place(&name, &line)),
            }
        }
        self.stdin = writer.join().ok();
        answers.pop();
        Some(answers)
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of the two lines that tell of a function: `name`, and `path:line`, maybe with more behind it.
fn place(name: &str, at: &str) -> Place {
    let (file, line) = at.rsplit_once(':').unwrap_or((at, ""));
    let line = line.split(' ').next().and_then(|line| line.parse().ok());
    let file = file.rsplit('/').next().unwrap_or_default().to_owned();
    let line = line.filter(|line| *line > 0 && file != "??");
    Place { named: name != "??", line: line.map(|line| (file, line)) }
}
