//! What is compared: nothing, empty BPF programs, syscope, and others, each attached for as long as a
//! measurement takes.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use syscope_tests::bpf::held_by;
use syscope_tests::empty::Empty;

/// How long a tool may take until it is attached, and until it has ended.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing more may be attached until all is.
const CALM: Duration = Duration::from_millis(500);

/// How a contender comes into being.
#[derive(Clone, Debug)]
pub enum How {
    /// Nothing is attached.
    Nothing,
    /// Empty programs on these raw tracepoints.
    Empty(&'static [&'static str]),
    /// Programs on these that read the clock, and do nothing else.
    Clock(&'static [&'static str]),
    /// A program that observes the whole machine.
    Beside(Vec<String>),
    /// A program that starts what it observes.
    Around(Vec<String>),
}

/// One of what is compared.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What the table calls it.
    pub name: String,
    /// How it comes into being.
    pub how: How,
}

/// A contender while it is attached. Dropping it ends it.
#[derive(Debug, Default)]
pub struct Attached {
    /// Held for as long as they are to be attached.
    _programs: Vec<Empty>,
    process: Option<Child>,
}

impl Contender {
    /// One that observes the machine.
    pub fn beside(name: &str, command: &[&str]) -> Self {
        Self { name: name.to_owned(), how: How::Beside(owned(command)) }
    }

    /// One that starts what it observes.
    pub fn around(name: &str, command: &[&str]) -> Self {
        Self { name: name.to_owned(), how: How::Around(owned(command)) }
    }

    /// One of empty programs.
    pub fn empty(name: &str, tracepoints: &'static [&'static str]) -> Self {
        Self { name: name.to_owned(), how: How::Empty(tracepoints) }
    }

    /// One of programs that read the clock.
    pub fn clock(name: &str, tracepoints: &'static [&'static str]) -> Self {
        Self { name: name.to_owned(), how: How::Clock(tracepoints) }
    }

    /// None at all.
    pub fn nothing() -> Self {
        Self { name: "nothing".to_owned(), how: How::Nothing }
    }

    /// The program it needs, where that is not on this machine.
    pub fn missing(&self) -> Option<&str> {
        let (How::Beside(command) | How::Around(command)) = &self.how else { return None };
        let program = command.first()?;
        (!has(program)).then_some(program)
    }

    /// Attaches it, and waits until it is.
    ///
    /// # Panics
    ///
    /// When it ends instead, or never attaches anything.
    pub fn attach(&self) -> Attached {
        match &self.how {
            How::Nothing | How::Around(_) => Attached::default(),
            How::Empty(tracepoints) => {
                let attach = |name: &&str| Empty::on(name).expect("root attaches BPF programs");
                Attached { _programs: tracepoints.iter().map(attach).collect(), process: None }
            }
            How::Clock(tracepoints) => {
                let attach = |name: &&str| {
                    Empty::reading_clock_on(name).expect("root attaches BPF programs")
                };
                Attached { _programs: tracepoints.iter().map(attach).collect(), process: None }
            }
            How::Beside(command) => self.start(command),
        }
    }

    fn start(&self, command: &[String]) -> Attached {
        let mut start = Command::new(&command[0]);
        start.args(&command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = start.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let mut attached = Attached { _programs: Vec::new(), process: Some(child) };
        attached.wait_until_calm(&self.name);
        attached
    }

    /// `command`, or what observes it as it starts it.
    pub fn around_command(&self, command: Command) -> Command {
        let How::Around(around) = &self.how else { return command };
        let mut whole = Command::new(&around[0]);
        whole.args(&around[1..]).arg(command.get_program()).args(command.get_args());
        whole.stdin(Stdio::null()).stderr(Stdio::null());
        whole
    }
}

impl Attached {
    /// Time that its BPF programs have run, in ns, where it has any: those of empty ones are held here. The kernel
    /// measures it only while statistics are on.
    pub fn run_time_ns(&self) -> Option<u64> {
        let holder = self.process.as_ref().map_or(std::process::id(), Child::id);
        let (programs, _) = held_by(holder);
        let times = programs.iter().map(|program| program.counts().time_ns);
        (!programs.is_empty()).then(|| times.sum())
    }

    /// What observes is held by descriptors: of links of BPF, and of perf events.
    fn wait_until_calm(&mut self, name: &str) {
        let child = self.process.as_mut().expect("it was just started");
        let (began, mut last, mut since) = (Instant::now(), 0, Instant::now());
        while began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
            if let Some(status) = child.try_wait().expect("it is a child") {
                panic!("{name} ended instead of observing: {status}");
            }
            let now = hooks_of(child.id());
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if last > 0 && since.elapsed() >= CALM {
                return;
            }
        }
        panic!("{name} attached nothing within {PATIENCE:?}");
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let Some(child) = &mut self.process else { return };
        let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGINT);
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn owned(command: &[&str]) -> Vec<String> {
    command.iter().map(|&word| word.to_owned()).collect()
}

/// Whether a program can be found; those for root lie outside an ordinary user's PATH.
pub fn has(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]);
    program.contains('/') || { folders }.any(|f| fs::metadata(format!("{f}/{program}")).is_ok())
}

/// Descriptors of a process by which the kernel runs something for it.
fn hooks_of(pid: u32) -> usize {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    let of_hook = |target: &std::path::PathBuf| {
        let target = target.to_string_lossy();
        ["perf_event", "bpf_link", "bpf-link", "bpf-raw-tracepoint", "raw_tracepoint"]
            .iter()
            .any(|kind| target.contains(kind))
    };
    targets.filter(of_hook).count()
}
