//! The keeper, on maps that are none of the kernel's.

mod rules;
mod store;
mod work;

use super::Maps;
use crate::unwind::Words;
use rustc_hash::FxHashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use syscope_shared::python::Layout;
use syscope_shared::unwind::{Process, RULES_MAX, Rule, SEGMENTS_MAX, Segment};

/// What was written.
#[derive(Debug, Default)]
struct Written {
    segments: Vec<Segment>,
    processes: FxHashMap<u32, Process>,
    rests: u32,
}

/// Maps in our own memory.
struct Memory {
    words: Vec<u32>,
    rules: Vec<Rule>,
    written: Arc<Mutex<Written>>,
}

impl Memory {
    /// Maps with room for so many words, and what is written of processes.
    fn new(words: usize) -> (Self, Arc<Mutex<Written>>) {
        let segments = vec![Segment::default(); 4 * SEGMENTS_MAX as usize];
        let written = Arc::new(Mutex::new(Written { segments, ..Written::default() }));
        let rules = vec![Rule::NO_DATA; RULES_MAX as usize];
        (Self { words: vec![0; words], rules, written: Arc::clone(&written) }, written)
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().expect("nobody panicked")
    }
}

impl Words for Memory {
    fn word(&self, index: usize) -> Option<u32> {
        self.words.get(index).copied()
    }
}

impl Maps for Memory {
    fn words(&self) -> usize {
        self.words.len()
    }

    fn segments(&self) -> usize {
        self.written().segments.len()
    }

    fn write_words(&mut self, index: u32, words: &[u32]) -> io::Result<()> {
        self.words[index as usize..][..words.len()].copy_from_slice(words);
        Ok(())
    }

    fn write_rules(&mut self, index: u32, rules: &[Rule]) -> io::Result<()> {
        self.rules[index as usize..][..rules.len()].copy_from_slice(rules);
        Ok(())
    }

    fn write_segments(&mut self, index: u32, segments: &[Segment]) -> io::Result<()> {
        self.written().segments[index as usize..][..segments.len()].copy_from_slice(segments);
        Ok(())
    }

    fn rest(&mut self) {
        self.written().rests += 1;
    }

    fn write_python(&mut self, _: u32, _: &Layout) -> io::Result<()> {
        Ok(())
    }

    fn publish(&mut self, pid: u32, process: &Process) -> io::Result<()> {
        self.written().processes.insert(pid, *process);
        Ok(())
    }

    fn withdraw(&mut self, pid: u32) -> io::Result<()> {
        self.written().processes.remove(&pid);
        Ok(())
    }
}
