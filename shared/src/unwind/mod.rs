//! Unwinding without frame pointers: the tables that user space compiles from the unwind data of
//! programs, and how one step from a frame to its caller is made with them. The BPF programs and user
//! space make it with the same code.
//!
//! A **table** says for every address of one file which [`Rule`] leads from there to the caller. It lies
//! in the words of the `UNWIND` map, at a *base*:
//!
//! ```text
//! base              word p: where the rows of page p begin, counted from the first row
//! base + pages      where the last page's rows end
//! base + pages + 1  the rows of page 0, those of page 1, ...
//! ```
//!
//! A page is [`PAGE_BYTES`] of addresses. A row is one word: the low 16 bits of the address from which
//! on it holds, and above them the number of a rule in the `RULES` map. The rows of a page are in order
//! of address, and the first is for its first address: the rule that is in force there.
//!
//! Addresses in a table are those of the file (`p_vaddr`) less the table's own first page.
//!
//! The format is that of no other project. What the rules mean is the DWARF standard, version 5, 6.4
//! (Call Frame Information), and the processor supplements of the System V ABI.

mod process;
mod rule;
mod stack;
mod step;

pub use process::{Asked, Process, Segment};
pub use rule::{
    AT_CFA, AT_FP, FP, LOST, LOST_FP, MEMORY, NO_DATA, OTHER, PLT, REGISTER, ROOT, Rule, SAME,
    SIGNAL, SP,
};
pub use stack::{COPY_MAX, Copied, End, HASH_SEED, Head, mix, name, name_of};
pub use step::{Registers, SIGNAL_FRAME, Step, by_frame_pointer, step, told};

/// Bits of an address within its page of a table.
pub const PAGE_BITS: u32 = 16;
/// Bytes of a page of a table.
pub const PAGE_BYTES: u64 = 1 << PAGE_BITS;

/// Words of one piece of the `UNWIND` map, an array of its own with one value: the index of the piece is that
/// of the word without these bits. Pieces are made when tables need them.
pub const PIECE_WORDS: usize = 256 * 1024;
/// Pieces that there can be at most: 128 MiB.
pub const PIECES_MAX: usize = 128;
/// Segments of one value of the `SEGMENTS` map.
pub const CHUNK_SEGMENTS: usize = 128;

/// Rows of one page at most: one for every address.
pub const PAGE_ROWS_LOG2: u32 = PAGE_BITS + 1;
/// Segments of one process at most, as a power of two.
pub const SEGMENTS_LOG2: u32 = 12;
/// Segments of one process at most.
pub const SEGMENTS_MAX: u32 = 1 << SEGMENTS_LOG2;

/// User frames of a stack that are kept at most.
pub const FRAMES_MAX: usize = 255;

/// Rules that there can be at most, over all tables.
pub const RULES_MAX: u32 = 1 << 15;
/// Number of the rule that says that nothing is known ([`NO_DATA`]).
pub const RULE_NO_DATA: u32 = 0;
/// Number of the rule that says that here the stack ends ([`ROOT`]).
pub const RULE_ROOT: u32 = 1;

/// Base of a segment whose file has no unwind data: its frame pointers are followed.
pub const NO_TABLE: u32 = u32::MAX;
/// Base of a segment whose table is still being made.
pub const NOT_READY: u32 = u32::MAX - 1;

/// The row of an address of a page with this rule.
pub const fn row(address: u64, rule: u32) -> u32 {
    (rule << PAGE_BITS) | (address as u32 & (PAGE_BYTES as u32 - 1))
}

/// The rule of a row.
pub const fn rule_of(row: u32) -> u32 {
    row >> PAGE_BITS
}
