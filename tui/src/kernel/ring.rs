//! A ring buffer (`BPF_MAP_TYPE_RINGBUF`), of which only the part is mapped that is being read.
//!
//! Rings are large for the moments when much happens at once. What is mapped of one is resident, and counts
//! twice where all of it is: the kernel shows the data two times in a row, so that what goes over the end of
//! it reads like everything else.

use super::map;
use super::mapping::{Mapping, page_size};
use aya::Ebpf;
use aya::maps::{Map, MapData};
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};

/// Bytes that are mapped at once where so much is to be read, and where little is: moving on takes some µs.
const WINDOW_MAX: usize = 128 * 1024;
const WINDOW_MIN: usize = 16 * 1024;
/// Bytes in front of each event: its length, with two bits of state, and a word of the kernel's own.
const HEADER: usize = aya_obj::generated::BPF_RINGBUF_HDR_SZ as usize;
const BUSY: u32 = aya_obj::generated::BPF_RINGBUF_BUSY_BIT;
const DISCARDED: u32 = aya_obj::generated::BPF_RINGBUF_DISCARD_BIT;

/// Reads a ring, whose only reader it is.
pub struct Ring {
    map: MapData,
    /// How far was read, for the kernel; one page.
    read: Mapping,
    /// How far was written; one page.
    written: Mapping,
    /// Bytes of the ring, a power of two.
    len: usize,
    /// Likewise how far was read: bytes since the beginning.
    at: usize,
    /// Something was read that the kernel may not know of yet.
    is_behind: bool,
    window: Option<Window>,
}

/// A part of the data, and where in the ring it begins.
struct Window {
    begin: usize,
    bytes: Mapping,
}

/// An event of a ring. Its place is free when this is dropped.
pub struct Item<'a> {
    bytes: &'a [u8],
    read: &'a AtomicUsize,
    at: &'a mut usize,
}

impl Ring {
    /// Takes the ring `name`.
    pub fn open(programs: &mut Ebpf, name: &str) -> io::Result<Self> {
        let Map::RingBuf(map) = map::take(programs, name)? else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a map that is no ring"));
        };
        let len = map.info().map_err(io::Error::other)?.max_entries() as usize;
        let (fd, page) = (map.fd().as_fd(), page_size());
        let read = Mapping::new(fd, 0, page, true)?;
        let written = Mapping::new(fd, page, page, false)?;
        let at = position(&read).load(Ordering::Acquire);
        Ok(Self { map, read, written, len, at, is_behind: false, window: None })
    }

    /// The oldest event that was not read; `None` when there is none, or it is still being written.
    pub fn next(&mut self) -> Option<Item<'_>> {
        let len = loop {
            let header = match self.header() {
                Ok(header) => header,
                Err(error) => {
                    // What is not read in time is counted as lost by the programs.
                    tracing::error!(%error, "a ring cannot be mapped");
                    return None;
                }
            };
            match header {
                Some(header) if header & BUSY == 0 => {
                    let len = (header & !DISCARDED) as usize;
                    self.is_behind = true;
                    if header & DISCARDED == 0 {
                        break len;
                    }
                    self.at += taken_by(len);
                    position(&self.read).store(self.at, Ordering::Release);
                }
                // Who writes now either sees how far was read, and wakes the reader, or is seen here.
                _ if self.is_behind => {
                    self.is_behind = false;
                    fence(Ordering::SeqCst);
                }
                _ => return None,
            }
        };
        let start = match self.place(HEADER + len) {
            Ok(start) => start,
            Err(error) => {
                tracing::error!(%error, "a ring cannot be mapped");
                return None;
            }
        };
        // SAFETY: `place` has mapped it; the kernel has written it, and does not touch it again before it is said
        // to be read, which `Item` does when nothing borrows from it any more.
        let bytes = unsafe { std::slice::from_raw_parts(start.add(HEADER), len) };
        Some(Item { bytes, read: position(&self.read), at: &mut self.at })
    }

    /// The word in front of the next event, if there is one.
    fn header(&mut self) -> io::Result<Option<u32>> {
        if position(&self.written).load(Ordering::Acquire) == self.at {
            return Ok(None);
        }
        let start = self.place(HEADER)?;
        // SAFETY: `place` has mapped it, events begin at multiples of eight bytes, and the kernel writes whole
        // words; it has written what comes behind when this does not say `BUSY`.
        let header = unsafe { AtomicU32::from_ptr(start.cast_mut().cast()) };
        Ok(Some(header.load(Ordering::Acquire)))
    }

    /// Where the next `len` bytes are, for which the window moves on if it has to.
    fn place(&mut self, len: usize) -> io::Result<*const u8> {
        let at = self.at & (self.len - 1);
        let is_in = |it: &Window| it.begin <= at && at + len <= it.begin + it.bytes.len();
        let window = match self.window.take().filter(is_in) {
            Some(window) => window,
            None => self.window_for(at, len)?,
        };
        let within = at - window.begin;
        // SAFETY: it is within the window.
        let place = unsafe { window.bytes.start::<u8>().add(within) };
        self.window = Some(window);
        Ok(place)
    }

    /// Maps the data from there on.
    fn window_for(&self, at: usize, len: usize) -> io::Result<Window> {
        let page = page_size();
        let begin = at & !(page - 1);
        let waiting = position(&self.written).load(Ordering::Acquire).wrapping_sub(self.at);
        let wanted = len.max(waiting.clamp(WINDOW_MIN, WINDOW_MAX));
        let bytes = (at - begin + wanted).next_multiple_of(page).min(2 * self.len - begin);
        if at - begin + len > bytes {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "an event longer than its ring",
            ));
        }
        // The data comes behind the two pages of positions.
        let bytes = Mapping::new(self.map.fd().as_fd(), 2 * page + begin, bytes, false)?;
        Ok(Window { begin, bytes })
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.fd().as_fd()
    }
}

impl Deref for Item<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl Drop for Item<'_> {
    fn drop(&mut self) {
        *self.at += taken_by(self.bytes.len());
        self.read.store(*self.at, Ordering::Release);
    }
}

/// Bytes of a ring that an event of this length takes.
fn taken_by(len: usize) -> usize {
    (HEADER + len).next_multiple_of(8)
}

/// The position in the first word of a page.
fn position(page: &Mapping) -> &AtomicUsize {
    // SAFETY: the page is there as long as the mapping; it begins with that word, which the kernel reads and writes
    // as a whole.
    unsafe { AtomicUsize::from_ptr(page.start()) }
}
