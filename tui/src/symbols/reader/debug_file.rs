//! Files beside a program that hold its debug information.
//!
//! blazesym follows the names that a program gives for them, too: it opens whatever is there, and takes
//! the directory that the program has here for the one it has where its process runs. So they are
//! looked for here, opened with care, and believed when build id or checksum say that they belong to it.

use super::elf::Elf;
use super::elf_bounds::Part;
use super::elf_depth::is_trusted;
use super::wire::Reads;
use crate::symbols::files::{Identity, open_regular, open_regular_in, root_of};
use nix::fcntl::OFlag;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where distributions put debug files.
const DEBUG_DIRECTORY: &str = "/usr/lib/debug";
/// Bytes of a file whose checksum is taken; it takes half a second.
const MAX_SUMMED: u64 = 512 << 20;

/// A debug file.
#[derive(Debug)]
pub(super) struct DebugFile {
    pub(super) file: File,
    pub(super) elf: Elf,
    /// Its path, where nobody but root can have put it there: what it names can be followed.
    pub(super) trusted: Option<PathBuf>,
}

/// Root directories to look below: that of a process, while it lives, and ours.
pub(super) struct Roots {
    roots: Vec<File>,
    /// Who owns the file that something is looked for.
    owner: Option<u32>,
    reads: Reads,
}

impl Roots {
    /// Those for a file that this process maps.
    pub(super) fn of(pid: u32, file: &File, reads: Reads) -> Self {
        let own = root_of(std::process::id()).ok();
        // The same directory can be the root of another tree of mounts.
        let seen = |pid: u32, root: &File| {
            let mounts = std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
            (Identity::of(root), mounts)
        };
        let own_tree = own.as_ref().map(|root| seen(std::process::id(), root));
        let is_another = |root: &File| Some(seen(pid, root)) != own_tree;
        let theirs = root_of(pid).ok().filter(is_another);
        let owner = file.metadata().map(|file| file.uid()).ok();
        Self { roots: theirs.into_iter().chain(own).collect(), owner, reads }
    }

    /// None at all.
    #[cfg(any(test, fuzzing))]
    pub(super) fn none() -> Self {
        Self { roots: Vec::new(), owner: None, reads: Reads::Everything }
    }

    /// Files at a path, if they are root's, or of who owns the other one: a process can have a root of its
    /// own making, and name things in a file that other processes run, too.
    fn open(&self, path: &Path) -> impl Iterator<Item = File> {
        let may_tell = |file: &File| {
            file.metadata().is_ok_and(|file| file.uid() == 0 || Some(file.uid()) == self.owner)
        };
        let open = move |root| open_regular_in(root, path, OFlag::O_RDONLY).ok();
        self.roots.iter().filter_map(open).filter(may_tell)
    }

    /// The debug file of a program or library that its process calls `module`.
    pub(super) fn debug_file(&self, module: &Path, wanted: &Elf) -> Option<DebugFile> {
        let by_id = wanted.build_id.as_deref().and_then(path_of_build_id);
        let by_name = wanted.debug_link.iter().flat_map(|(name, _)| paths_of_name(module, name));
        // A checksum is one of the whole file, and takes its time.
        let by_name = by_name.filter(|_| self.reads == Reads::Everything);
        let paths = by_id.into_iter().chain(by_name);
        paths.into_iter().find_map(|path| {
            self.open(&path).find_map(|file| DebugFile::check(file, &path, wanted, self.reads))
        })
    }

    /// The package of split debug information (`.dwp`) that lies beside a program or its debug file.
    /// Units in it are found by an id of their own, so one of another program does no harm.
    pub(super) fn package(&self, module: &Path, debug: Option<&Path>) -> Option<File> {
        let with_suffix = |path: &Path| {
            let mut path = path.as_os_str().to_owned();
            path.push(".dwp");
            PathBuf::from(path)
        };
        let paths = [Some(module), debug].into_iter().flatten().map(with_suffix);
        paths.into_iter().find_map(|path| {
            self.open(&path)
                .find(|file| Elf::inspect(file, self.reads).is_some_and(|elf| elf.has_dwarf))
        })
    }
}

