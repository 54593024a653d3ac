//! syscope's own way: its worker, with a process that reads the files.

use super::program::{Address, Running};
use super::{Answer, Place};
use std::io::ErrorKind;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;
use syscope::source::{Frame, StackEnd, StackId};
use syscope::symbols::{ReaderKind, Request, Space, Worker};

/// Addresses of a stack.
const DEPTH: usize = 32;

/// Starts a worker.
pub fn start() -> Worker {
    // Nobody asks for addresses of the kernel.
    let newest = |_| Err(ErrorKind::Unsupported.into());
    Worker::start(None, newest, ReaderKind::Process).expect("a process can be started")
}

/// What is at these addresses of a process.
pub fn ask(worker: &mut Worker, process: &Running, addresses: &[Address]) -> Vec<Answer> {
    let request = |(number, addresses): (usize, &[Address])| Request {
        id: StackId(StackId::FIRST.0 + number as u32),
        space: Space::User { pid: process.pid() },
        addresses: addresses.iter().enumerate().map(of_stack).collect(),
        end: StackEnd::Complete,
        python: Arc::default(),
    };
    worker.request(addresses.chunks(DEPTH).enumerate().map(request).collect());
    while worker.pending() > 0 {
        sleep(Duration::from_micros(100));
    }
    let mut stacks = worker.finished();
    stacks.sort_by_key(|stack| stack.id);
    stacks.iter().flat_map(|stack| answers(&stack.frames)).collect()
}

/// Behind the first, a stack has return addresses, which are looked up one byte before.
fn of_stack((number, address): (usize, &Address)) -> u64 {
    address.in_memory + u64::from(number > 0)
}

/// The functions of each address: those that were inlined, and the one that they are in.
fn answers(frames: &[Arc<Frame>]) -> Vec<Answer> {
    let of_address = frames.split_inclusive(|frame| !frame.inlined);
    of_address.map(|frames| frames.iter().map(|frame| place(frame)).collect()).collect()
}

fn place(frame: &Frame) -> Place {
    let file = frame.file.as_deref().and_then(|file| file.rsplit('/').next());
    Place { named: frame.resolved, line: file.map(str::to_owned).zip(frame.line) }
}
