//! Samples whose stack is walked here, for its tables were not ready when it was taken.

use super::Maps;
use super::spaces::Spaces;
use crate::source::{StackEnd, StackId};
use crate::unwind::Walker;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use syscope_shared::unwind::{COPY_MAX, Registers, Rule};

/// How long one waits for its tables.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many wait at most: 32 MiB. Beyond, those that came first are walked with what there is.
const WAITING_MAX: usize = 2 * 1024;

/// A sample with a copy of the top of its user stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackCopy {
    /// PID.
    pub pid: u32,
    /// Which of its programs it ran (see [`syscope_shared::offcpu::Key::exec_id`]).
    pub exec_id: u32,
    /// Name of the thread. Bytes that are no UTF-8 arrive escaped as `\xNN`.
    pub comm: String,
    /// Kernel stack of the sample.
    pub kernel_stack: StackId,
    /// Registers of the leaf.
    pub registers: Registers,
    /// The other registers of the leaf, by their numbers in DWARF.
    pub leaf: [u64; 16],
    /// The stack, from the stack pointer on.
    pub stack: Box<[u8]>,
}

/// One that was walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The sample.
    pub copy: StackCopy,
    /// Leaf first: the instruction pointer, then return addresses.
    pub addresses: Vec<u64>,
    /// How the walk ended.
    pub end: StackEnd,
    /// Its process runs a Python whose functions are known; they are not among these.
    pub is_python: bool,
}

/// Those that wait for tables.
#[derive(Debug, Default)]
pub struct Copies(VecDeque<(Instant, Box<StackCopy>)>);

impl Copies {
    /// Takes one in.
    pub fn push(&mut self, copy: Box<StackCopy>) {
        self.0.push_back((Instant::now(), copy));
    }

    /// Whether any waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Walks those whose tables are ready, and those that cannot wait.
    pub fn walk(&mut self, spaces: &Spaces, words: &dyn Maps, rules: &[Rule]) -> Vec<Walked> {
        let excess = self.0.len().saturating_sub(WAITING_MAX);
        let (mut done, mut waiting) = (Vec::new(), VecDeque::new());
        for (index, (since, copy)) in self.0.drain(..).enumerate() {
            let ready = spaces.is_ready(copy.pid, copy.exec_id);
            if ready || index < excess || since.elapsed() >= PATIENCE {
                done.push(walk(copy, spaces, words, rules));
            } else {
                waiting.push_back((since, copy));
            }
        }
        self.0 = waiting;
        done
    }
}

fn walk(copy: Box<StackCopy>, spaces: &Spaces, words: &dyn Maps, rules: &[Rule]) -> Walked {
    let segments = spaces.segments(copy.pid, copy.exec_id);
    let read = |address: u64| {
        let at = usize::try_from(address.checked_sub(copy.registers.sp)?).ok()?;
        let word = copy.stack.get(at..at.checked_add(8)?)?;
        Some(u64::from_le_bytes(word.try_into().ok()?))
    };
    let walker = Walker { segments: segments.unwrap_or_default(), words, rules };
    let leaf = |number: u32| copy.leaf.get(number as usize).copied();
    let (addresses, end) = walker.walk(copy.registers, leaf, read);
    let end = match (segments, StackEnd::ALL[end as usize]) {
        // Nothing is known of the process: it ended before it was looked at.
        (None, StackEnd::NoUnwindData) => StackEnd::NotReady,
        // It is deeper than what was copied of it because its tables were not ready.
        (_, StackEnd::Unreadable) if copy.stack.len() >= COPY_MAX => StackEnd::NotReady,
        (_, end) => end,
    };
    let is_python = spaces.is_python(copy.pid, copy.exec_id);
    Walked { copy: *copy, addresses, end, is_python }
}
