//! Finds the frames of a file, whatever has happened to it.

use super::bytes::Bytes;
use super::clear;
use super::container::{HEAD_LEN, Head, Kind, SYNC};
use super::reader::FrameInfo;
use std::io;

/// Read at once: most clear parts are in it with their head.
const AT_ONCE: usize = 4096;
/// Read at once when a frame's beginning is looked for.
const CHUNK: usize = 1 << 16;

/// What is in a file behind the header.
#[derive(Debug, Default)]
pub struct Found {
    pub frames: Vec<FrameInfo>,
    pub cut_bytes: u64,
    pub complete: bool,
    pub damaged: u64,
    pub damaged_bytes: u64,
}

/// Finds all frames from `offset` on. Every byte is looked at a fixed number of times at most.
pub fn frames(bytes: &Bytes, offset: u64) -> io::Result<Found> {
    let mut found = Found::default();
    let mut at = offset;
    while at < bytes.len() {
        let head = head_at(bytes, at)?;
        let next = match head {
            Some(head) => next_frame(bytes, at, &head)?,
            None => find(bytes, at + 1, bytes.len())?,
        };
        let (Some(head), Next::At(end)) = (head, next) else {
            match next {
                Next::At(next) | Next::Inside(next) => {
                    found.damage(next - at);
                    at = next;
                }
                Next::None if found.complete => {
                    found.damage(bytes.len() - at);
                    found.complete = true;
                    return Ok(found);
                }
                Next::None => {
                    found.cut_bytes = bytes.len() - at;
                    return Ok(found);
                }
            }
            continue;
        };
        found.take(bytes, at, &head)?;
        at = end;
    }
    Ok(found)
}

/// Where the next frame begins.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// Behind this one, which is whole, or behind what is no frame.
    At(u64),
    /// Inside of what this one says is its own: it is cut.
    Inside(u64),
    /// There is none.
    None,
}

/// Where the next frame begins behind the one at `at`. When what follows it is no frame, bytes may
/// be missing within it: then it is searched for the beginning of another.
fn next_frame(bytes: &Bytes, at: u64, head: &Head) -> io::Result<Next> {
    let end = at + u64::from(head.len());
    if end == bytes.len() || (end < bytes.len() && head_at(bytes, end)?.is_some()) {
        return Ok(Next::At(end));
    }
    Ok(match find(bytes, at + HEAD_LEN as u64, end.min(bytes.len()))? {
        Next::At(inside) => Next::Inside(inside),
        _ if end < bytes.len() => Next::At(end),
        _ => Next::None,
    })
}

impl Found {
    fn damage(&mut self, bytes: u64) {
        self.damaged += 1;
        self.damaged_bytes += bytes;
    }

    /// Takes a whole frame in.
    fn take(&mut self, bytes: &Bytes, at: u64, head: &Head) -> io::Result<()> {
        self.complete = head.kind == Kind::End;
        match head.kind {
            Kind::End | Kind::Other(_) => return Ok(()),
            Kind::Header => {
                self.damage(u64::from(head.len()));
                return Ok(());
            }
            Kind::Batches => {}
        }
        let clear = head_and_clear(bytes, at)?.and_then(|(_, clear)| clear::read(&clear?).ok());
        let Some(clear) = clear else {
            self.damage(u64::from(head.len()));
            return Ok(());
        };
        self.frames.push(FrameInfo {
            offset: at,
            len: head.len(),
            key: head.key,
            ticks: clear.ticks,
            left_out: clear.left_out.saturating_add(clear.left_out_other),
        });
        Ok(())
    }
}

fn head_at(bytes: &Bytes, at: u64) -> io::Result<Option<Head>> {
    Ok(Head::parse(&bytes.read_up_to(at, HEAD_LEN)?))
}

/// The head of the frame at `at`, when it is whole, and its clear part, when that is.
pub fn head_and_clear(bytes: &Bytes, at: u64) -> io::Result<Option<(Head, Option<Vec<u8>>)>> {
    let start = bytes.read_up_to(at, AT_ONCE)?;
    let Some(head) = Head::parse(&start) else { return Ok(None) };
    let clear = match start.get(HEAD_LEN..HEAD_LEN + head.clear as usize) {
        Some(clear) => clear.to_vec(),
        None => bytes.read_up_to(at + HEAD_LEN as u64, head.clear as usize)?,
    };
    let whole = clear.len() == head.clear as usize && crc32fast::hash(&clear) == head.clear_crc;
    Ok(Some((head, whole.then_some(clear))))
}

/// The next whole head that begins in `from..to`.
fn find(bytes: &Bytes, from: u64, to: u64) -> io::Result<Next> {
    let mut at = from;
    while at < to {
        let chunk = bytes.read_up_to(at, CHUNK + HEAD_LEN)?;
        let within = usize::try_from(to - at).unwrap_or(usize::MAX).min(CHUNK).min(chunk.len());
        let hit = (0..within)
            .find(|place| chunk[*place] == SYNC[0] && Head::parse(&chunk[*place..]).is_some());
        match hit {
            Some(place) => return Ok(Next::At(at + place as u64)),
            None => at += CHUNK as u64,
        }
    }
    Ok(Next::None)
}
