//! How much debug information would take to read: found out before it is read, by what nothing is kept
//! of.

use super::elf_depth::{Depths, MAX_ABBREVIATIONS, is_trusted};
use flate2::bufread::ZlibDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::ops::Range;

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

impl<S: Skip> Skip for &mut S {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        (**self).skip(bytes)
    }
}

/// How a section is compressed.
pub(super) struct Packed {
    /// With zstd, and not with zlib.
    pub(super) is_zstd: bool,
    /// Bytes it says to have decompressed.
    pub(super) size: u64,
    /// Bytes before what is compressed.
    pub(super) header: u64,
}

/// Bytes that may come out of this many, of at `most` so many.
pub(super) fn unpacked(packed: u64, most: u64) -> u64 {
    packed.saturating_mul(MAX_RATIO).saturating_add(64 << 10).min(most)
}

/// Bytes that all compressed debug information of a file of this length may have, decompressed.
pub(super) fn decompressed(file: u64) -> u64 {
    unpacked(file, MAX_DECOMPRESSED)
}

/// A section with debug information.
pub(super) struct Debug {
    /// Where it lies in the file, without the header of what is compressed.
    pub(super) part: Range<u64>,
    pub(super) packed: Option<Packed>,
}

/// What is looked at in a section.
enum Look<'a> {
    /// Only how long it is.
    Size,
    /// How many units there are, and how long they are.
    Units,
    /// And how deep their entries are.
    Entries(&'a Depths),
}

impl Debug {
    /// Whether a section that is compressed has the size it says.
    pub(super) fn is_sound(&self, file: &File) -> bool {
        self.packed.as_ref().is_none_or(|packed| of_packed(self.read(file), packed, &Look::Size))
    }

    /// The same, and whether its units, written with these abbreviations, are few, small, and flat
    /// enough.
    pub(super) fn has_sound_units(&self, abbreviations: Option<&Self>, file: &File) -> bool {
        let depths = match abbreviations.filter(|_| !is_trusted(file)) {
            Some(abbreviations) => match abbreviations.all(file) {
                Some(all) => Some(Depths::new(all)),
                None => return false,
            },
            // Nothing to fear, or nothing to read entries with.
            None => None,
        };
        let look = depths.as_ref().map_or(Look::Units, Look::Entries);
        let size = self.part.end - self.part.start;
        match &self.packed {
            Some(packed) => of_packed(self.read(file), packed, &look),
            None => are_few_and_small(self.read(file), size, &look).unwrap_or(false),
        }
    }

    /// All of a section; `None` if that is too much.
    fn all(&self, file: &File) -> Option<Vec<u8>> {
        let part = self.read(file);
        let Some(packed) = &self.packed else { return all_of(part) };
        let all = match packed.is_zstd {
            true => all_of(zstd::stream::Decoder::with_buffer(part).ok()?),
            false => all_of(ZlibDecoder::new(part)),
        };
        all.filter(|all| all.len() as u64 == packed.size)
    }

    fn read<'a>(&self, file: &'a File) -> Part<'a> {
        Part::new(file, self.part.start, self.part.end - self.part.start)
    }
}

fn all_of(source: impl Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_ABBREVIATIONS + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= MAX_ABBREVIATIONS).then_some(bytes)
}

fn of_packed(part: Part<'_>, how: &Packed, look: &Look<'_>) -> bool {
    match how.is_zstd {
        true => zstd::stream::Decoder::with_buffer(part)
            .is_ok_and(|decoder| of_stream(decoder, how.size, look).unwrap_or(false)),
        false => of_stream(ZlibDecoder::new(part), how.size, look).unwrap_or(false),
    }
}

fn of_stream(source: impl Read, size: u64, look: &Look<'_>) -> io::Result<bool> {
    // One byte more shows that there is more.
    let mut stream = Stream { source: source.take(size.saturating_add(1)), read: 0 };
    if !matches!(look, Look::Size) && !are_few_and_small(&mut stream, size, look)? {
        return Ok(false);
    }
    stream.skip(u64::MAX)?;
    Ok(stream.read == size)
}

/// A unit begins with its length in bytes, without the length itself: four bytes, or, behind four of
/// all ones, eight. Its bytes are in the order of this machine, as everything that runs here.
fn are_few_and_small(mut units: impl Skip, size: u64, look: &Look<'_>) -> io::Result<bool> {
    let mut left = size;
    let mut unit = Vec::new();
    for _ in 0..MAX_UNITS {
        if left < 4 {
            return Ok(true);
        }
        unit.clear();
        let mut length = u64::from(u32::from_ne_bytes(read(&mut units, &mut unit)?));
        if length == u64::from(u32::MAX) {
            length = u64::from_ne_bytes(read(&mut units, &mut unit)?);
        }
        left = left.saturating_sub(unit.len() as u64);
        if length > MAX_UNIT {
            return Ok(false);
        }
        if let Look::Entries(depths) = look {
            units.by_ref().take(length).read_to_end(&mut unit)?;
            if !depths.are_sound(&unit) {
                return Ok(false);
            }
        } else {
            units.skip(length)?;
        }
        left = left.saturating_sub(length);
    }
    Ok(false)
}

/// Reads so many bytes, and puts them behind those of the unit, too.
fn read<const N: usize>(source: &mut impl Read, unit: &mut Vec<u8>) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes)?;
    unit.extend(bytes);
    Ok(bytes)
}
