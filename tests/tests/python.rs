//! Python programs: nearly every sample shows the chain of Python functions that the program is known to
//! have, in order, with the lines that they run, among the native frames that run them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use syscope_tests::machine::{not_tried, skip};
use syscope_tests::require_bpf;
use syscope_tests::schema::Frame;
use syscope_tests::watch::Watch;
use syscope_tests::workload::Workload;

/// How long the program is there before it begins: the unwind tables of the interpreter and its libraries
/// are made meanwhile.
const BEFORE: Duration = Duration::from_secs(6);
/// What the interpreter puts between a thread's start and its function.
const IN_THREAD: [&str; 3] = ["Thread.run", "Thread._bootstrap_inner", "Thread._bootstrap"];
/// Functions of one stack that are kept.
const KEPT: usize = 255;

/// Stands behind them, where there are more.
const MORE: &str = "[more Python functions than are kept]";

/// Chains of functions, innermost first, without `spin` and `main`.
const CHAINS: [(&str, &[&str]); 6] = [
    ("calls", &["inner", "outer"]),
    ("a generator", &["produce", "consume"]),
    ("through C", &["key", "order"]),
    ("a class", &["Thing.__init__", "construct"]),
    ("a closure", &["local.<locals>.nested", "local"]),
    ("recursion", &["descend", "shallow"]),
];

#[test]
fn python_3_11_of_the_system() {
    shows_its_chains("/usr/bin/python3.11", "3.11");
}

#[test]
fn python_3_11() {
    shows_its_chains("python3.11", "3.11");
}

#[test]
fn python_3_12() {
    shows_its_chains("python3.12", "3.12");
}

#[test]
fn python_3_13() {
    shows_its_chains("python3.13", "3.13");
}

fn shows_its_chains(interpreter: &str, series: &str) {
    let _machine = require_bpf!();
    let Some(interpreter) = executable(interpreter, series) else {
        let reason = format!("there is no Python {series} at {interpreter}");
        // What the distribution has can be installed; others are tried where there are some.
        let can_be_had = interpreter.starts_with('/');
        return if can_be_had { skip(&reason) } else { not_tried(&reason) };
    };
    let source = Source::read();
    let mut shown: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut all, mut others) = (0, Vec::new());
    for (samples, frames) in stacks_of(&interpreter, &source.path) {
        // On a busy machine a look whether it is to begin may be met by many samples.
        if source.waits(&frames) {
            continue;
        }
        all += samples;
        match source.chain(&frames) {
            Ok(chain) => *shown.entry(chain).or_default() += samples,
            Err(why) => others.push((samples, why, frames)),
        }
    }
    let counted: u64 = shown.values().sum();
    let others: Vec<String> = others.iter().take(5).map(|(n, why, f)| tell(*n, why, f)).collect();
    assert!(all > 300, "5 s at 99 Hz are more samples than {all}");
    assert!(counted * 100 >= all * 95, "{counted} of {all}: {shown:?}, not {others:#?}");
    let names = CHAINS.iter().map(|(name, _)| *name).chain(["a thread", "deep recursion"]);
    for name in names {
        assert!(shown.contains_key(name), "no sample shows {name}: {shown:?}, but {others:#?}");
    }
}

/// A program that runs this series of CPython; what is on the path may be a script that starts it.
fn executable(interpreter: &str, series: &str) -> Option<PathBuf> {
    let tell = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)";
    let said = Command::new(interpreter).args(["-c", tell]).output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (version, path) = said.trim_end().split_once(' ')?;
    (version == series).then(|| path.into())
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads/python/chain.py")
}

/// The stacks of the program while it works: samples, and user frames, leaf first.
fn stacks_of(interpreter: &Path, script: &Path) -> Vec<(u64, Vec<Frame>)> {
    let script = script.to_str().expect("plain text");
    let mut workload = Workload::start_program(interpreter, &[script, "5"]);
    let pid = workload.pid;
    let mut watch = Watch::report(16, &["-p", &pid.to_string()]);
    std::thread::sleep(BEFORE);
    workload.go();
    workload.done();
    assert!(watch.runs(), "the program outlasted the watching");
    let report = watch.into_report();
    let stacks = report.profile(pid).filter(|stack| !stack.user.is_empty());
    stacks.map(|stack| (stack.samples, stack.user.clone())).collect()
}

