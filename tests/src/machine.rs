//! The machine the tests run on: whether it lets them, and one test at a time.

use aya::programs::ProgramType;
use std::env;
use std::fs::File;
use std::io::{Write, stderr};

/// The whole machine, for one test. Others wait until it is dropped.
///
/// Live tests count what the kernel does, on few CPUs; two at once would disturb each other.
#[derive(Debug)]
pub struct Machine {
    _lock: File,
}

/// The machine, or `return` from the test with a visible note if it does not run BPF programs.
#[macro_export]
macro_rules! require_bpf {
    () => {
        match $crate::machine::acquire() {
            Some(machine) => machine,
            None => return,
        }
    };
}

/// See [`require_bpf!`].
pub fn acquire() -> Option<Machine> {
    if let Err(reason) = bpf_runs() {
        skip(&reason);
        return None;
    }
    Some(Machine { _lock: lock() })
}

/// Says, past the capture of the test harness, that a test did not run and why.
///
/// # Panics
///
/// In CI as root: there every live test must run.
pub fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let in_ci = env::var("CI").is_ok_and(|value| value == "true");
    assert!(!(in_ci && is_root()), "{test} must run here, but: {reason}");
    not_tried(reason);
}

/// Says that a test was not run, for it needs what no package of the distribution has.
pub fn not_tried(reason: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    let _ = writeln!(stderr(), "SKIPPED {test}: {reason}");
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn bpf_runs() -> Result<(), String> {
    if !is_root() {
        return Err("needs root to load BPF programs".to_owned());
    }
    match aya::sys::is_program_supported(ProgramType::RawTracePoint) {
        Ok(true) => Ok(()),
        Ok(false) => Err("this kernel knows no raw tracepoint programs".to_owned()),
        Err(error) => Err(format!("this machine loads no BPF programs: {error}")),
    }
}

fn lock() -> File {
    let path = env::temp_dir().join("syscope-live-tests.lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.lock().expect("a lock on a file of one's own");
    file
}
