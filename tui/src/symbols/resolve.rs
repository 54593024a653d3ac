//! A stack to frames: each address by what is mapped where it lies.

use super::address_space::Missing;
use super::binary::{Binary, Looked};
use super::engine::Engine;
use super::frames::{self, Code, Frames, Module};
use super::mapping::{Backing, Mapping};
use super::process::Snapshot;
use super::python;
use super::symbol::Symbol;
use super::vdso;
use super::{Request, Space};
use crate::source::{Frame, FrameKind, StackEnd};
use std::rc::Rc;
use std::sync::Arc;

/// Stands for the vdso where files have their number.
const VDSO: u32 = 0;

/// The frames of a stack, and how many of them lack a name.
#[derive(Default)]
pub(super) struct Resolved {
    pub(super) frames: Vec<Arc<Frame>>,
    pub(super) unresolved: usize,
    /// Among those, some in code of a JIT.
    pub(super) in_jit: bool,
    /// The memory by which it was resolved, if that was a process's.
    pub(super) snapshot: Option<Rc<Snapshot>>,
    /// Some are in a file whose debug information is being fetched.
    pub(super) awaits: bool,
    /// It is looked up long after it was taken: what its process has mapped since does not count.
    pub(super) is_late: bool,
}

/// How far a stack was resolved: frames, and those without a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(usize, usize);

impl Engine {
    pub(super) fn resolve(&mut self, request: &Request) -> Resolved {
        let mut resolved = Resolved::default();
        let codes = Code::of_stack(&request.addresses);
        match request.space {
            Space::Kernel => {
                for code in codes {
                    let frames = self.kernel.frames(code, &mut self.names);
                    resolved.push(&frames);
                }
            }
            Space::User { pid } => {
                let found = self.processes.find(pid, &mut self.binaries, &mut self.names);
                match found {
                    Ok(snapshot) => {
                        if self.not_ahead.contains(&pid) {
                            self.look_ahead_in(&snapshot, request);
                        }
                        self.resolve_in(snapshot, request, &mut resolved);
                    }
                    Err(missing) => {
                        let whole = resolve_nowhere(missing, codes, &mut resolved);
                        resolved.end(request.end, whole);
                    }
                }
            }
        }
        resolved
    }

    /// The frames of a stack of a process, by its memory.
    pub(super) fn resolve_in(
        &mut self,
        snapshot: Rc<Snapshot>,
        request: &Request,
        resolved: &mut Resolved,
    ) {
        let whole = self.resolve_user(snapshot, request, resolved);
        if request.end == StackEnd::NoUnwindData
            && let Some(snapshot) = resolved.snapshot.clone()
            && let Some(code) = Code::of_stack(&request.addresses).last()
        {
            resolved.frames.extend(self.place(&snapshot, code).map(Arc::new));
        }
        resolved.end(request.end, whole);
    }

    /// A note of where code is: what is missing there is for the file's makers to mend.
    fn place(&mut self, snapshot: &Snapshot, code: Code) -> Option<Frame> {
        let mapping = snapshot.mapping(code.within())?;
        let unnamed = self.unnamed(mapping, code, false);
        Some(Frame {
            kind: FrameKind::Note,
            name: format!("[at {}]", unnamed.first()?.name),
            resolved: true,
            ..Frame::clone(unnamed.first()?)
        })
    }

    /// Whether all of it is code; of a stack that was walked to its end that is known.
    fn resolve_user(
        &mut self,
        mut snapshot: Rc<Snapshot>,
        request: &Request,
        resolved: &mut Resolved,
    ) -> bool {
        let mut python = python::runs(&request.python, snapshot.pid, &self.codes, &mut self.names);
        let doubtful = request.end != StackEnd::Complete;
        let mut whole = true;
        for (index, code) in Code::of_stack(&request.addresses).enumerate() {
            if !resolved.is_late
                && snapshot.mapping(code.within()).is_none()
                && let Some(newer) =
                    self.processes.find_again(&snapshot, &mut self.binaries, &mut self.names)
            {
                snapshot = newer;
            }
            let mapping = snapshot.mapping(code.within());
            if doubtful && code.is_return && !may_be_code(&snapshot, mapping, code) {
                whole = false;
                break;
            }
            let native = resolved.mark();
            match mapping {
                Some(mapping) => self.resolve_mapped(&snapshot, mapping, code, resolved),
                None => {
                    let label = "[unmapped]";
                    resolved.push(&frames::unresolved(FrameKind::User, label, code.address, None));
                }
            }
            python.replace(index, native, resolved);
        }
        python.add_rest(whole && request.end == StackEnd::Complete, resolved);
        resolved.snapshot = Some(snapshot);
        whole
    }

