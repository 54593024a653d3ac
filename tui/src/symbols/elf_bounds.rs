//! How much debug information would take to read: found out before it is read, by what nothing is kept
//! of.

use flate2::bufread::ZlibDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};

/// Bytes of all compressed debug information of a file, decompressed: they are all kept in memory.
const MAX_DECOMPRESSED: u64 = 512 << 20;
/// How many times as long as its file it may be; what compilers write becomes some five times as long.
const MAX_RATIO: u64 = 64;
/// Compilation units, of which each takes memory when the first place is looked up.
const MAX_UNITS: u64 = 200_000;
/// Bytes of one: all of it is parsed when a place in it is looked up.
const MAX_UNIT: u64 = 256 << 20;

/// A part of a file.
pub(super) struct Part<'a>(Take<BufReader<&'a File>>);

impl<'a> Part<'a> {
    pub(super) fn new(file: &'a File, offset: u64, size: u64) -> Self {
        let mut reader = BufReader::new(file);
        // Where that fails, there is nothing to read.
        let size = reader.seek(SeekFrom::Start(offset)).map_or(0, |_| size);
        Self(reader.take(size))
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl BufRead for Part<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

/// Something of which much is skipped.
trait Skip: Read {
    /// Skips that many bytes, or to the end.
    fn skip(&mut self, bytes: u64) -> io::Result<()>;
}

impl Skip for Part<'_> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let bytes = bytes.min(self.0.limit());
        self.0.get_mut().seek_relative(i64::try_from(bytes).map_err(io::Error::other)?)?;
        self.0.set_limit(self.0.limit() - bytes);
        Ok(())
    }
}

/// Something that has to be read to be skipped.
struct Stream<R> {
    source: R,
    read: u64,
}

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}

impl<R: Read> Skip for Stream<R> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        io::copy(&mut self.by_ref().take(bytes), &mut io::sink()).map(drop)
    }
}

/// Bytes that may come out of this many, of at `most` so many.
pub(super) fn unpacked(packed: u64, most: u64) -> u64 {
    packed.saturating_mul(MAX_RATIO).saturating_add(64 << 10).min(most)
}

/// Bytes that all compressed debug information of a file of this length may have, decompressed.
pub(super) fn decompressed(file: u64) -> u64 {
    unpacked(file, MAX_DECOMPRESSED)
}

/// Whether units that are not compressed are few and small enough.
pub(super) fn of_units(units: Part<'_>, size: u64) -> bool {
    are_few_and_small(units, size).unwrap_or(false)
}

/// Whether a compressed section has the size it says, and its units, if it `has_units`, are few and
/// small enough.
pub(super) fn of_packed(part: Part<'_>, is_zstd: bool, size: u64, has_units: bool) -> bool {
    if is_zstd {
        let decoder = zstd::stream::Decoder::with_buffer(part);
        decoder.is_ok_and(|decoder| of_stream(decoder, size, has_units).unwrap_or(false))
    } else {
        of_stream(ZlibDecoder::new(part), size, has_units).unwrap_or(false)
    }
}

fn of_stream(source: impl Read, size: u64, has_units: bool) -> io::Result<bool> {
    // One byte more shows that there is more.
    let mut stream = Stream { source: source.take(size.saturating_add(1)), read: 0 };
    if has_units && !are_few_and_small(&mut stream, size)? {
        return Ok(false);
    }
    stream.skip(u64::MAX)?;
    Ok(stream.read == size)
}

impl<S: Skip> Skip for &mut S {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        (**self).skip(bytes)
    }
}

/// A unit begins with its length in bytes, without the length itself: four bytes, or, behind four of
/// all ones, eight. Its bytes are in the order of this machine, as everything that runs here.
fn are_few_and_small(mut units: impl Skip, size: u64) -> io::Result<bool> {
    let mut left = size;
    for _ in 0..MAX_UNITS {
        if left < 4 {
            return Ok(true);
        }
        let mut short = [0; 4];
        units.read_exact(&mut short)?;
        left -= 4;
        let mut length = u64::from(u32::from_ne_bytes(short));
        if length == u64::from(u32::MAX) {
            let mut long = [0; 8];
            units.read_exact(&mut long)?;
            left = left.saturating_sub(8);
            length = u64::from_ne_bytes(long);
        }
        if length > MAX_UNIT {
            return Ok(false);
        }
        units.skip(length)?;
        left = left.saturating_sub(length);
    }
    Ok(false)
}