impl DebugFile {
    /// Takes a file that was found at a path, if it belongs to the one it is wanted for.
    fn check(file: File, path: &Path, wanted: &Elf, reads: Reads) -> Option<Self> {
        let elf = Elf::inspect(&file, reads)?;
        if !(elf.has_dwarf || elf.has_table) || !belongs(&file, &elf, wanted) {
            return None;
        }
        let trusted = is_of_root(&file, path).then(|| path.to_owned());
        Some(Self { file, elf, trusted })
    }

    /// Opens one that was fetched for this build id.
    pub(super) fn fetched(path: &Path, build_id: &str) -> Option<Self> {
        Self::of_build_id(open_regular(path, 0).ok()?, build_id)
    }

    pub(super) fn of_build_id(file: File, build_id: &str) -> Option<Self> {
        let elf = Elf::inspect(&file, Reads::Everything)?;
        let is_it = elf.build_id.as_deref() == Some(build_id) && (elf.has_dwarf || elf.has_table);
        is_it.then_some(Self { file, elf, trusted: None })
    }
}

/// Whether a file that was fetched for this build id is that.
pub(in crate::symbols) fn is_debug_file(path: &Path, build_id: &str) -> bool {
    DebugFile::fetched(path, build_id).is_some()
}

fn belongs(file: &File, elf: &Elf, wanted: &Elf) -> bool {
    match (&elf.build_id, &wanted.build_id, &wanted.debug_link) {
        (Some(has), Some(wants), _) => has == wants,
        (_, _, Some((_, sum))) => checksum(file).is_ok_and(|has| has == *sum),
        _ => false,
    }
}

/// That of `.gnu_debuglink`.
fn checksum(file: &File) -> io::Result<u32> {
    let mut sum = crc32fast::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    let mut rest = Part::new(file, 0, MAX_SUMMED);
    loop {
        match rest.read(&mut buffer)? {
            0 => return Ok(sum.finalize()),
            read => sum.update(&buffer[..read]),
        }
    }
}

/// Whether a file is what lies at this path below the directory of debug files here, and root's.
fn is_of_root(file: &File, path: &Path) -> bool {
    is_trusted(file)
        && path.starts_with(DEBUG_DIRECTORY)
        && Identity::of(file) == Identity::at(path)
}

fn path_of_build_id(id: &str) -> Option<PathBuf> {
    let (first, rest) = id.split_at_checked(2)?;
    Some(PathBuf::from(format!("{DEBUG_DIRECTORY}/.build-id/{first}/{rest}.debug")))
}

/// Where a debug file of this name can be, as gdb looks for it.
fn paths_of_name(module: &Path, name: &OsStr) -> Vec<PathBuf> {
    let module = module.to_string_lossy();
    let module = Path::new(module.strip_suffix(" (deleted)").unwrap_or(&module));
    let Some(folder) = module.parent().filter(|folder| folder.is_absolute()) else {
        return Vec::new();
    };
    let beside = folder.join(name);
    // A debug file that is called as the program is not that program.
    let beside = (beside != module).then_some(beside);
    let below = folder.strip_prefix("/").unwrap_or(folder);
    let mut paths: Vec<_> = beside.into_iter().collect();
    paths.push(folder.join(".debug").join(name));
    paths.push(Path::new(DEBUG_DIRECTORY).join(below).join(name));
    // `/lib` is a link to `/usr/lib`, and which of the two a package says differs.
    paths.push(Path::new(DEBUG_DIRECTORY).join("usr").join(below).join(name));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_file_is_looked_for_where_gdb_does() {
        let paths = |module: &str| {
            let paths = paths_of_name(Path::new(module), OsStr::new("x.debug"));
            paths.iter().map(|path| path.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let expected = [
            "/opt/a/x.debug",
            "/opt/a/.debug/x.debug",
            "/usr/lib/debug/opt/a/x.debug",
            "/usr/lib/debug/usr/opt/a/x.debug",
        ];
        assert_eq!(paths("/opt/a/x"), expected);
        assert_eq!(paths("/opt/a/x (deleted)"), expected);
        assert_eq!(paths("/opt/a/x.debug"), expected[1..]);
        assert_eq!(paths("x"), Vec::<String>::new());
        assert_eq!(
            path_of_build_id("abcdef").unwrap(),
            Path::new("/usr/lib/debug/.build-id/ab/cdef.debug")
        );
    }
}
