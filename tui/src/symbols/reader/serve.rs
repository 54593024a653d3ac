//! The reader's side: files are opened and looked into, one request after the other.

use super::confine::{confine, cpu_time, limit_cpu_time};
use super::debug_file::{DebugFile, Roots};
use super::elf::Elf;
use super::found::Found;
use super::layers::Layers;
use super::names::Names;
use super::wire::{self, About, Answer, Ask, Opened, Reply, Request};
use super::{STACK, THREAD_NAME};
use crate::symbols::guard::{guarded, guarded_in_file};
use crate::symbols::symbol::Symbol;
use rustc_hash::FxHashMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// CPU time of an answer for which much memory may have been taken, and freed.
const LONG: Duration = Duration::from_millis(2);

/// `syscope read-symbols`: answers what comes in on standard input, a socket, until that is closed. `relax` is
/// called after an answer that took long: much memory may be free.
///
/// # Errors
///
/// When nobody asks, or the system refuses something.
pub fn read_symbols(parent: u32, relax: fn()) -> io::Result<()> {
    confine(parent)?;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let thread = thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK);
    let served = thread.spawn(move || serve(&socket, limit_cpu_time, relax))?;
    let _ = served.join();
    Ok(())
}

/// Answers until nobody asks any more. `limit` sets the CPU time that an answer may take.
pub(super) fn serve(
    socket: &UnixStream,
    limit: impl Fn(Duration) -> io::Result<()>,
    relax: impl Fn(),
) {
    let mut files = Files::default();
    while let Ok((Request { ask, patience }, file)) = wire::receive(socket) {
        let began = cpu_time();
        if limit(patience).is_err() {
            return;
        }
        let reply = files.answer(ask, file);
        let took = cpu_time().saturating_sub(began);
        if wire::send(socket, &Answer { reply, took }, None).is_err() {
            return;
        }
        if took >= LONG {
            relax();
        }
    }
}

/// Files that are open.
#[derive(Default)]
struct Files {
    open: FxHashMap<u64, Layers>,
    names: Names,
}

impl Files {
    fn answer(&mut self, ask: Ask, file: Option<File>) -> Reply {
        match ask {
            Ask::Open(number, about) => {
                let open = || open(&file?, &about);
                let Some((layers, opened)) = guarded_in_file(open).flatten() else {
                    return Reply::Unreadable;
                };
                self.open.insert(number, layers);
                Reply::Opened(opened)
            }
            Ask::LookUp(places) => {
                let found = places.iter().map(|(number, offset)| self.look_up(*number, *offset));
                let found: Option<Vec<_>> = found.collect();
                found.map_or(Reply::Unreadable, |found| Reply::Found(Found::pack(&found)))
            }
            Ask::Close(number) => {
                self.close(number);
                Reply::Closed
            }
        }
    }

    /// What is at an offset into a file; `None` where the file breaks the reading: it is closed then.
    fn look_up(&mut self, number: u64, offset: u64) -> Option<Option<Symbol>> {
        let layers = self.open.get(&number)?;
        let found = guarded_in_file(|| layers.look_up(offset, &self.names));
        if found.is_none() {
            self.close(number);
        }
        found
    }

    fn close(&mut self, number: u64) {
        let closed = self.open.remove(&number);
        let _ = guarded(move || drop(closed));
    }
}

fn open(file: &File, about: &About) -> Option<(Layers, Opened)> {
    let elf = Elf::inspect(file, about.reads)?;
    let build_id = elf.build_id.clone();
    let roots = Roots::of(about.pid, file, about.reads);
    let fetched = match (&about.fetched, &build_id) {
        (Some(path), Some(id)) => DebugFile::fetched(path, id),
        _ => None,
    };
    let layers = Layers::open(file, elf, Path::new(&*about.module), &roots, fetched, about.reads);
    let has_debug_information = layers.has_debug_information();
    let opened = Opened { bytes: layers.bytes, build_id, has_debug_information };
    Some((layers, opened))
}
