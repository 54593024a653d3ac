//! Frames to batches.

use super::Damage;
use crate::source::{Batch, ResolvedStack};
use std::sync::Arc;

/// What a frame holds.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// Of a key: what was so before its first batch, as a batch: processes
    /// ([`crate::source::ProcessEvent::Seen`]), waits, health. For whoever starts reading here.
    pub before: Option<Batch>,
    /// Stacks that its batches use and that were told in frames before the key: told again, for
    /// whoever starts reading here.
    pub recalled: Vec<Arc<ResolvedStack>>,
    /// The batches, exactly as they were recorded.
    pub batches: Vec<Batch>,
}

/// Reads frames one after the other. Can start at any key.
#[derive(Debug)]
pub struct Decoder {}

impl Decoder {
    /// Knows nothing yet: the first frame must be a key.
    #[expect(clippy::new_without_default)]
    pub fn new() -> Self {
        todo!()
    }

    /// Decodes the next frame; `bytes` are those of [`super::Frame::bytes`]. After a frame that was
    /// left out (damaged, skipped), names and stacks that were told there are replaced by notes that
    /// say so, until the next key; they are counted in [`Decoder::unknown`].
    ///
    /// # Errors
    ///
    /// When the bytes are not those of a frame: nothing of it is used then, and the decoder can go on
    /// with the next.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Decoded, Damage> {
        let _ = bytes;
        todo!()
    }

    /// References so far to what was told in a frame that is missing.
    pub fn unknown(&self) -> u64 {
        todo!()
    }
}
