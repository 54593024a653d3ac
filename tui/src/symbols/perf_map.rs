//! Names of code made at run time, as JITs write them to `/tmp/perf-PID.map`.
//!
//! blazesym reads these files too, but refuses a whole file for one line it cannot read. A file that
//! is being written to mostly ends in half a line, and rereading all of it whenever it grew is work
//! that grows with it; so they are read here, only what is new.

use super::files::{open_regular_in, root_of};
use super::frames::clipped;
use nix::fcntl::OFlag;
use procfs::process::Process;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Least time between two looks at the file.
const PAUSE: Duration = Duration::from_millis(500);
/// Bytes read at one look; what is left is read at the next.
const MAX_READ: u64 = 16 << 20;
/// Functions kept of one process; further ones stay without a name.
const MAX_FUNCTIONS: usize = 400_000;
/// Bytes of their names kept of one process; likewise.
const MAX_NAMES: usize = 64 << 20;

/// Files held open at once, to be read to their end when their process is gone; others are read as far
/// as they were when a stack of the process was last looked up.
const MAX_OPEN: usize = 64;

/// Files that are held open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One of them.
#[derive(Debug)]
struct Open(File);

impl Open {
    fn new(file: File) -> Option<Self> {
        let room = |open: usize| (open < MAX_OPEN).then_some(open + 1);
        OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        Some(Self(file))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The functions a JIT made known, as far as its file was read.
#[derive(Debug, Default)]
pub(super) struct PerfMap {
    /// By address: size in bytes, and name.
    functions: BTreeMap<u64, (u64, Arc<str>)>,
    /// Bytes of their names.
    names: usize,
    /// The file, for when nothing leads to it any more.
    open: Option<Open>,
    /// Device and inode of the file that was read.
    file: Option<(u64, u64)>,
    /// Bytes of it that were read, whole lines.
    read: u64,
    looked: Option<Instant>,
}

impl PerfMap {
    /// Whether the process writes such a file.
    pub(super) fn exists(&self) -> bool {
        self.file.is_some()
    }

    /// Bytes it takes, about.
    pub(super) fn bytes(&self) -> usize {
        /// Of a function without its name: the entry of the tree, and what a shared text costs.
        const FUNCTION: usize = 64;
        self.names + self.functions.len() * FUNCTION
    }

    /// Name of the function at an address and where it starts. Reads what the file grew by if the
    /// last look was a while ago; nothing that was not found is remembered.
    pub(super) fn find(&mut self, pid: u32, address: u64) -> Option<(Arc<str>, u64)> {
        if self.looked.is_none_or(|at| at.elapsed() >= PAUSE) {
            self.looked = Some(Instant::now());
            // No file, or no process any more: what was read before still holds.
            let _ = self.read_on(pid);
        }
        self.known(address)
    }

    fn known(&self, address: u64) -> Option<(Arc<str>, u64)> {
        let (&start, (size, name)) = self.functions.range(..=address).next_back()?;
        let inside = address - start < *size || address == start;
        inside.then(|| (Arc::clone(name), start))
    }

    /// The file, as it was found when the process was looked at.
    pub(super) fn is_written_to(&mut self, file: File) {
        if self.open.is_none() {
            self.open = Open::new(file);
        }
    }

    fn read_on(&mut self, pid: u32) -> io::Result<()> {
        match open(pid) {
            Ok(file) => {
                self.read_from(&file)?;
                self.open = None;
                self.open = Open::new(file);
                Ok(())
            }
            Err(error) => match self.open.take() {
                Some(open) => {
                    let read = self.read_from(&open.0);
                    self.open = Some(open);
                    read
                }
                None => Err(error),
            },
        }
    }

    pub(super) fn read_from(&mut self, mut file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        let identity = Some((metadata.dev(), metadata.ino()));
        if self.file != identity || metadata.size() < self.read {
            *self = Self {
                open: self.open.take(),
                looked: self.looked,
                file: identity,
                ..Self::default()
            };
        }
        file.seek(SeekFrom::Start(self.read))?;
        let mut new = Vec::new();
        file.take(MAX_READ).read_to_end(&mut new)?;
        self.read += self.take_in(&new) as u64;
        Ok(())
    }

    /// Takes the whole lines in; returns their bytes.
    fn take_in(&mut self, new: &[u8]) -> usize {
        let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in new[..whole].split(|byte| *byte == b'\n') {
            if let Some((start, size, name)) = parse(&String::from_utf8_lossy(line)) {
                self.insert(start, size, name);
            }
        }
        whole
    }

    /// Newer code replaces older code at the same place.
    fn insert(&mut self, start: u64, size: u64, name: &str) {
        let end = start.saturating_add(size.max(1));
        let replaced: Vec<u64> = self.functions.range(start..end).map(|(at, _)| *at).collect();
        for (_, name) in replaced.into_iter().filter_map(|at| self.functions.remove(&at)) {
            self.names -= name.len();
        }
        let name = clipped(name);
        if self.functions.len() < MAX_FUNCTIONS && self.names + name.len() <= MAX_NAMES {
            self.names += name.len();
            self.functions.insert(start, (size, name.into()));
        }
    }
}

/// `START SIZE name`, the numbers in hexadecimal; the name may hold blanks.
fn parse(line: &str) -> Option<(u64, u64, &str)> {
    let mut parts = line.trim_end().splitn(3, ' ');
    let mut number = || {
        let digits = parts.next()?;
        u64::from_str_radix(digits.trim_start_matches("0x"), 16).ok()
    };
    let (start, size) = (number()?, number()?);
    let name = parts.next().filter(|name| !name.is_empty())?;
    Some((start, size, name))
}

/// The file is named by the PID as the process itself sees it, and lies in its own `/tmp`. It is root's or
/// of the user that the process runs as: anybody may put a file of that name there.
///
/// # Errors
///
/// When there is none, or it is somebody else's.
pub(super) fn open(pid: u32) -> io::Result<File> {
    let status = Process::new(pid.cast_signed()).and_then(|process| process.status());
    let status = status.map_err(io::Error::other)?;
    let own_pid = status.nstgid.and_then(|pids| pids.last().copied()).unwrap_or(status.tgid);
    let path = PathBuf::from(format!("/tmp/perf-{own_pid}.map"));
    let file = open_regular_in(&root_of(pid)?, &path, OFlag::O_NOFOLLOW)?;
    let owner = file.metadata()?.uid();
    let is_its_own = owner == 0 || owner == status.euid || owner == status.ruid;
    if is_its_own { Ok(file) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// For `crate::fuzzing`: a perf map that is read in two goes, and looked into.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(first: &[u8], second: &[u8]) {
    let mut map = PerfMap::default();
    let read = map.take_in(first);
    let rest = [&first[read..], second].concat();
    map.take_in(&rest);
    let mut whole = PerfMap::default();
    whole.take_in(&[first, second].concat());
    assert_eq!(map.functions, whole.functions, "read in two goes or in one");
    for (start, (size, _)) in &map.functions {
        for address in [*start, start.saturating_add(*size), start.saturating_sub(1)] {
            let found = map.known(address);
            assert!(found.is_none_or(|(_, start)| start <= address));
        }
        assert!(map.known(*start).is_some());
    }
}
