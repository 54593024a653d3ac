//! The vdso: the code that the kernel puts into every process.

use super::frames::{self, Frames, Module, Names};
use super::guard::guarded;
use super::mapping::Mapping;
use super::symbol::Symbol;
use crate::source::FrameKind;
use blazesym::Pid;
use blazesym::symbolize::source::{Process, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use procfs::process::MMapPath;

/// How it is called on screen.
pub(super) const NAME: &str = "[vdso]";

/// The vdso of this program, which is that of all others of the same word size.
#[derive(Debug)]
pub(super) struct Vdso {
    /// Where it is mapped here: start and end.
    here: Option<(u64, u64)>,
    symbolizer: Symbolizer,
    module: Module,
}

impl Vdso {
    pub(super) fn new() -> Self {
        let maps = procfs::process::Process::myself().and_then(|own| own.maps()).ok();
        let here = maps.and_then(|maps| {
            maps.iter().find(|map| map.pathname == MMapPath::Vdso).map(|map| map.address)
        });
        Self { here, symbolizer: Symbolizer::new(), module: Module::named(NAME.into()) }
    }

    pub(super) fn module(&self) -> Module {
        self.module.clone()
    }

    /// Whether another process's vdso is the same code as ours. Those of 32-bit processes are not.
    pub(super) fn is_ours(&self, mapping: &Mapping) -> bool {
        let is_wide = |end: u64| end > u64::from(u32::MAX);
        self.here.is_some_and(|(start, end)| {
            end - start == mapping.end - mapping.start && is_wide(end) == is_wide(mapping.end)
        })
    }

    /// The frames of the code at an offset into the vdso; `None` if there is no name for it.
    pub(super) fn look_up(&self, offset: u64, beyond: u64, names: &mut Names) -> Option<Frames> {
        let address = self.here?.0 + offset;
        let mut process = Process::new(Pid::Slf);
        process.perf_map = false;
        process.map_files = false;
        guarded(|| {
            let source = Source::Process(process);
            let found = self.symbolizer.symbolize_single(&source, Input::AbsAddr(address)).ok()?;
            let Symbolized::Sym(symbol) = found else { return None };
            frames::of_symbol(
                &Symbol::told(&symbol, |name| frames::clipped(name).into()),
                FrameKind::User,
                &self.module,
                beyond,
                names,
            )
        })
        .flatten()
    }
}
