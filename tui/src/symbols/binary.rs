//! Files with code: which file a mapping is of, and the symbols in it.

use super::address_space::Mapped;
use super::debug_file::Roots;
use super::debuginfod;
use super::elf::Elf;
use super::files::Identity;
use super::frames::{Code, Frames, Module, Names};
use super::guard::{guarded, guarded_in_file};
use super::held::Held;
use super::layers::Layers;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Files whose symbols are in memory at once; opening one more closes the one used longest ago.
const MAX_OPEN: usize = 64;
/// Bytes that these files may have together; the last one is open whatever its size. What is kept of
/// a file in memory is less than that.
const MAX_OPEN_BYTES: u64 = 1 << 30;
/// A file is closed when nothing in it was looked up for so long: what was found in it stays cached.
const CLOSED_AFTER: Duration = Duration::from_secs(300);
/// Files that are remembered, mapped or not. Beyond it, those that no snapshot maps are forgotten.
const MAX_KNOWN: usize = 8_192;

/// How long a file is held open that no process maps any more, or that was met and not looked at.
const HELD_UNUSED: Duration = Duration::from_secs(30);

/// A file with code, as long as some snapshot maps it.
#[derive(Debug)]
pub(super) struct Binary {
    /// Stands for this state of this file under this path in the cache of frames.
    pub(super) serial: Cell<u32>,
    /// Path as the process sees it.
    pub(super) module: Arc<str>,
    identity: Identity,
    /// Where it was last seen mapped.
    mapped: Cell<Mapped>,
    held: Arc<Held>,
    /// Of the file, of its debug file, and of what is decompressed.
    bytes: Cell<u64>,
    /// Read when the file is opened first.
    build_id: OnceCell<Option<Arc<str>>>,
    fetched: RefCell<Fetched>,
    state: RefCell<State>,
}

#[derive(Debug)]
enum State {
    Closed,
    Open(Box<Layers>),
    Unreadable,
}

/// The debug file of a file, from a server.
#[derive(Debug, Default)]
enum Fetched {
    #[default]
    NotAsked,
    Awaited,
    Came(PathBuf),
    /// It needs none, or there is none to be had.
    Never,
}

impl Binary {
    /// Whether the file turned out to be none with symbols we can read.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(*self.state.borrow(), State::Unreadable)
    }

    /// What its frames are from.
    pub(super) fn origin(&self) -> Module {
        let build_id = self.build_id.get().cloned().flatten();
        Module { name: Arc::clone(&self.module), build_id }
    }

    /// The frames of the code at an offset into the file; `None` if there is no name for it.
    fn look_up(&self, offset: u64, beyond: u64, names: &mut Names) -> Option<Frames> {
        let mut state = self.state.borrow_mut();
        if matches!(*state, State::Closed) {
            *state = guarded_in_file(|| self.open()).flatten().unwrap_or(State::Unreadable);
        }
        let State::Open(layers) = &*state else { return None };
        let found = guarded_in_file(|| layers.look_up(offset, beyond, &self.origin(), names));
        if found.is_none() {
            tracing::warn!(file = %self.module, "looking up symbols panicked, or the file was cut off; not used any more");
            let broken = std::mem::replace(&mut *state, State::Unreadable);
            let _ = guarded(move || drop(broken));
        }
        found.flatten()
    }

    fn open(&self) -> Option<State> {
        let path = Path::new(&*self.module);
        let ways = self.mapped.get().ways(path);
        let file = self.held.hold(&self.identity, path, ways.iter().map(PathBuf::as_path))?;
        let elf = Elf::inspect(&file)?;
        self.build_id.get_or_init(|| elf.build_id.clone());
        let roots = Roots::of(self.mapped.get().pid, &file);
        let fetched = self.fetched.borrow();
        let fetched = match (&*fetched, &elf.build_id) {
            (Fetched::Came(path), Some(id)) => debuginfod::open_debug_file(path, id),
            _ => None,
        };
        let layers = Layers::open(&file, elf, path, &roots, fetched);
        self.bytes.set(layers.bytes);
        Some(State::Open(Box::new(layers)))
    }

    /// The build id of a file that is open and has no debug information, if none was asked for. It
    /// counts as asked for from then on.
    pub(super) fn ask_for_debug_file(&self) -> Option<Arc<str>> {
        if !matches!(*self.fetched.borrow(), Fetched::NotAsked) {
            return None;
        }
        let State::Open(layers) = &*self.state.borrow() else { return None };
        let build_id = self.build_id.get().cloned().flatten();
        let build_id = build_id.filter(|_| !layers.has_debug_information());
        *self.fetched.borrow_mut() =
            if build_id.is_some() { Fetched::Awaited } else { Fetched::Never };
        build_id
    }

    /// Whether a debug file is being fetched for it.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(*self.fetched.borrow(), Fetched::Awaited)
    }

    fn debug_file_came(&self, path: Option<&Path>, serial: u32) {
        let came = path.map(|path| Fetched::Came(path.to_owned()));
        if came.is_some() {
            self.serial.set(serial);
            self.close();
        }
        *self.fetched.borrow_mut() = came.unwrap_or(Fetched::Never);
    }

    fn close(&self) {
        let mut state = self.state.borrow_mut();
        if matches!(*state, State::Open(_)) {
            *state = State::Closed;
        }
    }
}

