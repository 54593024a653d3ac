//! Programs to look into.

use super::wait_until;
use procfs::process::{MMPermissions, MMapPath, MemoryMap, Process};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A process that is killed when the test ends.
pub(super) struct Running(pub(super) Child);

impl Running {
    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(super) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program that does what `sleep` does, and waits until it does it.
pub(super) fn sleeper(program: impl AsRef<OsStr>) -> Running {
    let mut command = Command::new(program);
    command.arg0("sleep").arg("600").stdin(Stdio::null());
    let mut spawned = command.spawn();
    // A test beside this one may just be forking, with a copy of our descriptor of a new program
    // that is open for writing: "text file busy", until it has come to its exec.
    while spawned.as_ref().is_err_and(|error| error.kind() == ErrorKind::ExecutableFileBusy) {
        sleep(Duration::from_millis(5));
        spawned = command.spawn();
    }
    let running = Running(spawned.unwrap());
    wait_until_asleep(running.pid());
    running
}

/// Waits until a process has loaded its libraries and sleeps.
pub(super) fn wait_until_asleep(pid: u32) {
    wait_until("the process sleeps", || is_asleep(pid));
}

pub(super) fn is_asleep(pid: u32) -> bool {
    let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    call.split(' ').next() == Some(clock_nanosleep())
}

fn clock_nanosleep() -> &'static str {
    if cfg!(target_arch = "x86_64") { "230" } else { "115" }
}

/// Mappings of a process with code.
pub(super) fn code(pid: u32) -> Vec<MemoryMap> {
    let maps = Process::new(pid.cast_signed()).unwrap().maps().unwrap();
    maps.into_iter().filter(|map| map.perms.contains(MMPermissions::EXECUTE)).collect()
}

/// The mapping with code of the file whose path contains `part`.
pub(super) fn code_of(pid: u32, part: &str) -> MemoryMap {
    let is_it = |map: &MemoryMap| matches!(&map.pathname, MMapPath::Path(path) if path.to_string_lossy().contains(part));
    code(pid).into_iter().find(is_it).unwrap_or_else(|| panic!("{part} not mapped by {pid}"))
}

/// Offset into the C library of this process's `clock_nanosleep`, and the path of that library.
/// Other processes map the same file elsewhere.
pub(super) fn libc_function() -> (u64, String) {
    let map = code_of(std::process::id(), "libc.so");
    let address = libc::clock_nanosleep as *const () as u64;
    assert!((map.address.0..map.address.1).contains(&address), "not in libc: {address:#x}");
    let MMapPath::Path(path) = map.pathname else { unreachable!() };
    (address - map.address.0 + map.offset, path.to_string_lossy().into_owned())
}

/// Where a process has what is at this offset of the C library.
pub(super) fn in_libc_of(pid: u32, offset: u64) -> u64 {
    let map = code_of(pid, "libc.so");
    map.address.0 + offset - map.offset
}

/// Start of the code of the program that a process runs, and its offset into the file.
pub(super) fn start_of_program(pid: u32, part: &str) -> (u64, u64) {
    let map = code_of(pid, part);
    (map.address.0, map.offset)
}

/// The program `sleep`, wherever it is.
pub(super) fn sleep_path() -> &'static Path {
    let found = ["/bin/sleep", "/usr/bin/sleep"].map(Path::new).into_iter().find(|p| p.exists());
    found.expect("no program `sleep` on this machine")
}
