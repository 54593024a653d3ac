//! What goes into a file of a history that has more in it.
//!
//! The history tells of all processes: the filter on the screen may change, and a name that was not
//! kept cannot be shown then. A file is given to others, and holds what was watched.

use super::Strangers;
use crate::capture::{Damage, Decoded, Decoder, Encoder, Frame};
use crate::filter::Filter;
use std::io;

/// Makes frames anew without the processes that nobody watched.
#[derive(Debug)]
pub struct OnlyWatched {
    decoder: Decoder,
    strangers: Strangers,
    encoder: Encoder,
    begun: bool,
}

impl OnlyWatched {
    /// The first frame that it is given must be a key.
    pub fn new(cmdlines: bool) -> Self {
        Self {
            decoder: Decoder::new(),
            strangers: Strangers::new(Filter::default()),
            encoder: Encoder::new(cmdlines),
            begun: false,
        }
    }

    /// What takes the place of the next frame.
    pub fn frames(&mut self, frame: &Frame) -> io::Result<Vec<Frame>> {
        let mut decoded = decode(&mut self.decoder, frame)?;
        if frame.key {
            self.encoder.begin_key();
        }
        let mut missed = Vec::new();
        if let Some(mut before) = decoded.before.take() {
            missed = std::mem::take(&mut before.processes);
            if !std::mem::replace(&mut self.begun, true) {
                self.encoder.recall_before(&before);
            }
        }
        self.encoder.recall_of_frame(&decoded);
        let mut frames = Vec::new();
        for batch in decoded.batches {
            let batch = self.strangers.leave_out_of_watched(batch, std::mem::take(&mut missed));
            frames.extend(self.encoder.push(&batch));
        }
        frames.extend(self.encoder.flush());
        Ok(frames)
    }
}

/// The filter that the first batch of a frame was watched with.
pub fn filter_of(key: &Frame) -> io::Result<String> {
    let decoded = decode(&mut Decoder::new(), key)?;
    Ok(decoded.batches.into_iter().next().map_or_else(String::new, |batch| batch.health.filter))
}

fn decode(decoder: &mut Decoder, frame: &Frame) -> io::Result<Decoded> {
    let why = |Damage(why)| io::Error::other(format!("what is kept cannot be read: {why}"));
    decoder.decode(&frame.bytes).map_err(why)
}
