//! Unwinding without frame pointers: what the file of a program says about its stack, made small.
//!
//! Compilers describe for every instruction how the frame of its function is left: in DWARF's *call
//! frame information* (DWARF 5, 6.4), which lies in `.eh_frame` or `.debug_frame`. [`Elf`] finds it in
//! a file, [`Table::compile`] makes of it a table that the BPF programs search (its format is that of
//! `syscope_shared::unwind`), and [`Walker`] walks a stack with such tables as they do.
//!
//! Files are those of strangers: whatever is in them, time and memory are bounded, and nothing panics.

mod compile;
mod elf;
mod expression;
mod functions;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(any(test, fuzzing))]
mod image;
mod keeper;
mod program;
mod rules;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod translate;
mod walk;

pub use elf::{Code, Elf, Machine};
pub use functions::Functions;
pub use keeper::{Counts, Event, Keeper, Kept, Maps, StackCopy, Walked};
pub use rules::Rules;
pub use table::{Reason, Stats, Table};
pub use walk::{Walker, Words};

/// Why there is no table for a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its headers cannot be read.
    #[error("no ELF file of a program: {0}")]
    Elf(&'static str),
    /// It is for a processor, or a word size, that nothing is known of here.
    #[error("code for another processor")]
    Machine,
    /// It describes none of its code.
    #[error("no unwind data")]
    NoUnwindData,
    /// Its code is spread over more addresses than a table may have.
    #[error("its code takes more than {} MiB of addresses", table::PAGES_MAX >> 4)]
    TooWide,
    /// Its unwind data is longer than what is read.
    #[error("more than {0} bytes of unwind data")]
    TooLong(u64),
    /// Its table would be larger than the caller wants.
    #[error("its table would have more than {0} words")]
    TooLarge(usize),
    /// It has more rules that no other file has than one file may add.
    #[error("more than {} rules of its own", rules::NEW_OF_FILE_MAX)]
    TooManyRules,
}