/// The program, by lines.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn read() -> Self {
        let path = script();
        let text = std::fs::read_to_string(&path).expect("it is in this folder");
        Self { path, text }
    }

    /// The lines that end so, from 1.
    fn lines(&self, mark: &str) -> Vec<u32> {
        let mark = format!("  # {mark}");
        let lines = self.text.lines().zip(1..).filter(|(line, _)| line.ends_with(&mark));
        lines.map(|(_, number)| number).collect()
    }

    /// The functions of Python among these frames.
    fn functions<'a>(&self, frames: &'a [Frame]) -> Vec<&'a Frame> {
        let path = self.path.to_str();
        let of_python = |frame: &&Frame| {
            frame.module.as_deref() == path || IN_THREAD.contains(&frame.name.as_str())
        };
        frames.iter().filter(of_python).collect()
    }

    /// Whether the program has not begun.
    fn waits(&self, frames: &[Frame]) -> bool {
        let [main, module] = self.functions(frames)[..] else { return false };
        let waits = main.line.is_some_and(|line| self.lines("waits").contains(&line));
        (main.name.as_str(), module.name.as_str()) == ("main", "<module>") && waits
    }

    /// Which of the chains this is, or what is wrong with it.
    fn chain(&self, frames: &[Frame]) -> Result<&'static str, String> {
        let functions = self.functions(frames);
        self.check_lines(&functions)?;
        let names: Vec<&str> = functions.iter().map(|frame| frame.name.as_str()).collect();
        let found = named(&names).ok_or(format!("no chain: {names:?}"))?;
        if frames.iter().any(|frame| frame.name == "_PyEval_EvalFrameDefault") {
            return Err("a run without a place".into());
        }
        if found == "deep recursion" {
            let note = frames.iter().position(|frame| frame.name == MORE);
            let native = note.is_some_and(|at| at + 1 < frames.len());
            return native.then_some(found).ok_or("not in its place".into());
        }
        if found == "through C" {
            let place = |name: &str| frames.iter().position(|frame| frame.name == name);
            let (key, order) = (place("key"), place("order"));
            let between = order.zip(key).map_or(0, |(order, key)| order - key - 1);
            if between == 0 {
                return Err("nothing native between sorted and its key".into());
            }
        }
        Ok(found)
    }

    fn check_lines(&self, functions: &[&Frame]) -> Result<(), String> {
        let bounds = [self.lines("begins spin"), self.lines("ends spin")].concat();
        for (index, function) in functions.iter().enumerate() {
            let line = function.line.ok_or(format!("{} has no line", function.name))?;
            let name = function.name.as_str();
            let innermost = index == 1 && name == "descend";
            let right = match name {
                "spin" => (bounds[0]..=bounds[1]).contains(&line),
                "descend" if innermost => self.lines("at descend (last)").contains(&line),
                _ if IN_THREAD.contains(&name) => true,
                _ => self.lines(&format!("at {name}")).contains(&line),
            };
            if !right {
                return Err(format!("{name} in line {line}"));
            }
        }
        Ok(())
    }
}

/// The chain that these functions are, innermost first.
fn named(names: &[&str]) -> Option<&'static str> {
    let inside = names.strip_prefix(&["spin"])?;
    if inside == [&["worker"][..], &IN_THREAD].concat() {
        return Some("a thread");
    }
    if inside.iter().all(|name| *name == "descend") {
        return (names.len() == KEPT).then_some("deep recursion");
    }
    let mut inside = inside.strip_suffix(&["main", "<module>"])?.to_vec();
    let recursion = inside.iter().filter(|name| **name == "descend").count();
    inside.dedup();
    let (name, _) = CHAINS.iter().find(|(_, chain)| inside == *chain)?;
    (recursion == if *name == "recursion" { 21 } else { 0 }).then_some(name)
}

fn tell(samples: u64, why: &str, frames: &[Frame]) -> String {
    let names = frames.iter().map(|frame| frame.name.as_str());
    format!("{samples} × {why}: {}", names.take(40).collect::<Vec<_>>().join(" < "))
}
