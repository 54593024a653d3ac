//! Programs with debug information, and addresses in them.

use nix::unistd::Pid;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, id};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A program with debug information.
pub struct Program {
    /// What the table calls it.
    pub name: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What has it wait until its standard input ends.
    args: Vec<String>,
}

impl Program {
    /// Compiles one in C++ into a folder, with full debug information; `None` without a compiler.
    pub fn compiled(folder: &Path) -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads/templates.cc");
        let path = folder.join("templates");
        let mut compiler = Command::new("c++");
        compiler.args(["-std=c++17", "-g", "-O2", "-o"]).args([&path, &source]);
        let is_there = compiler.status().is_ok_and(|status| status.success());
        is_there.then_some(Self { name: "C++, `-g -O2`", path, args: Vec::new() })
    }

    /// syscope's own debug build, with tables of lines, if it has been made in this target folder.
    pub fn syscope() -> Option<Self> {
        let own = std::env::current_exe().ok()?;
        let path = own.ancestors().nth(3)?.join("debug/syscope");
        let args = ["read-symbols", "--parent", &id().to_string()].map(str::to_owned).to_vec();
        path.exists().then_some(Self { name: "syscope's debug build", path, args })
    }

    /// Starts it.
    pub fn run(&self) -> Running {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let mut command = Command::new(&self.path);
        command.args(&self.args).stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        let child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.path.display()));
        Running { child, _stdin: ours }
    }

    /// Address, size and place in the file of its code, as `readelf` tells them.
    fn text(&self) -> [u64; 3] {
        let output = Command::new("readelf").arg("-SW").arg(&self.path).output();
        let output = output.expect("binutils are there").stdout;
        let output = String::from_utf8_lossy(&output);
        let line = output.lines().find_map(|line| line.split_once(" .text "));
        let words: Vec<_> = line.expect("a program has code").1.split_whitespace().collect();
        [words[1], words[3], words[2]].map(|word| u64::from_str_radix(word, 16).expect("hex"))
    }

    /// So many addresses, evenly over its code: in the file, and in memory of a process that runs it.
    pub fn addresses(&self, running: &Running, count: u64) -> Vec<Address> {
        let [address, size, offset] = self.text();
        let base = running.mapped_at(&self.path, offset);
        (0..count)
            .map(|number| number * size / count)
            .map(|at| Address { in_file: address + at, in_memory: base + at })
            .collect()
    }
}

/// An address of code.
#[derive(Clone, Copy)]
pub struct Address {
    /// As the file has it.
    pub in_file: u64,
    /// Where a process has it.
    pub in_memory: u64,
}

/// A process. It ends when this is dropped.
pub struct Running {
    child: Child,
    _stdin: UnixStream,
}

impl Running {
    /// Its PID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it has what is at this offset into its program, as soon as that is mapped.
    fn mapped_at(&self, path: &Path, offset: u64) -> u64 {
        let path = fs::canonicalize(path).expect("it is there");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid()));
            let maps = maps.expect("it runs");
            let of_program =
                maps.lines().filter(|line| line.ends_with(path.to_str().unwrap_or("?")));
            if let Some(at) = of_program.filter_map(|line| place_in(line, offset)).next() {
                return at;
            }
            sleep(Duration::from_millis(1));
        }
        panic!("{} is not mapped", path.display());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = nix::sys::signal::kill(
            Pid::from_raw(self.pid().cast_signed()),
            nix::sys::signal::SIGKILL,
        );
        let _ = self.child.wait();
    }
}

/// Where a mapping with code has what is at this offset into the file.
fn place_in(line: &str, offset: u64) -> Option<u64> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let is_code = words.next()?.contains('x');
    let hex = |word| u64::from_str_radix(word, 16).ok();
    let (start, end, from) = (hex(start)?, hex(end)?, hex(words.next()?)?);
    (is_code && (from..from + (end - start)).contains(&offset)).then_some(start + offset - from)
}
