//! Look-ups in real processes: this one, and programs of the system.

mod bounds;
mod build_ids;
mod debug_files;
mod debuginfod;
mod hostile;
mod hosts;
mod kernels;
mod meetings;
mod namespaces;
mod perf_maps;
mod processes;
mod programs;

use super::{Debuginfod, ReaderKind, Request, Space, Worker};
use crate::source::{Frame, ResolvedStack, StackEnd, StackId};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a file does that the parser stumbles over.
pub(crate) fn panic_in_a_look_up() {
    assert_eq!(super::guard::guarded(|| -> u32 { panic!("expected by the test") }), None);
}

/// A worker and the ids it was asked for.
struct Asker {
    worker: Worker,
    next: u32,
    /// How what is asked for ended.
    end: StackEnd,
}

impl Asker {
    fn new() -> Self {
        Self::fetching(None)
    }

    fn fetching(debuginfod: Option<Debuginfod>) -> Self {
        Self {
            worker: Worker::start(debuginfod, crate::kernel::newest_program, ReaderKind::Thread)
                .unwrap(),
            next: StackId::FIRST.0,
            end: StackEnd::Complete,
        }
    }

    fn request(&mut self, space: Space, addresses: &[u64]) -> StackId {
        let id = StackId(self.next);
        self.next += 1;
        self.worker.request(vec![Request {
            id,
            space,
            addresses: addresses.to_vec(),
            end: self.end,
            python: Arc::default(),
        }]);
        id
    }

    fn ask(&mut self, space: Space, addresses: &[u64]) -> Vec<Arc<Frame>> {
        let id = self.request(space, addresses);
        let stacks = self.wait();
        stacks.iter().rfind(|stack| stack.id == id).unwrap().frames.clone()
    }

    /// The frames of one address of a process.
    fn user(&mut self, pid: u32, address: u64) -> Vec<Arc<Frame>> {
        self.ask(Space::User { pid }, &[address])
    }

    /// Everything that was asked for.
    fn wait(&mut self) -> Vec<Arc<ResolvedStack>> {
        wait_until("the worker is done", || self.worker.pending() == 0);
        self.worker.finished()
    }
}

fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < Duration::from_secs(60), "not reached: {what}");
        sleep(Duration::from_millis(5));
    }
}

fn names(frames: &[Arc<Frame>]) -> Vec<&str> {
    frames.iter().map(|frame| &*frame.name).collect()
}
