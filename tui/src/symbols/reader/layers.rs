//! The symbols of one file: its own, those of its debug file, and the small table that is compressed
//! within it, each read by blazesym.

use super::debug_file::{DebugFile, Roots};
use super::debugdata;
use super::elf::Elf;
use super::names::Names;
use super::wire::Reads;
use crate::symbols::symbol::Symbol;
use crate::unwind::{self, Functions};
use blazesym::symbolize::source::{Elf as ElfSource, Source};
use blazesym::symbolize::{Input, Sym, Symbolized, Symbolizer};
use object::ReadCache;
use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What is known of a file with code.
#[derive(Debug)]
pub(super) struct Layers {
    elf: Elf,
    /// Debug information, and the symbol table it is with.
    debug: Option<Layer>,
    /// Symbol tables.
    tables: Vec<Layer>,
    file: Option<File>,
    /// What unwind data tells of functions, read when one has no name.
    functions: OnceCell<Option<Functions>>,
    /// Bytes of all files, and of what is decompressed of them.
    pub(super) bytes: u64,
}

/// A file and what is read of it.
#[derive(Debug)]
struct Layer {
    // A symbolizer of its own for each file: dropping it is the one way to free everything that was
    // read for the file (supplementary debug files too).
    symbolizer: Box<Symbolizer>,
    source: Source<'static>,
}

impl Layers {
    /// Opens a file that its process calls `module`, and what belongs to it. `fetched` is a debug file
    /// that was fetched for it.
    pub(super) fn open(
        file: &File,
        elf: Elf,
        module: &Path,
        roots: &Roots,
        fetched: Option<DebugFile>,
        reads: Reads,
    ) -> Self {
        let debug_file = roots.debug_file(module, &elf).or(fetched);
        let mut tables = Vec::new();
        let debug_bytes = debug_file.as_ref().map_or(0, |debug| debug.elf.bytes);
        let mut bytes = elf.bytes.saturating_add(debug_bytes);
        if elf.has_table {
            tables.extend(Layer::table(file));
        }
        if let Some(range) = &elf.debugdata
            && let Some(small) = debugdata::unpack(file, range)
        {
            bytes += small.metadata().map_or(0, |file| file.len());
            let is_sound = Elf::inspect(&small, Reads::Tables).is_some_and(|elf| elf.has_table);
            tables.extend(is_sound.then(|| Layer::table(&small)).flatten());
        }
        let debug = match &debug_file {
            _ if reads == Reads::Tables => None,
            Some(debug) => {
                if debug.elf.has_table {
                    tables.extend(Layer::table(&debug.file));
                }
                let package = roots.package(module, debug.trusted.as_deref());
                let names_others = debug.elf.names_others.then_some(debug.trusted.as_deref());
                Layer::with_debug_information(&debug.file, &debug.elf, package, names_others)
            }
            None => {
                let package = || roots.package(module, None);
                let names_others = elf.names_others.then_some(None);
                elf.has_dwarf
                    .then(|| Layer::with_debug_information(file, &elf, package(), names_others))
                    .flatten()
            }
        };
        let (file, functions) = (file.try_clone().ok(), OnceCell::new());
        Self { elf, debug, tables, file, functions, bytes }
    }

    /// Whether there is debug information.
    pub(super) fn has_debug_information(&self) -> bool {
        self.debug.is_some()
    }

    /// What is at an offset into the file; where there is no name for it, a function without one, or `None`.
    pub(super) fn look_up(&self, offset: u64, names: &Names) -> Option<Symbol> {
        if self.elf.is_linkage(offset) {
            return None;
        }
        let address = self.elf.address_of(offset)?;
        let named = self.named(address, names).filter(Symbol::is_told);
        named.or_else(|| Some(Symbol::unnamed(address - self.function_at(address)?)))
    }

    /// Where the function with this address begins.
    fn function_at(&self, address: u64) -> Option<u64> {
        let read = || {
            let data = ReadCache::new(BufReader::new(self.file.as_ref()?));
            let file = unwind::Elf::read(&data).ok()?;
            Functions::read(&file, &data).ok()
        };
        self.functions.get_or_init(read).as_ref()?.start_of(address)
    }

