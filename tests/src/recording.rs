//! Recordings, and reports of them.

use crate::binary::syscope;
use crate::report::Report;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with room for a recording.
#[derive(Debug)]
pub struct Room {
    /// The folder.
    pub dir: TempDir,
}

#[expect(clippy::new_without_default, reason = "nothing about a folder is a default")]
impl Room {
    /// An empty one.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("room") }
    }

    /// Where the recording goes.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("x.syscope")
    }

    /// What is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).expect("it is there").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

/// `syscope record -o FILE OPTIONS -- COMMAND`.
pub fn record(file: &Path, options: &[&str], command: &[&str]) -> Command {
    let mut recorder = Command::new(syscope());
    recorder.args(["record", "--budget", "off", "-o"]).arg(file).args(options);
    if !command.is_empty() {
        recorder.arg("--").args(command);
    }
    recorder
}

/// Runs to its end without waiting for anything in between.
pub fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().expect("it starts")
}

/// What it said on standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What `report --from FILE` says.
pub fn report_of(file: &Path, args: &[&str]) -> Report {
    let mut command = Command::new(syscope());
    command.args(["report", "--json", "--from"]).arg(file).args(args);
    let output = run(command);
    assert!(output.status.success(), "{output:?}");
    Report::parse(&output.stdout)
}
