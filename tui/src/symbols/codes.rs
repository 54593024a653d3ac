//! Code objects of Python functions, read from the memory of their processes. A thread of its own reads
//! them as soon as a stack is handed over: the one that names stacks may be busy with one file for longer
//! than a process lives.

use super::address_space::{AddressSpace, Region};
use super::bounded::Bounded;
use super::files::Identity;
use super::guard::guarded;
use super::held::Held;
use crate::python::{Code, Found, Function, Image, Memory, Stack};
use object::ReadCache;
use procfs::process::MMapPath;
use rustc_hash::FxHashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

/// Name of the thread.
pub(super) const THREAD_NAME: &str = "symbols-python";
/// Stacks that may wait for the thread; the code objects of others are read when they are named.
pub(super) const MAX_AHEAD: usize = 16_384;

/// Half of the code objects that are kept, of all processes.
const HALF_OF_CODES: usize = 16_384;
/// Bytes that they may take, about. Beyond, all are forgotten and read anew when they are needed: most have
/// a table of lines of some hundred bytes.
const MAX_BYTES: usize = 64 << 20;
/// Half of the processes, and of the files, of which it is known where their Python is.
const HALF_OF_PLACES: usize = 512;

/// A process, the address of a code object, and the line it begins with.
type Key = (u32, u64, u32);

/// A Python in a process, and what is added to the addresses of its file there.
type Place = (Arc<Image>, u64);

/// The code objects that were read; shared by the threads that need them.
#[derive(Debug)]
pub(super) struct Codes {
    known: Mutex<Known>,
    held: Arc<Held>,
}

#[derive(Debug)]
struct Known {
    codes: Bounded<Key, Arc<Code>>,
    /// Bytes of those that were added since all were forgotten.
    bytes: usize,
    places: Bounded<u32, Place>,
    images: Bounded<Identity, Option<Arc<Image>>>,
    /// Processes that something is known of.
    pids: FxHashSet<u32>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            codes: Bounded::new(HALF_OF_CODES),
            bytes: 0,
            places: Bounded::new(HALF_OF_PLACES),
            images: Bounded::new(HALF_OF_PLACES),
            pids: FxHashSet::default(),
        }
    }
}

/// Reads the code objects of stacks until nobody hands one over any more.
pub(super) fn read_ahead(stacks: &Receiver<(u32, Arc<Stack>)>, codes: &Codes) {
    while let Ok((pid, stack)) = stacks.recv() {
        for function in stack.runs.iter().flat_map(|run| &run.functions) {
            codes.find(pid, *function);
        }
    }
}

impl Codes {
    pub(super) fn new(held: &Arc<Held>) -> Self {
        Self { known: Mutex::default(), held: Arc::clone(held) }
    }

    /// What a function of a process is, if it still is, or was when it was first met.
    pub(super) fn find(&self, pid: u32, function: Function) -> Option<Arc<Code>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (pid, function.code, function.first_line);
        if let Some(code) = known.codes.get(&key) {
            return Some(code);
        }
        let code = guarded(|| known.read(key, &self.held)).flatten()?;
        Some(known.insert(key, code))
    }

    /// A process replaced its program or ended.
    pub(super) fn forget(&self, pid: u32) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.pids.remove(&pid) {
            known.codes.retain(|(of, ..)| *of != pid);
            known.places.remove(&pid);
        }
    }

    pub(super) fn forget_all(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Known::default();
    }
}

impl Known {
    fn insert(&mut self, key: Key, code: Code) -> Arc<Code> {
        self.bytes += code.size();
        if self.bytes > MAX_BYTES {
            let bytes = code.size();
            *self = Self { bytes, ..Self::default() };
        }
        let code = Arc::new(code);
        self.pids.insert(key.0);
        self.codes.insert(key, Arc::clone(&code));
        code
    }

    fn read(&mut self, (pid, address, first_line): Key, held: &Held) -> Option<Code> {
        // Opened each time: an open one would lead to the program before an exec.
        let memory = Mem(File::open(format!("/proc/{pid}/mem")).ok()?);
        let (image, bias) = self.place(pid, held)?;
        Code::read(&memory, &image, bias, address, first_line)
    }

    fn place(&mut self, pid: u32, held: &Held) -> Option<Place> {
        if let Some(known) = self.places.get(&pid) {
            return Some(known);
        }
        let space = AddressSpace::read(pid, held).ok()?;
        // The first, as the keeper of the unwind tables takes it.
        let place = space.regions.iter().find_map(|region| self.place_in(region, held))?;
        self.pids.insert(pid);
        self.places.insert(pid, place.clone());
        Some(place)
    }

    fn place_in(&mut self, region: &Region, held: &Held) -> Option<Place> {
        let (identity, mapped) = region.code.as_ref()?;
        let MMapPath::Path(path) = &region.map.pathname else { return None };
        let image = match self.images.get(identity) {
            Some(known) => known,
            None => {
                let ways = mapped.ways(path);
                let found = find(identity, path, &ways, held);
                self.images.insert(*identity, found.clone());
                found
            }
        }?;
        let bias = image.bias(region.map.address.0, region.map.offset)?;
        Some((image, bias))
    }
}

fn find(identity: &Identity, path: &Path, ways: &[PathBuf], held: &Held) -> Option<Arc<Image>> {
    let file = held.hold(identity, path, ways.iter().map(PathBuf::as_path))?;
    match Image::find(&ReadCache::new(&*file)) {
        Found::Python(image) => Some(Arc::new(image)),
        Found::Nothing | Found::Unknown(_) => None,
    }
}

/// `/proc/PID/mem`.
struct Mem(File);

impl Memory for Mem {
    fn read(&self, address: u64, to: &mut [u8]) -> bool {
        self.0.read_exact_at(to, address).is_ok()
    }
}
