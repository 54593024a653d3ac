//! What a capture is made of: for whoever wants to make it smaller.

use super::{Capture, container};
use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};
use std::collections::BTreeMap;
use std::io;

/// Field numbers of a column, its bytes in all frames, and about what of that is left when it is
/// compressed.
pub type Column = (String, usize, usize);

impl Capture {
    /// The columns of all frames.
    #[doc(hidden)]
    pub fn columns(&self) -> io::Result<Vec<Column>> {
        let mut columns: BTreeMap<(u32, u32), (usize, usize)> = BTreeMap::new();
        let other = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
        for frame in 0..self.frames.len() {
            let bytes = self.read(frame)?;
            let (head, clear, raw) = container::unpack(&bytes).map_err(|error| other(&error))?;
            let entry = columns.entry((0, 0)).or_default();
            entry.0 += clear.len() + container::HEAD_LEN;
            entry.1 += clear.len() + container::HEAD_LEN;
            columns.entry((0, 1)).or_default().1 += head.body as usize;
            for (field, message) in fields(&raw) {
                let parts = match field {
                    6 | 7 | 9 => vec![(0, message)],
                    _ => fields(message),
                };
                for (part, column) in parts {
                    let entry = columns.entry((field, part)).or_default();
                    entry.0 += column.len();
                    entry.1 += zstd::bulk::compress(column, 3)?.len().saturating_sub(9);
                }
            }
        }
        let named = columns.into_iter();
        Ok(named.map(|((a, b), (raw, packed))| (format!("{a}.{b}"), raw, packed)).collect())
    }
}

/// The fields of a message that have a length; nothing of one that is broken.
fn fields(mut message: &[u8]) -> Vec<(u32, &[u8])> {
    let mut found = Vec::new();
    while let Ok((field, wire)) = decode_key(&mut message) {
        let len = match wire {
            WireType::LengthDelimited => decode_varint(&mut message).unwrap_or(u64::MAX) as usize,
            WireType::ThirtyTwoBit => 4,
            WireType::SixtyFourBit => 8,
            _ => {
                let _ = decode_varint(&mut message);
                0
            }
        };
        let Some(content) = message.get(..len) else { break };
        if wire == WireType::LengthDelimited {
            found.push((field, content));
        }
        message.advance(len);
    }
    found
}
