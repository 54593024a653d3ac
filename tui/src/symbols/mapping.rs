//! What is mapped where in a process.

use super::address_space::Region;
use super::binary::{Binaries, Binary};
use super::frames::Names;
use procfs::FromRead;
use procfs::process::{MMPermissions, MMapPath, MemoryMap, MemoryMaps};
use std::rc::Rc;
use std::sync::Arc;

/// Mappings of one process that are kept, in order of address.
const MAX_MAPPINGS: usize = 65_536;

/// A range of a process's addresses.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Offset of `start` into the file.
    pub(super) offset: u64,
    /// Whether what is in it can be executed.
    pub(super) is_code: bool,
    pub(super) backing: Backing,
}

/// What is behind a mapping.
#[derive(Debug)]
pub(super) enum Backing {
    /// A file with code.
    Binary(Rc<Binary>),
    /// A file that holds no code here, or that could not be found.
    File(Arc<str>),
    /// The code that the kernel puts into every process.
    Vdso,
    /// Memory of the process, by the kernel's or the process's name for it: `[heap]`.
    Named(Arc<str>),
    /// Memory of the process.
    Anonymous,
}

impl Mapping {
    pub(super) fn holds(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Offset into the file.
    pub(super) fn file_offset(&self, address: u64) -> u64 {
        (address - self.start).wrapping_add(self.offset)
    }

    pub(super) fn new(region: &Region, binaries: &mut Binaries, names: &mut Names) -> Self {
        let map = &region.map;
        let (start, end) = map.address;
        let is_code = map.perms.contains(MMPermissions::EXECUTE);
        let named = |names: &mut Names, name: &str| Backing::Named(names.share(name));
        let backing = match &map.pathname {
            MMapPath::Vdso => Backing::Vdso,
            MMapPath::Anonymous => Backing::Anonymous,
            MMapPath::Heap => named(names, "[heap]"),
            MMapPath::Stack | MMapPath::TStack(_) => named(names, "[stack]"),
            MMapPath::Vvar => named(names, "[vvar]"),
            MMapPath::Vsyscall => named(names, "[vsyscall]"),
            MMapPath::Rollup => named(names, "[rollup]"),
            MMapPath::Vsys(_) => named(names, "[shm]"),
            MMapPath::Other(name) => named(names, &format!("[{name}]")),
            MMapPath::Path(path) => {
                let module = names.share(&path.to_string_lossy());
                match region.code {
                    Some((identity, at)) => Backing::Binary(binaries.find(identity, at, &module)),
                    None => Backing::File(module),
                }
            }
        };
        Self { start, end, offset: map.offset, is_code, backing }
    }
}

/// Line by line, and with what is no UTF-8 replaced: one strange name must not hide the rest.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = MemoryMap> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| parse_line(&String::from_utf8_lossy(line)))
        .take(MAX_MAPPINGS)
}

fn parse_line(line: &str) -> Option<MemoryMap> {
    // The name stands behind five fields.
    let (at, _) = line.match_indices(' ').nth(4)?;
    let (fields, name) = line.split_at(at + 1);
    let mut map = MemoryMaps::from_read(fields.as_bytes()).ok()?.into_iter().next()?;
    map.pathname = name_of(name.trim());
    Some(map)
}

/// procfs panics at names that begin as those of shared memory and of stacks do and go on otherwise.
/// A file may be called so.
fn name_of(name: &str) -> MMapPath {
    let understood = match name {
        _ if name.starts_with("/SYSV") => name.is_ascii() && name.len() >= "/SYSV01234567".len(),
        _ if name.starts_with("[stack:") => name.is_ascii(),
        _ => true,
    };
    let known = if understood { MMapPath::from(name).ok() } else { None };
    known.unwrap_or_else(|| MMapPath::Path(name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_called_like_shared_memory() {
        let names = ["/SYSV", "/SYSV\u{e9}123456", "/SYSVnohex00", "[stack:\u{fffd}", "/bin/a b"];
        for name in names {
            let text = format!("7f00-7f10 r-xp 00000000 fe:00 18504    {name}\n");
            let [map] = &parse(text.as_bytes()).collect::<Vec<_>>()[..] else { panic!("{name}") };
            assert_eq!(
                (map.address, &map.pathname),
                ((0x7f00, 0x7f10), &MMapPath::Path(name.into()))
            );
        }
        let line = b"7f00-7f10 rw-s 00000000 00:01 5 /SYSV0000abcd (deleted)";
        assert_eq!(parse(line).next().unwrap().pathname, MMapPath::Vsys(0xabcd));
    }
}
