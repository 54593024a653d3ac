//! Kernel addresses, by `/proc/kallsyms`.

use super::bounded::Bounded;
use super::build_id;
use super::frames::{self, Code, Frames, Module, Names};
use super::guard::guarded;
use super::symbol::Symbol;
use crate::source::FrameKind;
use blazesym::MaybeDefault;
use blazesym::symbolize::source::{Kernel as KernelSource, Source};
use blazesym::symbolize::{Input, Sym, Symbolized, Symbolizer};
use rustc_hash::{FxHashMap, FxHasher};
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const KALLSYMS: &str = "/proc/kallsyms";
/// See proc_modules(5).
const MODULES: &str = "/proc/modules";
/// Half of the kernel addresses whose frames are kept.
const HALF_OF_CACHE: usize = 16_384;
/// Where the addresses of the kernel begin.
const KERNEL_HALF: u64 = 1 << 63;
/// How long frames of code that comes and goes (modules, BPF programs) hold, and how long
/// addresses there stay without a name before kallsyms is read anew. That costs about 0.1 s.
const VOLATILE_FOR: Duration = Duration::from_secs(60);
/// Least age of what was read of kallsyms when an unknown address outside the kernel itself makes
/// it be read anew, if a module or a program was loaded since.
const RELOAD_AFTER: Duration = Duration::from_secs(10);
/// Furthest from its start that an address of a module or BPF program still belongs to a symbol:
/// kallsyms does not say where they end.
const MAX_VOLATILE_SIZE: u64 = 1 << 20;

/// Stands for the kernel where its symbols are listed without addresses.
const HIDDEN: &str = "[kernel: symbols hidden by kptr_restrict]";

/// Id of the BPF program that was loaded last, given what it was before.
pub type NewestProgram = fn(u32) -> io::Result<u32>;

/// Names for kernel addresses.
#[derive(Debug)]
pub(super) struct Kernel {
    loaded: Option<Loaded>,
    fixed: Bounded<Code, Frames>,
    volatile: Bounded<Code, (Instant, Frames)>,
    module: Module,
    kallsyms: PathBuf,
    newest_program: NewestProgram,
}

#[derive(Debug)]
struct Loaded {
    at: Instant,
    /// When it was looked last whether there is other code by now.
    checked: Instant,
    version: Option<Version>,
    symbolizer: Symbolizer,
    owners: Owners,
}

impl Kernel {
    pub(super) fn new(newest_program: NewestProgram) -> Self {
        Self::listed_in(Path::new(KALLSYMS), newest_program)
    }

    /// One whose symbols are listed elsewhere.
    pub(super) fn listed_in(kallsyms: &Path, newest_program: NewestProgram) -> Self {
        Self {
            newest_program,
            kallsyms: kallsyms.to_owned(),
            loaded: None,
            fixed: Bounded::new(HALF_OF_CACHE),
            volatile: Bounded::new(HALF_OF_CACHE),
            module: Module { name: build_id::KERNEL.into(), build_id: build_id::of_kernel() },
        }
    }

    /// Looks up all of these addresses that are not known yet, in one go. To be called before
    /// [`Kernel::frames`] with many.
    pub(super) fn prepare(&mut self, codes: impl Iterator<Item = Code>, names: &mut Names) {
        let mut unknown: Vec<Code> = codes.filter(|code| self.cached(*code).is_none()).collect();
        unknown.sort_unstable_by_key(|code| (code.address, code.is_return));
        unknown.dedup();
        if unknown.is_empty() {
            return;
        }
        let volatile = |loaded: &Loaded| unknown.iter().any(|code| !loaded.owners.is_core(*code));
        let newest = self.newest_program;
        let current = self
            .loaded
            .as_mut()
            .is_some_and(|loaded| !volatile(loaded) || loaded.is_current(newest));
        if !current {
            self.load(names);
        }
        let mut found = self.look_up(&unknown, names);
        // What nothing tells of was loaded as well, but that is rare.
        let is_old = self.loaded.as_ref().is_some_and(|loaded| loaded.at.elapsed() >= VOLATILE_FOR);
        if is_old && found.iter().flat_map(|frames| frames.iter()).any(|frame| !frame.resolved) {
            self.load(names);
            found = self.look_up(&unknown, names);
        }
        for (code, frames) in unknown.into_iter().zip(found) {
            if self.loaded.as_ref().is_some_and(|loaded| loaded.owners.is_core(code)) {
                self.fixed.insert(code, frames);
            } else {
                self.volatile.insert(code, (Instant::now(), frames));
            }
        }
    }