/// Every file with code that some snapshot maps.
#[derive(Debug)]
pub(super) struct Binaries {
    known: FxHashMap<(Identity, Arc<str>), (u32, Weak<Binary>)>,
    serials: u32,
    /// Used longest ago first, with the time of their last use.
    open: VecDeque<(Instant, Weak<Binary>)>,
    pub(super) held: Arc<Held>,
}

impl Binaries {
    pub(super) fn new(held: Arc<Held>) -> Self {
        Self { known: FxHashMap::default(), serials: 0, open: VecDeque::new(), held }
    }

    /// The file that is mapped there, shown as `module`.
    pub(super) fn find(
        &mut self,
        identity: Identity,
        mapped: Mapped,
        module: &Arc<str>,
    ) -> Rc<Binary> {
        let key = (identity, Arc::clone(module));
        if let Some(known) = self.known.get(&key).and_then(|(_, binary)| binary.upgrade()) {
            known.mapped.set(mapped);
            return known;
        }
        let serial = self.serial(&key);
        let binary = Rc::new(Binary {
            serial: Cell::new(serial),
            module: Arc::clone(module),
            identity,
            mapped: Cell::new(mapped),
            held: Arc::clone(&self.held),
            bytes: Cell::new(identity.size),
            build_id: OnceCell::new(),
            fetched: RefCell::default(),
            state: RefCell::new(State::Closed),
        });
        self.known.insert(key, (serial, Rc::downgrade(&binary)));
        binary
    }

    /// The debug file of a file was fetched, or is not to be had.
    pub(super) fn debug_file_came(&mut self, binary: &Binary, path: Option<&Path>) {
        self.serials += 1;
        binary.debug_file_came(path, self.serials);
    }

    /// The same serial as before for a file that was known before: its cached frames still hold.
    fn serial(&mut self, key: &(Identity, Arc<str>)) -> u32 {
        if let Some((serial, _)) = self.known.get(key) {
            return *serial;
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.retain(|_, (_, binary)| binary.strong_count() > 0);
        }
        self.serials += 1;
        self.serials
    }

    /// The frames of the code at an offset into the file; `None` if there is no name for it.
    pub(super) fn look_up(
        &mut self,
        binary: &Rc<Binary>,
        offset: u64,
        code: Code,
        names: &mut Names,
    ) -> Option<Frames> {
        self.open.retain(|(_, open)| {
            open.strong_count() > 0 && !std::ptr::eq(open.as_ptr(), Rc::as_ptr(binary))
        });
        self.open.push_back((Instant::now(), Rc::downgrade(binary)));
        while self.open.len() > 1
            && (self.open.len() > MAX_OPEN || self.open_bytes() > MAX_OPEN_BYTES)
        {
            self.close_oldest();
        }
        binary.look_up(offset, code.beyond(), names)
    }

    /// Closes files in which nothing was looked up for long, and lets those go that nobody maps.
    pub(super) fn close_unused(&mut self) {
        let mapped = self.known.iter().filter(|(_, (_, binary))| binary.strong_count() > 0);
        let mapped: FxHashSet<Identity> = mapped.map(|((identity, _), _)| *identity).collect();
        self.held.let_go(HELD_UNUSED, |identity| mapped.contains(identity));
        while self.open.front().is_some_and(|(used, _)| used.elapsed() >= CLOSED_AFTER) {
            self.close_oldest();
        }
    }

    fn close_oldest(&mut self) {
        if let Some(oldest) = self.open.pop_front().and_then(|(_, oldest)| oldest.upgrade()) {
            oldest.close();
        }
    }

    fn open_bytes(&self) -> u64 {
        let each = self.open.iter().filter_map(|(_, open)| Some(open.upgrade()?.bytes.get()));
        each.fold(0, u64::saturating_add)
    }
}