    fn named(&self, address: u64, names: &Names) -> Option<Symbol> {
        let in_table = || self.tables.iter().filter_map(|table| table.find(address)).reduce(nearer);
        let told = |symbol: Sym<'_>| Symbol::told(&symbol, |raw| names.demangled(raw));
        let Some(symbol) = self.debug.as_ref().and_then(|debug| debug.find(address)) else {
            return in_table().map(told);
        };
        let has_line = symbol.code_info.is_some();
        let mut symbol = told(symbol);
        // Debug information reduced to lines has the last part of a name only: `new`. The
        // symbol table has all of it.
        if has_line
            && !symbol.name.contains("::")
            && let Some(full) = in_table().map(told)
            && full.name.contains("::")
        {
            symbol.name = full.name;
        }
        Some(symbol)
    }
}

/// Of two symbols for one address: the one that says where it ends, or begins later.
fn nearer<'a>(one: Sym<'a>, other: Sym<'a>) -> Sym<'a> {
    let rank = |symbol: &Sym<'_>| (symbol.size.is_some(), symbol.addr);
    if rank(&other) > rank(&one) { other } else { one }
}

impl Layer {
    /// The symbol table of a file.
    fn table(file: &File) -> Option<Self> {
        let mut source = ElfSource::new(way_to(file));
        source.debug_syms = false;
        Self::open(Source::Elf(source), &[])
    }

    /// The debug information of a file. What it names is followed if that is sound, from the path that
    /// it has then: `names_others` is `None` where it names nothing.
    fn with_debug_information(
        file: &File,
        elf: &Elf,
        package: Option<File>,
        names_others: Option<Option<&Path>>,
    ) -> Option<Self> {
        if !elf.has_dwarf {
            return None;
        }
        let debug_directories = [PathBuf::from("/usr/lib/debug")];
        match (names_others, package) {
            (Some(None), _) => None,
            (Some(Some(path)), _) => {
                Self::open(Source::Elf(ElfSource::new(path)), &debug_directories)
            }
            (None, None) => Self::open(Source::Elf(ElfSource::new(way_to(file))), &[]),
            (None, Some(package)) => {
                // blazesym looks for the package beside the file.
                let folder = passing_folder().ok()?;
                let path = folder.path().join("file");
                symlink(way_to(file), &path).ok()?;
                symlink(way_to(&package), folder.path().join("file.dwp")).ok()?;
                Self::open(Source::Elf(ElfSource::new(path)), &[])
            }
        }
    }

    fn open(source: Source<'static>, debug_directories: &[PathBuf]) -> Option<Self> {
        let builder = Symbolizer::builder().enable_auto_reload(false).enable_demangling(false);
        let symbolizer = builder.set_debug_dirs(Some(debug_directories)).build();
        // Opens the file and reads its headers. Afterwards it is kept, and its path not used.
        symbolizer.symbolize(&source, Input::VirtOffset(&[])).ok()?;
        Some(Self { symbolizer: Box::new(symbolizer), source })
    }

    fn find(&self, address: u64) -> Option<Sym<'_>> {
        let at = Input::VirtOffset(address);
        match self.symbolizer.symbolize_single(&self.source, at).ok()? {
            Symbolized::Sym(symbol) => Some(symbol),
            Symbolized::Unknown(_) => None,
        }
    }
}

/// A folder that is gone with what this gives, or, if that is lost, with this process (`running.rs`).
fn passing_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(&folder_prefix(std::process::id())).tempdir()
}

/// How the folders of a reader are called.
pub(super) fn folder_prefix(pid: u32) -> String {
    format!("syscope-symbols-{pid}-")
}

/// Through the descriptor of what was checked, not its path: that may come to mean another file.
fn way_to(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// For `crate::fuzzing`: the symbols of a file of these bytes, or of its debug file, at a few places.
/// What panics here is caught where it is used, and so it is here.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    use crate::symbols::guard::{guarded, log_caught_panics};
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(log_caught_panics);
    let file = crate::symbols::files::in_memory(bytes).expect("room for it");
    let inspect = || Elf::inspect(&file, Reads::Everything);
    let Some(elf) = inspect() else { return };
    let offsets: Vec<u64> = (0..bytes.len() as u64).step_by(97).collect();
    let (roots, names) = (Roots::none(), Names::default());
    let as_debug_file = elf
        .build_id
        .clone()
        .and_then(|id| DebugFile::of_build_id(file.try_clone().expect("it is open"), &id));
    for fetched in [None, as_debug_file] {
        let Some(elf) = inspect() else { return };
        guarded(|| {
            let path = Path::new("/fuzzed");
            let layers = Layers::open(&file, elf, path, &roots, fetched, Reads::Everything);
            for offset in &offsets {
                layers.look_up(*offset, &names);
            }
        });
    }
}
