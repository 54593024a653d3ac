//! Files with code: which file a mapping is of, and the symbols in it.

use super::address_space::Mapped;
use super::files::Identity;
use super::frames::Module;
use super::held::Held;
use super::reader::{About, Failure, Owner, Reader, Reads};
use super::symbol::Symbol;
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
    /// What the reader calls it.
    number: u64,
    owner: Cell<Owner>,
    reads: Cell<Reads>,
    /// Where it was last seen mapped.
    mapped: Cell<Mapped>,
    held: Arc<Held>,
    /// Of the file, of its debug file, and of what is decompressed.
    bytes: Cell<u64>,
    /// Read when the file is opened first.
    build_id: OnceCell<Option<Arc<str>>>,
    fetched: RefCell<Fetched>,
    state: Cell<State>,
}

/// How far it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unopened,
    Opened { has_debug_information: bool },
    Unreadable,
}

/// What was found at a place in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Looked {
    Found(Symbol),
    /// Nothing is known of it.
    Nothing,
    /// It cannot be looked up at the moment, but later it may.
    NotNow,
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
        self.state.get() == State::Unreadable
    }

    /// What its frames are from.
    pub(super) fn origin(&self) -> Module {
        let build_id = self.build_id.get().cloned().flatten();
        Module { name: Arc::clone(&self.module), build_id }
    }

    fn look_up(&self, offset: u64, reader: &mut Reader) -> Looked {
        while !self.is_unreadable() {
            match self.ask(offset, reader) {
                Ok(found) => return found.map_or(Looked::Nothing, Looked::Found),
                Err(Failure::NotNow) => return Looked::NotNow,
                Err(failure) if self.tries_again(failure) => {}
                Err(_) => break,
            }
        }
        Looked::Nothing
    }

    /// Whether it is open; opens it if it is not.
    fn is_open(&self, reader: &mut Reader) -> bool {
        while !reader.is_open(self.number) {
            match self.open(reader) {
                Err(failure) if !self.tries_again(failure) => return false,
                _ => {}
            }
        }
        true
    }

    fn ask(&self, offset: u64, reader: &mut Reader) -> Result<Option<Symbol>, Failure> {
        if !reader.is_open(self.number) {
            self.open(reader)?;
        }
        reader.look_up(self.number, self.owner.get(), offset)
    }

    fn open(&self, reader: &mut Reader) -> Result<(), Failure> {
        let path = Path::new(&*self.module);
        let ways = self.mapped.get().ways(path);
        let file = self.held.hold(&self.identity, path, ways.iter().map(PathBuf::as_path));
        let file = file.ok_or(Failure::Unreadable)?;
        self.owner.set(Owner::of(&file));
        let fetched = match &*self.fetched.borrow() {
            Fetched::Came(path) => Some(path.clone()),
            _ => None,
        };
        let module = Arc::clone(&self.module);
        let about = About { module, pid: self.mapped.get().pid, fetched, reads: self.reads.get() };
        let opened = reader.open(self.number, self.owner.get(), &file, about)?;
        self.build_id.get_or_init(|| opened.build_id);
        self.bytes.set(opened.bytes);
        self.state.set(State::Opened { has_debug_information: opened.has_debug_information });
        Ok(())
    }

    /// What is to be made of a file that could not be looked into; whether there is more to try. Each time
    /// less of it is read, or it is read alone.
    fn tries_again(&self, failure: Failure) -> bool {
        match failure {
            Failure::NotNow => return false,
            // Others may have taken the memory.
            Failure::Ended { alone: false } => return true,
            Failure::Unreadable => self.state.set(State::Unreadable),
            Failure::TooLong | Failure::Ended { alone: true } => match self.reads.get() {
                Reads::Everything => self.reads.set(Reads::Tables),
                Reads::Tables => self.state.set(State::Unreadable),
            },
        }
        tracing::warn!(file = %self.module, ?failure, now = ?self.reads.get(), "less is read of a file");
        !self.is_unreadable()
    }

    /// The build id of a file that is open and has no debug information, if none was asked for. It
    /// counts as asked for from then on.
    pub(super) fn ask_for_debug_file(&self) -> Option<Arc<str>> {
        if !matches!(*self.fetched.borrow(), Fetched::NotAsked) {
            return None;
        }
        let State::Opened { has_debug_information } = self.state.get() else { return None };
        let build_id = self.build_id.get().cloned().flatten();
        let build_id =
            build_id.filter(|_| !has_debug_information && self.reads.get() == Reads::Everything);
        *self.fetched.borrow_mut() =
            if build_id.is_some() { Fetched::Awaited } else { Fetched::Never };
        build_id
    }

    /// Whether a debug file is being fetched for it.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(*self.fetched.borrow(), Fetched::Awaited)
    }

    /// Whether it has to be opened anew.
    fn debug_file_came(&self, path: Option<&Path>, serial: u32) -> bool {
        let came = path.map(|path| Fetched::Came(path.to_owned()));
        let has_come = came.is_some();
        if has_come {
            self.serial.set(serial);
        }
        *self.fetched.borrow_mut() = came.unwrap_or(Fetched::Never);
        has_come
    }
}