    fn resolve_mapped(
        &mut self,
        snapshot: &Snapshot,
        mapping: &Mapping,
        code: Code,
        resolved: &mut Resolved,
    ) {
        let known = match &mapping.backing {
            Backing::Binary(binary) => {
                let mut frames = self.in_binary(binary, mapping, code);
                if let Some(answer) = self.fetching.want(binary) {
                    self.binaries.debug_file_came(binary, answer.as_deref());
                    frames = self.in_binary(binary, mapping, code);
                }
                resolved.awaits |= binary.is_awaited();
                frames
            }
            Backing::Vdso => Some(self.in_vdso(mapping, code)),
            Backing::File(_) | Backing::Named(_) | Backing::Anonymous => None,
        };
        if let Some(frames) = known {
            return resolved.push(&frames);
        }
        // No symbols are to be had, so it may be code that was made at run time.
        let mut jit = snapshot.perf_map.borrow_mut();
        if let Some((name, start)) = jit.find(snapshot.pid, code.within()) {
            let module = self.names.share("[jit]");
            return resolved.push(&frames::named(&name, &module, code.address - start));
        }
        resolved.in_jit |= jit.exists();
        resolved.push(&self.unnamed(mapping, code, jit.exists()));
    }

    /// The frames of code in a file; `None` if it is no file with symbols.
    fn in_binary(&mut self, binary: &Rc<Binary>, mapping: &Mapping, code: Code) -> Option<Frames> {
        let offset = mapping.file_offset(code.within());
        let place = place_in(binary, offset, code);
        if let Some(known) = self.places.get(&place) {
            return Some(known);
        }
        let found = match self.binaries.look_up(binary, offset) {
            Looked::Found(symbol) => Some(symbol),
            Looked::Nothing if binary.is_unreadable() => return None,
            Looked::Nothing => None,
            Looked::NotNow => return Some(self.unnamed(mapping, code, false)),
        };
        let frames = self.found_in(binary, mapping, code, found.as_ref());
        self.places.insert(place, Arc::clone(&frames));
        Some(frames)
    }

    /// The frames of what was found in a file, or was not.
    pub(super) fn found_in(
        &mut self,
        binary: &Binary,
        mapping: &Mapping,
        code: Code,
        found: Option<&Symbol>,
    ) -> Frames {
        let Some(symbol) = found else { return self.unnamed(mapping, code, false) };
        let (module, beyond) = (binary.origin(), code.beyond());
        frames::of_symbol(symbol, FrameKind::User, &module, beyond, &mut self.names).unwrap_or_else(
            || {
                let within = mapping.file_offset(code.within());
                let begins = within.wrapping_sub(symbol.offset as u64);
                let (label, offset) = (base_name(&module.name), within.wrapping_add(beyond));
                frames::unresolved_in(
                    FrameKind::User,
                    label,
                    (begins, offset),
                    Some(module.clone()),
                )
            },
        )
    }

    fn in_vdso(&mut self, mapping: &Mapping, code: Code) -> Frames {
        if !self.vdso.is_ours(mapping) {
            return self.unnamed(mapping, code, false);
        }
        let offset = code.within() - mapping.start;
        let place = (VDSO, offset << 1 | code.beyond());
        if let Some(known) = self.places.get(&place) {
            return known;
        }
        let found = self.vdso.look_up(offset, code.beyond(), &mut self.names);
        let frames = found.unwrap_or_else(|| self.unnamed(mapping, code, false));
        self.places.insert(place, Arc::clone(&frames));
        frames
    }

