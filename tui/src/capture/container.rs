//! The outermost layer: where a file and its frames begin, how long they are, whether they are whole.

use super::Damage;
use super::limits::{BODY_MAX, CLEAR_MAX, RAW_MAX};

/// The first bytes of a capture. The first is no text, the rest names it.
pub const MAGIC: [u8; 8] = *b"\x89syscope";
/// Bytes of [`file_start`].
pub const START_LEN: usize = 16;
/// The first bytes of every frame. The first byte never occurs in UTF-8.
pub const SYNC: [u8; 4] = [0xf5, b'F', b'r', 0x1a];
/// Bytes of a frame's head.
pub const HEAD_LEN: usize = 32;
/// Compression level: what a higher one saves is not worth its time (see `docs/capture-format.md`).
const LEVEL: i32 = 6;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The header, once, first. All of it is in the clear part.
    Header,
    /// Batches.
    Batches,
    /// The last: nothing is missing. It has neither clear part nor body.
    End,
    /// One that a later version has added, and that can be passed over.
    Other(u8),
}

impl Kind {
    fn number(self) -> u8 {
        match self {
            Self::Header => 1,
            Self::Batches => 2,
            Self::End => 3,
            Self::Other(number) => number,
        }
    }

    fn of(number: u8) -> Self {
        match number {
            1 => Self::Header,
            2 => Self::Batches,
            3 => Self::End,
            other => Self::Other(other),
        }
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub kind: Kind,
    /// Reading can start here.
    pub key: bool,
    /// Bytes of the clear part.
    pub clear: u32,
    /// Bytes of the body.
    pub body: u32,
    /// Bytes of the body when it is decompressed.
    pub raw: u32,
    /// CRC-32 of the clear part.
    pub clear_crc: u32,
    /// CRC-32 of the body as it is stored.
    pub body_crc: u32,
}

impl Head {
    fn to_bytes(self) -> [u8; HEAD_LEN] {
        let mut bytes = [0; HEAD_LEN];
        bytes[..4].copy_from_slice(&SYNC);
        bytes[4] = self.kind.number();
        bytes[5] = u8::from(self.key);
        for (slot, value) in
            [self.clear, self.body, self.raw, self.clear_crc, self.body_crc].into_iter().enumerate()
        {
            bytes[8 + 4 * slot..][..4].copy_from_slice(&value.to_le_bytes());
        }
        let crc = crc32fast::hash(&bytes[..HEAD_LEN - 4]);
        bytes[HEAD_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a head; `None` when these bytes are none, or it is damaged.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEAD_LEN)?;
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let whole = bytes[..4] == SYNC && word(28) == crc32fast::hash(&bytes[..28]);
        let head = Self {
            kind: Kind::of(bytes[4]),
            key: bytes[5] & 1 != 0,
            clear: word(8),
            body: word(12),
            raw: word(16),
            clear_crc: word(20),
            body_crc: word(24),
        };
        let allowed = head.clear <= CLEAR_MAX && head.body <= BODY_MAX && head.raw <= RAW_MAX;
        (whole && allowed).then_some(head)
    }

    /// Bytes of the frame, head included.
    pub fn len(&self) -> u32 {
        HEAD_LEN as u32 + self.clear + self.body
    }
}

/// The first bytes of a file. They are the same in all versions.
pub fn file_start(version: u32) -> [u8; START_LEN] {
    let mut bytes = [0; START_LEN];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Makes frames.
pub struct Packer {
    zstd: zstd::bulk::Compressor<'static>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    pub fn new() -> Self {
        // Fails only for want of memory, or for a level that zstd does not have.
        let zstd = zstd::bulk::Compressor::new(LEVEL).expect("zstd has this level");
        Self { zstd }
    }

    /// A frame of batches, and the checksum of its body.
    pub fn pack(&mut self, key: bool, clear: &[u8], raw: &[u8]) -> (Vec<u8>, u32) {
        // The buffer has the size that zstd names for the worst case.
        let body = self.zstd.compress(raw).expect("a buffer of the worst case is enough");
        let head = Head {
            kind: Kind::Batches,
            key,
            clear: clear.len() as u32,
            body: body.len() as u32,
            raw: raw.len() as u32,
            clear_crc: crc32fast::hash(clear),
            body_crc: crc32fast::hash(&body),
        };
        ([&head.to_bytes()[..], clear, &body].concat(), head.body_crc)
    }
}

/// A frame that has no body.
pub fn pack_clear(kind: Kind, clear: &[u8]) -> Vec<u8> {
    let head = Head {
        kind,
        key: false,
        clear: clear.len() as u32,
        body: 0,
        raw: 0,
        clear_crc: crc32fast::hash(clear),
        body_crc: crc32fast::hash(&[]),
    };
    [&head.to_bytes()[..], clear].concat()
}

/// The head and the clear part of a frame, and its body decompressed.
pub fn unpack(bytes: &[u8]) -> Result<(Head, &[u8], Vec<u8>), Damage> {
    let damage = |what: &str| Damage(what.to_owned());
    let head = Head::parse(bytes).ok_or_else(|| damage("it has no frame's head"))?;
    if bytes.len() != head.len() as usize {
        return Err(damage("it is not as long as its head says"));
    }
    let (clear, body) = bytes[HEAD_LEN..].split_at(head.clear as usize);
    if crc32fast::hash(clear) != head.clear_crc || crc32fast::hash(body) != head.body_crc {
        return Err(damage("its checksum does not fit"));
    }
    if body.is_empty() {
        return Ok((head, clear, Vec::new()));
    }
    let raw = zstd::bulk::decompress(body, head.raw as usize)
        .map_err(|error| Damage(format!("it cannot be decompressed: {error}")))?;
    if raw.len() != head.raw as usize {
        return Err(damage("its body is not as long as its head says"));
    }
    Ok((head, clear, raw))
}
