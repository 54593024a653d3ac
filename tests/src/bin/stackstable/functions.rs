//! Which function an address or a name is of, the same for both sides: symbols have aliases, and static
//! functions of stripped programs have no name, but unwind data says where they begin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Functions of the files of a program.
#[derive(Debug, Default)]
pub struct Functions {
    files: BTreeMap<String, File>,
}

/// Functions of one file.
#[derive(Debug, Default)]
struct File {
    /// Offset in the file, address and size of what is loaded.
    segments: Vec<(u64, u64, u64)>,
    /// Where functions begin, by the unwind data, and where they end.
    ranges: BTreeMap<u64, u64>,
    /// One name of each address.
    names: BTreeMap<u64, String>,
    /// Address of each name, of which there is one.
    addresses: BTreeMap<String, Option<u64>>,
}

impl Functions {
    /// One name for the function with this name, or at this offset, of a file.
    pub fn key(&mut self, path: &str, name: Option<&str>, offset: u64) -> String {
        let file = self.files.entry(path.to_owned()).or_insert_with(|| File::read(Path::new(path)));
        let label = path.rsplit('/').next().unwrap_or(path);
        match name {
            Some(name) => file.one_name(name),
            None => file.at(offset, label),
        }
    }
}

impl File {
    fn read(path: &Path) -> Self {
        let mut file = Self::default();
        if !path.is_absolute() {
            return file;
        }
        file.segments.extend(run("readelf", &["-lW"], path).lines().filter_map(segment));
        file.ranges
            .extend(run("readelf", &["--debug-dump=frames"], path).lines().filter_map(range));
        file.add_names(&run("nm", &["-D", "-C", "--defined-only"], path));
        file.add_names(&run("nm", &["-C", "--defined-only"], path));
        if let Some(debug) = debug_file(&run("readelf", &["-n"], path)) {
            file.add_names(&run("nm", &["-C", "--defined-only"], &debug));
        }
        file
    }

    fn add_names(&mut self, nm: &str) {
        for (address, name) in nm.lines().filter_map(symbol) {
            let same = self.names.entry(address).or_insert_with(|| name.clone());
            // Any rule will do that does not depend on the order.
            if (name.len(), &name) < (same.len(), same) {
                same.clone_from(&name);
            }
            let known = self.addresses.entry(name).or_insert(Some(address));
            *known = known.filter(|known| *known == address);
        }
    }

    fn one_name(&self, name: &str) -> String {
        let name = bare(name);
        let address = self.addresses.get(name).copied().flatten();
        address.and_then(|address| self.names.get(&address)).map_or(name, |name| name).to_owned()
    }

    fn at(&self, offset: u64, label: &str) -> String {
        let address = self.address(offset);
        let start = self.ranges.range(..=address).next_back();
        match start.filter(|(_, end)| address < **end) {
            None => format!("{label}+{address:#x}"),
            Some((start, _)) => {
                self.names.get(start).cloned().unwrap_or_else(|| format!("{label}+{start:#x}"))
            }
        }
    }

    fn address(&self, offset: u64) -> u64 {
        let holds = |(from, _, size): &&(u64, u64, u64)| (*from..*from + *size).contains(&offset);
        self.segments
            .iter()
            .find(holds)
            .map_or(offset, |(from, address, _)| offset - from + address)
    }
}

/// A name without its version, as in `memcpy@@GLIBC_2.14`, and without parameters, which not everybody
/// shows.
fn bare(name: &str) -> &str {
    let end = name.find(['@', '(']).filter(|at| *at > 0).unwrap_or(name.len());
    &name[..end]
}

fn run(command: &str, options: &[&str], path: &Path) -> String {
    let output = Command::new(command).args(options).arg(path).output();
    let output = output.unwrap_or_else(|error| panic!("{command}: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

/// A line of `nm`: address, kind, name.
fn symbol(line: &str) -> Option<(u64, String)> {
    let mut words = line.splitn(3, ' ');
    let (address, kind, name) = (words.next()?, words.next()?, words.next()?);
    let code = ["T", "t", "W", "w", "i"].contains(&kind);
    code.then(|| Some((hex(address)?, bare(name).to_owned()))).flatten()
}

/// `LOAD  offset  address  physical  size-in-file ...`
fn segment(line: &str) -> Option<(u64, u64, u64)> {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let ["LOAD", offset, address, _, size, ..] = &words[..] else { return None };
    Some((hex(offset)?, hex(address)?, hex(size)?))
}

/// `... FDE cie=... pc=0000000000001020..0000000000001040`
fn range(line: &str) -> Option<(u64, u64)> {
    let (start, end) = line.split_once(" pc=")?.1.split_once("..")?;
    Some((hex(start)?, hex(end)?))
}

/// The file with the names that were stripped, where it is installed.
fn debug_file(notes: &str) -> Option<PathBuf> {
    let id = notes.split_once("Build ID: ")?.1.split_ascii_whitespace().next()?;
    let (folder, rest) = id.split_at_checked(2)?;
    Some(PathBuf::from(format!("/usr/lib/debug/.build-id/{folder}/{rest}.debug")))
        .filter(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_the_same_by_name_and_by_address() {
        let mut file = File {
            segments: vec![(0x1000, 0x401000, 0x1000)],
            ranges: BTreeMap::from([(0x401000, 0x401040), (0x401040, 0x401050)]),
            ..File::default()
        };
        file.add_names("0000000000401000 T __GI_leaf\n0000000000401000 W leaf@@V1\n");
        for name in ["leaf", "__GI_leaf", "leaf@@V1"] {
            assert_eq!(file.one_name(name), "leaf");
        }
        assert_eq!(file.one_name("other"), "other");
        assert_eq!(file.at(0x103f, "a"), "leaf");
        assert_eq!(file.at(0x1045, "a"), "a+0x401040");
        assert_eq!(file.at(0x1055, "a"), "a+0x401055");
    }

    #[test]
    fn what_the_tools_print_is_read() {
        let line = "  LOAD  0x231000 0x0000000000631000 0x0000000000631000 0x13c 0x13c R E 0x1000";
        assert_eq!(segment(line), Some((0x231000, 0x631000, 0x13c)));
        let line = "00000018 0014 0000 FDE cie=00000000 pc=0000000000001020..0000000000001040";
        assert_eq!(range(line), Some((0x1020, 0x1040)));
        assert_eq!(symbol("0000000000401000 T leaf"), Some((0x401000, "leaf".to_owned())));
        let method = symbol("0000000000401000 W A::b(int, char) const");
        assert_eq!(method, Some((0x401000, "A::b".to_owned())));
        assert_eq!(symbol("                 U puts"), None);
    }
}
