//! Files, tables and memory, such as are and such as are not.

mod files;
mod lines;
mod memory;
mod versions;

use super::*;
