//! Tests of captures as a whole.

mod arbitrary;
mod damage;
mod limits;
mod roundtrip;
mod schema;

use super::{Capture, Decoder, Encoder, Frame, Header, Writer};
use crate::source::Batch;
use std::sync::Arc;

/// The frames of these batches, as one encoder makes them.
fn frames_of(batches: &[Batch]) -> Vec<Frame> {
    let mut encoder = Encoder::new(true);
    let mut frames: Vec<_> = batches.iter().filter_map(|batch| encoder.push(batch)).collect();
    frames.extend(encoder.flush());
    frames
}

/// A whole capture of these frames.
fn file_of(frames: &[Frame]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Header::default()).unwrap();
    for frame in frames {
        writer.write(frame).unwrap();
    }
    let expected = writer.bytes();
    let file = writer.finish().unwrap();
    assert_eq!(file.len() as u64, expected + super::container::HEAD_LEN as u64);
    file
}

fn open(bytes: &[u8]) -> Capture {
    Capture::from_bytes("test", Arc::from(bytes)).unwrap()
}

/// All batches of a capture.
fn batches_of(capture: &Capture) -> Vec<Batch> {
    let mut decoder = Decoder::new();
    let frames = (0..capture.frames.len()).map(|frame| capture.read(frame).unwrap());
    frames.flat_map(|bytes| decoder.decode(&bytes).unwrap().batches).collect()
}
