//! Programs to look into.

use super::wait_until;
use procfs::process::{MMPermissions, MMapPath, MemoryMap, Process};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
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

/// A program of its own, which says where a function is that only its symbol table or its debug
/// information names, and sleeps.
const HIDDEN: &str = r#"
#include <stdio.h>
#include <time.h>

static inline __attribute__((always_inline)) int within(volatile int *number) {
    return *number * 3;
}

static __attribute__((noinline)) int hidden_function(volatile int *number) {
    return within(number) + 1;
}

int main(void) {
    volatile int number = 1;
    printf("%p\n", (void *)hidden_function);
    fflush(stdout);
    struct timespec all_day = {hidden_function(&number) * 20000, 0};
    return nanosleep(&all_day, 0);
}
"#;

/// Compiles it into `folder`; `None`, after a visible note, where there is no C compiler or it knows an
/// option not.
pub(super) fn compile_hidden(folder: &Path, options: &[&str]) -> Option<PathBuf> {
    std::fs::write(folder.join("hidden.c"), HIDDEN).unwrap();
    let mut all = vec!["-O1", "-Wl,--build-id"];
    all.extend(options);
    all.extend(["-o", "hidden", "hidden.c"]);
    run(folder, "cc", &all).then(|| folder.join("hidden"))
}

/// Runs a program in a folder; false, after a visible note, where it is not there or refuses.
pub(super) fn run(folder: &Path, program: &str, arguments: &[&str]) -> bool {
    match Command::new(program).args(arguments).current_dir(folder).output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            eprintln!("SKIPPED: {program}: {}", String::from_utf8_lossy(&output.stderr));
            false
        }
        Err(error) => {
            eprintln!("SKIPPED: {program}: {error}");
            false
        }
    }
}

/// Starts what was compiled; it says where its function is.
pub(super) fn start_hidden(mut command: Command) -> (Running, u64) {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut spawned = command.spawn();
    while spawned.as_ref().is_err_and(|error| error.kind() == ErrorKind::ExecutableFileBusy) {
        sleep(Duration::from_millis(5));
        spawned = command.spawn();
    }
    let mut running = Running(spawned.unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = u64::from_str_radix(line.trim().trim_start_matches("0x"), 16);
    (running, address.unwrap_or_else(|_| panic!("it says where its function is: {line:?}")))
}