    /// The frame of a mapped address without a function name.
    fn unnamed(&mut self, mapping: &Mapping, code: Code, has_jit: bool) -> Frames {
        let in_file = mapping.file_offset(code.within()).wrapping_add(code.beyond());
        let in_memory = code.address - mapping.start;
        let named = |name: &Arc<str>| Module::named(Arc::clone(name));
        let (label, offset, module) = match &mapping.backing {
            Backing::Binary(binary) => (base_name(&binary.module), in_file, binary.origin()),
            Backing::File(path) => (base_name(path), in_file, named(path)),
            Backing::Vdso => (vdso::NAME, in_memory, self.vdso.module()),
            Backing::Named(name) => (&**name, in_memory, named(name)),
            Backing::Anonymous => {
                let name = match (has_jit, mapping.is_code) {
                    (true, _) => "[jit]",
                    (false, true) => "[anonymous code]",
                    (false, false) => "[anon]",
                };
                (name, in_memory, Module::named(self.names.share(name)))
            }
        };
        frames::unresolved(FrameKind::User, label, offset, Some(module))
    }
}

/// What the frames of a place in a file are kept by.
pub(super) fn place_in(binary: &Binary, offset: u64, code: Code) -> (u32, u64) {
    (binary.serial.get(), offset << 1 | code.beyond())
}

/// User addresses lie in this range: not in the first page, which is never mapped, nor in the half of
/// the kernel. (A process has to ask for more than 47 bits, where the machine has them.)
const USER: std::ops::Range<u64> = 0x1000..1 << 47;

/// The frames of a process that cannot be looked at.
fn resolve_nowhere(
    missing: Missing,
    codes: impl Iterator<Item = Code>,
    resolved: &mut Resolved,
) -> bool {
    for code in codes {
        if code.is_return && !USER.contains(&code.address) {
            return false;
        }
        resolved.push(&nowhere(missing, code));
    }
    true
}

/// Whether an address can be one of code. In a process with a JIT all memory without a file can,
/// whatever may be done with it at the moment, and what the JIT has named is.
fn may_be_code(snapshot: &Snapshot, mapping: Option<&Mapping>, code: Code) -> bool {
    let mut jit = snapshot.perf_map.borrow_mut();
    let mapped = mapping.is_some_and(|mapping| {
        mapping.is_code || (matches!(mapping.backing, Backing::Anonymous) && jit.exists())
    });
    mapped || jit.find(snapshot.pid, code.within()).is_some()
}

impl Resolved {
    /// Says how the stack ended, where something is missing. One that is not `whole` came to an address
    /// that is none of code: nothing returns there, the walk took a number for the frame pointer of the
    /// caller, and what it found from there on is as wrong.
    fn end(&mut self, end: StackEnd, whole: bool) {
        let end = if whole || end != StackEnd::Complete { end } else { StackEnd::FramePointers };
        self.frames.extend(Frame::end(end).map(Arc::new));
    }

    fn push(&mut self, frames: &Frames) {
        self.push_all(frames.iter().cloned());
    }

    pub(super) fn push_all(&mut self, frames: impl IntoIterator<Item = Arc<Frame>>) {
        let before = self.frames.len();
        self.frames.extend(frames);
        self.unresolved += self.frames[before..].iter().filter(|frame| !frame.resolved).count();
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(self.frames.len(), self.unresolved)
    }

    /// Takes back what was pushed since.
    pub(super) fn back_to(&mut self, Mark(frames, unresolved): Mark) {
        self.frames.truncate(frames);
        self.unresolved = unresolved;
    }

    /// The last frame so far.
    pub(super) fn root(&self) -> Option<&Frame> {
        self.frames.last().map(|frame| &**frame)
    }
}

/// The frame of an address of a process whose address space was never seen.
fn nowhere(missing: Missing, code: Code) -> Frames {
    let label = match missing {
        Missing::Exited => "[exited]",
        Missing::Refused => "[not readable]",
    };
    frames::unresolved(FrameKind::User, label, code.address, None)
}

/// The last part of a path, without the kernel's mark of a deleted file.
fn base_name(path: &str) -> &str {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("[file]")
}
