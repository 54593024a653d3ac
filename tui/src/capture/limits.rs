//! What a capture may hold at most. A writer keeps to it; a reader refuses what goes beyond, before it
//! takes memory for it. `docs/capture-format.md` states them too.

/// Bytes of a frame's clear part.
pub const CLEAR_MAX: u32 = 1 << 20;
/// Bytes of a frame's body, compressed.
pub const BODY_MAX: u32 = 65 << 20;
/// Bytes of a frame's body, not compressed.
pub const RAW_MAX: u32 = 64 << 20;
/// Memory that a decoded frame may take, in bytes, as [`super::budget`] counts it.
pub const DECODED_MAX: u64 = 256 << 20;
/// Memory that the dictionaries between two keys may take, in bytes.
pub const DICTIONARY_MAX: u64 = 256 << 20;
/// Batches in a frame.
pub const BATCHES_MAX: u64 = 1024;
/// Bytes of a string; a longer one is cut, and ends in `…`.
pub const STRING_MAX: usize = 64 << 10;
/// Words that a command line is split into; the last holds the rest.
pub const WORDS_MAX: usize = 256;
/// Frames of a stack; of a deeper one those nearest to the leaf are kept, and a note.
pub const STACK_MAX: usize = 2048;
/// Probes in a health entry.
pub const PROBES_MAX: usize = 64;

/// Time that a frame spans, in ns; a little less than a second, so that ticks that come a little early
/// do not make it one tick longer.
pub const FRAME_NS: u64 = 980_000_000;
/// A frame that is larger than this, in bytes before compression, is complete whatever it spans.
pub const FRAME_RAW: usize = 1 << 20;
/// The same in memory that it takes decoded.
pub const FRAME_DECODED: u64 = 8 << 20;
/// What a writer lets one frame take: half of what a reader allows, which counts more strictly.
pub const FRAME_DECODED_MAX: u64 = DECODED_MAX / 2;
/// Memory that one batch may take decoded, in bytes: what is more is left out.
pub const BATCH_DECODED: u64 = 44 << 20;
/// Time between two keys, in ns.
pub const KEY_NS: u64 = 60_000_000_000;
/// Bytes before compression between two keys.
pub const KEY_RAW: u64 = 8 << 20;

/// How long an ended process may still get counts, in ns: a key tells of it.
pub const ENDED_NS: u64 = 2_000_000_000;
/// A stack that was not used for so long, in ns, may be forgotten by the writer: the source tells it
/// again.
pub const STACK_UNUSED_NS: u64 = crate::source::StackId::KEPT_UNUSED_NS;
/// Stacks that the writer remembers whatever their age.
pub const STACKS_KEPT: usize = 20_000;
/// Stacks that the writer remembers at most.
pub const STACKS_MAX: usize = 100_000;
