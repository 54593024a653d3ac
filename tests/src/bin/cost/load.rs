//! The load: pieces of work, each done again and again, all side by side.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use syscope_tests::clock;

/// A piece of work.
#[derive(Clone, Debug)]
pub struct Unit {
    name: String,
    server: Option<u32>,
    command: String,
}

impl Unit {
    /// `NAME[:SERVER_PID]=COMMAND`.
    pub fn parse(text: &str) -> Self {
        let (name, command) = text.split_once('=').expect("NAME=COMMAND");
        let (name, server) = match name.split_once(':') {
            Some((name, pid)) => (name, Some(pid.parse().expect("the PID of a server"))),
            None => (name, None),
        };
        Self { name: name.to_owned(), server, command: command.to_owned() }
    }

    /// Does it once: the CPU time it took.
    fn done(&self) -> Duration {
        let before = self.server.map(clock::spent_by).unwrap_or_default();
        let mut command = Command::new("sh");
        command.args(["-c", &self.command]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let spent = clock::waited(&child.spawn().expect("a shell"));
        spent + self.server.map(clock::spent_by).unwrap_or_default().saturating_sub(before)
    }
}

/// One that was done.
#[derive(Clone, Debug)]
struct Done {
    name: String,
    from: Instant,
    to: Instant,
    spent: Duration,
}

/// The load while it runs. Dropping it ends it, when each piece has been finished.
pub struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<Mutex<Vec<Done>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins.
    pub fn start(units: Vec<Unit>) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let start = |unit: Unit| {
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let from = Instant::now();
                    let (name, spent) = (unit.name.clone(), unit.done());
                    let piece = Done { name, from, to: Instant::now(), spent };
                    done.lock().expect("nobody panics with it").push(piece);
                }
            })
        };
        let threads = units.into_iter().map(start).collect();
        Self { stop, done, threads }
    }

    /// The mean CPU time, in s, of each piece of work that was begun and finished between two moments.
    pub fn between(&self, from: Instant, to: Instant) -> BTreeMap<String, f64> {
        let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        let done = self.done.lock().expect("nobody panics with it");
        for piece in done.iter().filter(|piece| piece.from >= from && piece.to <= to) {
            let (sum, count) = sums.entry(piece.name.clone()).or_default();
            *sum += piece.spent.as_secs_f64();
            *count += 1.0;
        }
        sums.into_iter().map(|(name, (sum, count))| (name, sum / count)).collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
