//! For `crate::fuzzing`: captures of any bytes, and frames of any bytes in whole containers. The
//! checksums and the compression around them would else keep chance out.

use super::container::{HEAD_LEN, Head, Packer, START_LEN, SYNC};
use super::limits::{BODY_MAX, CLEAR_MAX};
use super::{Capture, Decoded, Decoder, messages};
use prost::Message;
use std::sync::Arc;

/// Frames are decoded up to this, together: a small file may hold many large ones.
const DECODED_MAX: usize = 16;

/// Opens a file as it is, and with all its checksums made right; decodes its first frames.
pub(crate) fn file(bytes: &[u8], mut each: impl FnMut(Capture, Vec<Decoded>)) {
    for bytes in [bytes.to_vec(), mended(bytes)] {
        let len = bytes.len() as u64;
        let Ok(capture) = Capture::from_bytes("fuzzed", Arc::from(bytes)) else { continue };
        let frames: u64 = capture.frames.iter().map(|frame| u64::from(frame.len)).sum();
        assert!(frames + capture.cut_bytes + capture.damaged_bytes <= len);
        assert!(!capture.complete || capture.cut_bytes == 0);
        let mut decoder = Decoder::new();
        let mut decoded = Vec::new();
        for (number, frame) in capture.frames.iter().enumerate().take(DECODED_MAX) {
            let bytes = capture.read(number).expect("a frame that was found is in the file");
            if let Ok(whole) = decoder.decode(&bytes) {
                assert_eq!(whole.batches.len(), frame.ticks.len());
                assert_eq!(whole.before.is_some(), frame.key);
                decoded.push(whole);
            }
        }
        each(capture, decoded);
    }
}

/// Decodes frames whose parts are given, not compressed: of each a byte of flags, two lengths of two
/// bytes, the clear part, the body. Flags: 1 is a key; 2 follows the frame before it.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<Decoded> {
    let mut packer = Packer::new();
    let mut decoder = Decoder::new();
    let (mut key, mut last) = (0, 0);
    let mut decoded = Vec::new();
    while let Some((&[flags, a, b, c, d], rest)) = bytes.split_first_chunk()
        && decoded.len() < DECODED_MAX
    {
        let clear_len = usize::from(u16::from_le_bytes([a, b])).min(rest.len());
        let (clear, rest) = rest.split_at(clear_len);
        let body_len = usize::from(u16::from_le_bytes([c, d])).min(rest.len());
        let (body, rest) = rest.split_at(body_len);
        bytes = rest;
        let mut body = body.to_vec();
        if flags & 2 != 0
            && let Ok(mut message) = messages::Body::decode(&body[..])
        {
            (message.key, message.after) = (key, last);
            body = message.encode_to_vec();
        }
        let is_key = flags & 1 != 0;
        let (frame, crc) = packer.pack(is_key, clear, &body);
        if let Ok(whole) = decoder.decode(&frame) {
            assert_eq!(whole.before.is_some(), is_key);
            decoded.push(whole);
        }
        (key, last) = (if is_key { crc } else { key }, crc);
    }
    decoded
}

/// The file with the checksums that its bytes ought to have.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() >= START_LEN {
        let crc = crc32fast::hash(&bytes[..12]);
        bytes[12..START_LEN].copy_from_slice(&crc.to_le_bytes());
    }
    let mut at = START_LEN;
    while at + HEAD_LEN <= bytes.len() {
        if bytes[at..at + 4] != SYNC {
            at += 1;
            continue;
        }
        let word = |slot: usize| {
            let start = at + 8 + 4 * slot;
            u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[start + i])) as usize
        };
        let (clear, body) = (word(0), word(1));
        let start = at + HEAD_LEN;
        if clear <= CLEAR_MAX as usize
            && body <= BODY_MAX as usize
            && let Some(parts) = bytes.get(start..start + clear + body)
        {
            let (clear, body) = parts.split_at(clear);
            let crcs = [crc32fast::hash(clear), crc32fast::hash(body)];
            bytes[at + 20..at + 24].copy_from_slice(&crcs[0].to_le_bytes());
            bytes[at + 24..at + 28].copy_from_slice(&crcs[1].to_le_bytes());
            let crc = crc32fast::hash(&bytes[at..at + 28]);
            bytes[at + 28..at + 32].copy_from_slice(&crc.to_le_bytes());
        }
        at = Head::parse(&bytes[at..]).map_or(at + 1, |head| at + head.len() as usize);
    }
    bytes
}

/// Seeds for [`frames`]: the parts of whole frames.
#[cfg(test)]
pub(crate) fn parts(frames: &[super::Frame]) -> Vec<u8> {
    let mut parts = Vec::new();
    for frame in frames {
        let (head, clear, body) = super::container::unpack(&frame.bytes).unwrap();
        parts.push(2 | u8::from(head.key));
        parts.extend_from_slice(&(clear.len() as u16).to_le_bytes());
        parts.extend_from_slice(&u16::try_from(body.len()).unwrap().to_le_bytes());
        parts.extend_from_slice(clear);
        parts.extend_from_slice(&body);
    }
    parts
}