/// A file whose symbols are in memory.
#[derive(Debug)]
struct Open {
    number: u64,
    used: Instant,
    binary: Weak<Binary>,
}

/// Every file with code that some snapshot maps.
#[derive(Debug)]
pub(super) struct Binaries {
    known: FxHashMap<(Identity, Arc<str>), (u32, Weak<Binary>)>,
    serials: u32,
    numbers: u64,
    /// Used longest ago first.
    used: VecDeque<Open>,
    pub(super) held: Arc<Held>,
    pub(super) reader: Reader,
}

impl Binaries {
    pub(super) fn new(held: Arc<Held>, reader: Reader) -> Self {
        Self {
            known: FxHashMap::default(),
            serials: 0,
            numbers: 0,
            used: VecDeque::new(),
            held,
            reader,
        }
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
        self.numbers += 1;
        let binary = Rc::new(Binary {
            serial: Cell::new(serial),
            module: Arc::clone(module),
            identity,
            number: self.numbers,
            owner: Cell::new(Owner::User(u32::MAX)),
            reads: Cell::new(Reads::Everything),
            mapped: Cell::new(mapped),
            held: Arc::clone(&self.held),
            bytes: Cell::new(identity.size),
            build_id: OnceCell::new(),
            fetched: RefCell::default(),
            state: Cell::new(State::Unopened),
        });
        self.known.insert(key, (serial, Rc::downgrade(&binary)));
        binary
    }

    /// The debug file of a file was fetched, or is not to be had.
    pub(super) fn debug_file_came(&mut self, binary: &Binary, path: Option<&Path>) {
        self.serials += 1;
        if binary.debug_file_came(path, self.serials) {
            self.reader.close(binary.number);
        }
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

    /// What is at an offset into the file.
    pub(super) fn look_up(&mut self, binary: &Rc<Binary>, offset: u64) -> Looked {
        self.use_file(binary);
        binary.look_up(offset, &mut self.reader)
    }

    /// Opens a file to be looked into: what the reader calls it, and whose it is. Places in several such
    /// files can be asked for together.
    pub(super) fn open(&mut self, binary: &Rc<Binary>) -> Option<(u64, Owner)> {
        if binary.is_unreadable() {
            return None;
        }
        self.use_file(binary);
        binary.is_open(&mut self.reader).then(|| (binary.number, binary.owner.get()))
    }

    /// A file becomes the one that was used last; those that nobody maps any more are closed.
    fn use_file(&mut self, binary: &Rc<Binary>) {
        let reader = &mut self.reader;
        self.used.retain(|open| {
            let is_mapped = open.binary.strong_count() > 0;
            if !is_mapped {
                reader.close(open.number);
            }
            is_mapped && open.number != binary.number
        });
        let (number, used) = (binary.number, Instant::now());
        self.used.push_back(Open { number, used, binary: Rc::downgrade(binary) });
        while self.used.len() > 1
            && (self.used.len() > MAX_OPEN || self.open_bytes() > MAX_OPEN_BYTES)
        {
            self.close_oldest();
        }
    }

    /// Closes files in which nothing was looked up for long, and lets those go that nobody maps.
    pub(super) fn close_unused(&mut self) {
        let mapped = self.known.iter().filter(|(_, (_, binary))| binary.strong_count() > 0);
        let mapped: FxHashSet<Identity> = mapped.map(|((identity, _), _)| *identity).collect();
        self.held.let_go(HELD_UNUSED, |identity| mapped.contains(identity));
        while self.used.front().is_some_and(|open| open.used.elapsed() >= CLOSED_AFTER) {
            self.close_oldest();
        }
    }

    fn close_oldest(&mut self) {
        if let Some(oldest) = self.used.pop_front() {
            self.reader.close(oldest.number);
        }
    }

    fn open_bytes(&self) -> u64 {
        let each = self.used.iter().filter_map(|open| Some(open.binary.upgrade()?.bytes.get()));
        each.fold(0, u64::saturating_add)
    }
}