    /// The frames of a kernel address.
    pub(super) fn frames(&mut self, code: Code, names: &mut Names) -> Frames {
        self.prepare(std::iter::once(code), names);
        self.cached(code).unwrap_or_else(|| self.unresolved(code))
    }

    fn cached(&mut self, code: Code) -> Option<Frames> {
        let volatile =
            |(at, frames): (Instant, Frames)| (at.elapsed() < VOLATILE_FOR).then_some(frames);
        self.fixed.get(&code).or_else(|| self.volatile.get(&code).and_then(volatile))
    }

    fn load(&mut self, names: &mut Names) {
        // First, so that the new one, of hundreds of thousands of names, takes the room of the old.
        self.loaded = None;
        let version = Version::now(0, self.newest_program);
        let owners = Owners::read(&self.kallsyms, names).unwrap_or_default();
        let (at, symbolizer) = (Instant::now(), Symbolizer::new());
        self.loaded = Some(Loaded { at, checked: at, version, symbolizer, owners });
    }

    fn look_up(&self, codes: &[Code], names: &mut Names) -> Vec<Frames> {
        let addresses: Vec<u64> = codes.iter().map(|code| code.within()).collect();
        // kallsyms alone: the debug information of a kernel is gigabytes, and may be of another.
        let source = KernelSource {
            kallsyms: MaybeDefault::Some(self.kallsyms.clone()),
            vmlinux: MaybeDefault::None,
            debug_syms: false,
            ..KernelSource::default()
        };
        let found = self.loaded.as_ref().and_then(|loaded| {
            guarded(|| {
                let source = Source::Kernel(source);
                let found =
                    loaded.symbolizer.symbolize(&source, Input::AbsAddr(&addresses)).ok()?;
                let frames = codes.iter().zip(found).map(|(code, found)| match found {
                    Symbolized::Sym(symbol) => self.named(loaded, *code, &symbol, names),
                    Symbolized::Unknown(_) => self.unresolved(*code),
                });
                Some(frames.collect())
            })
            .flatten()
        });
        found.unwrap_or_else(|| codes.iter().map(|code| self.unresolved(*code)).collect())
    }

    /// kallsyms has no sizes: any address is "in" the symbol before it, also one in code that was
    /// loaded later or is not listed. So only what can be true is taken.
    fn named(&self, loaded: &Loaded, code: Code, symbol: &Sym<'_>, names: &mut Names) -> Frames {
        let owner = loaded.owners.module_of(symbol.addr);
        let core = loaded.owners.is_core(code);
        let can_be = core || (owner.is_some() && symbol.offset as u64 <= MAX_VOLATILE_SIZE);
        let module = owner.filter(|_| !core).unwrap_or(&self.module);
        can_be
            .then(|| {
                let symbol = Symbol::told(symbol, |name| frames::clipped(name).into());
                frames::of_symbol(&symbol, FrameKind::Kernel, module, code.beyond(), names)
            })
            .flatten()
            .unwrap_or_else(|| self.unresolved(code))
    }

    fn unresolved(&self, code: Code) -> Frames {
        let owners = self.loaded.as_ref().map(|loaded| &loaded.owners);
        let core = owners.and_then(|owners| owners.core.as_ref());
        let start = core.filter(|core| core.contains(&code.within())).map_or(0, |core| core.start);
        let hidden = owners.is_some_and(|owners| owners.all_hidden);
        let label = if hidden { HIDDEN } else { &*self.module.name };
        let module = Some(self.module.clone());
        frames::unresolved(FrameKind::Kernel, label, code.address - start, module)
    }
}

impl Loaded {
    /// Whether the list holds still: looked at now and then.
    fn is_current(&mut self, newest_program: NewestProgram) -> bool {
        if self.checked.elapsed() < RELOAD_AFTER {
            return true;
        }
        self.checked = Instant::now();
        let Some(then) = self.version else { return false };
        Version::now(then.program, newest_program) == Some(then)
    }
}

