//! `syscope read-symbols`, which syscope starts to read the symbols of files.

use crate::cli::ReadSymbolsArgs;
use crate::{kernel, symbols};
use color_eyre::eyre;
use std::process::ExitCode;

/// Reads what it is asked for until nobody asks any more.
pub fn run(args: &ReadSymbolsArgs) -> eyre::Result<ExitCode> {
    symbols::read_symbols(args.parent, kernel::give_memory_back)?;
    Ok(ExitCode::SUCCESS)
}
