//! Kernel addresses, by `/proc/kallsyms`.

use super::bounded::Bounded;
use super::build_id;
use super::frames::{self, Code, Frames, Module, Names};
use super::kallsyms::{Found, Kallsyms};
use crate::source::FrameKind;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const KALLSYMS: &str = "/proc/kallsyms";
/// See proc_modules(5).
const MODULES: &str = "/proc/modules";
/// Half of the kernel addresses whose frames are kept.
const HALF_OF_CACHE: usize = 16_384;
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
    symbols: Kallsyms,
    /// Those of the symbols, by number.
    modules: Vec<Module>,
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
        let volatile = |loaded: &Loaded| unknown.iter().any(|code| !loaded.is_core(*code));
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
            if self.loaded.as_ref().is_some_and(|loaded| loaded.is_core(code)) {
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
        let symbols = Kallsyms::read(&self.kallsyms).unwrap_or_default();
        let modules = symbols.owners.iter().map(|name| {
            let (name, build_id) = (names.share(name), build_id::of_module(name));
            Module { name, build_id }
        });
        let (at, modules) = (Instant::now(), modules.collect());
        self.loaded = Some(Loaded { at, checked: at, version, symbols, modules });
    }

    fn look_up(&self, codes: &[Code], names: &mut Names) -> Vec<Frames> {
        let mut finder = self.loaded.as_ref().map(|loaded| (loaded, loaded.symbols.finder()));
        let mut look_up = |code: &Code| {
            let (loaded, finder) = finder.as_mut()?;
            self.named(loaded, *code, finder.find(code.within())?, names)
        };
        codes.iter().map(|code| look_up(code).unwrap_or_else(|| self.unresolved(*code))).collect()
    }

    /// kallsyms has no sizes: any address is "in" the symbol before it, also one in code that was
    /// loaded later or is not listed. So only what can be true is taken.
    fn named(
        &self,
        loaded: &Loaded,
        code: Code,
        Found { symbol, owner }: Found,
        names: &mut Names,
    ) -> Option<Frames> {
        let core = loaded.is_core(code);
        let can_be = core || (owner.is_some() && symbol.offset as u64 <= MAX_VOLATILE_SIZE);
        let owner = owner.filter(|_| !core).and_then(|owner| loaded.modules.get(owner));
        let module = owner.unwrap_or(&self.module);
        let frames = || frames::of_symbol(&symbol, FrameKind::Kernel, module, code.beyond(), names);
        can_be.then(frames).flatten()
    }

    fn unresolved(&self, code: Code) -> Frames {
        let symbols = self.loaded.as_ref().map(|loaded| &loaded.symbols);
        let core = symbols.and_then(|symbols| symbols.core.as_ref());
        let start = core.filter(|core| core.contains(&code.within())).map_or(0, |core| core.start);
        let hidden = symbols.is_some_and(|symbols| symbols.all_hidden);
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

    /// Whether an address is in the kernel itself, which stays as it is until the next boot.
    fn is_core(&self, code: Code) -> bool {
        self.symbols.core.as_ref().is_some_and(|core| core.contains(&code.within()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_current_until_something_is_loaded() {
        let loaded = |version, ago| Loaded {
            at: Instant::now(),
            checked: Instant::now().checked_sub(ago).unwrap(),
            version,
            symbols: Kallsyms::default(),
            modules: Vec::new(),
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