/// What code there is in the kernel beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    /// Made of the modules' names and places.
    modules: u64,
    /// The BPF program that was loaded last.
    program: u32,
}

impl Version {
    /// `None`: that cannot be told here.
    fn now(program: u32, newest_program: NewestProgram) -> Option<Self> {
        let program = newest_program(program).ok()?;
        // Without any, or without support for them, that is no file.
        let modules = std::fs::read_to_string(MODULES).unwrap_or_default();
        let mut hasher = FxHasher::default();
        for line in modules.lines() {
            // Between them is how often it is used, which changes all the time.
            let mut words = line.split_ascii_whitespace();
            (words.next(), words.nth(4)).hash(&mut hasher);
        }
        Some(Self { modules: hasher.finish(), program })
    }
}

/// What blazesym does not tell: the module of a symbol, and where the kernel itself ends.
#[derive(Debug, Default)]
struct Owners {
    core: Option<Range<u64>>,
    /// There are symbols, and no address of any.
    all_hidden: bool,
    /// By address of the symbol: the module in brackets, `[bpf]` for BPF programs.
    names: FxHashMap<u64, Arc<str>>,
    modules: FxHashMap<Arc<str>, Module>,
}

impl Owners {
    fn read(kallsyms: &Path, names: &mut Names) -> io::Result<Self> {
        let mut owners = Self::default();
        let mut kallsyms = BufReader::with_capacity(1 << 16, File::open(kallsyms)?);
        let (mut start, mut end) = (0, 0);
        let (mut hidden, mut shown) = (false, false);
        let mut line = String::new();
        while kallsyms.read_line(&mut line)? > 0 {
            let mut parts = line.split_ascii_whitespace();
            let address = parts.next().and_then(|text| u64::from_str_radix(text, 16).ok());
            let (name, module) = (parts.nth(1), parts.next());
            hidden |= address == Some(0);
            // The symbols of each CPU's memory begin at zero in truth.
            shown |= address.is_some_and(|address| address >= KERNEL_HALF);
            match (address, name, module) {
                (None | Some(0), ..) => {}
                (Some(address), _, Some(module)) => {
                    owners.insert(address, names.share(module));
                }
                (Some(address), Some("_stext"), None) => start = address,
                (Some(address), Some("_etext"), None) => end = address,
                _ => {}
            }
            line.clear();
        }
        owners.core = (start < end).then_some(start..end);
        owners.all_hidden = hidden && !shown;
        Ok(owners)
    }

    fn insert(&mut self, symbol: u64, name: Arc<str>) {
        if !self.modules.contains_key(&name) {
            let build_id = build_id::of_module(&name);
            let module = Module { name: Arc::clone(&name), build_id };
            self.modules.insert(Arc::clone(&name), module);
        }
        self.names.insert(symbol, name);
    }

    /// The module that a symbol belongs to; `None` for those of the kernel itself.
    fn module_of(&self, symbol: u64) -> Option<&Module> {
        self.modules.get(self.names.get(&symbol)?)
    }

    /// Whether an address is in the kernel itself, which stays as it is until the next boot.
    fn is_core(&self, code: Code) -> bool {
        self.core.as_ref().is_some_and(|core| core.contains(&code.within()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_current_until_something_is_loaded() {
        let loaded = |version, ago| Loaded {
            at: Instant::now(),
            checked: Instant::now().checked_sub(ago).unwrap(),
            version,
            symbolizer: Symbolizer::new(),
            owners: Owners::default(),
        };
        let then = Version::now(0, |_| Ok(7));
        assert!(then.is_some());
        assert!(loaded(then, RELOAD_AFTER).is_current(|_| Ok(7)));
        assert!(!loaded(then, RELOAD_AFTER).is_current(|_| Ok(8)));
        assert!(loaded(then, RELOAD_AFTER / 2).is_current(|_| Ok(8)), "it was looked at just now");
        // Without the right to know.
        assert!(!loaded(None, RELOAD_AFTER).is_current(|_| Ok(7)));
        assert!(!loaded(then, RELOAD_AFTER).is_current(|_| Err(io::ErrorKind::Other.into())));
    }
}
