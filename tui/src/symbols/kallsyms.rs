//! What `/proc/kallsyms` lists, packed: a kernel has hundreds of thousands of symbols, few of which are ever
//! asked for.

use super::frames::clipped;
use super::symbol::Symbol;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::Path;

/// Symbols of a block at least: what is unpacked to find one. It takes some 20 µs.
const BLOCK: usize = 512;
/// How well zstd packs: fast.
const LEVEL: i32 = 1;
/// Where the addresses of the kernel begin.
const KERNEL_HALF: u64 = 1 << 63;

/// All symbols, by address.
#[derive(Debug, Default)]
pub(super) struct Kallsyms {
    blocks: Vec<Block>,
    /// Where the code of the kernel itself is.
    pub(super) core: Option<Range<u64>>,
    /// There are symbols, and no address of any.
    pub(super) all_hidden: bool,
    /// All modules with symbols, each in brackets; `[bpf]` for BPF programs.
    pub(super) owners: Vec<String>,
}

/// Lines of symbols that lie side by side: how far behind the first (hexadecimal), the name, and the number of
/// the owner if there is one.
#[derive(Debug)]
struct Block {
    first: u64,
    /// Bytes of the lines.
    len: usize,
    packed: Box<[u8]>,
}

/// A symbol at or before an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The function. How far it goes is not known.
    pub(super) symbol: Symbol,
    /// Its module; `None`: the kernel itself.
    pub(super) owner: Option<usize>,
}

/// A line of the file.
struct Listed {
    address: u64,
    /// Where in the text of all names.
    name: Range<u32>,
    owner: Option<u32>,
}

/// Reads many symbols, those that are close to each other without unpacking anew.
pub(super) struct Finder<'a> {
    all: &'a Kallsyms,
    /// The block that is unpacked.
    block: Option<(usize, String)>,
}

impl Kallsyms {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut all = Self::default();
        let (mut names, mut listed) = (String::new(), Vec::new());
        let (mut start, mut end) = (0, 0);
        let (mut hidden, mut shown) = (false, false);
        let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
        let mut line = String::new();
        while file.read_line(&mut line)? > 0 {
            let mut parts = line.split_ascii_whitespace();
            let address = parts.next().and_then(|text| u64::from_str_radix(text, 16).ok());
            let (name, owner) = (parts.nth(1), parts.next());
            hidden |= address == Some(0);
            // The symbols of each CPU's memory begin at zero in truth.
            shown |= address.is_some_and(|address| address >= KERNEL_HALF);
            if let (Some(address @ 1..), Some(name)) = (address, name) {
                match (name, owner) {
                    ("_stext", None) => start = address,
                    ("_etext", None) => end = address,
                    _ => {}
                }
                let owner = owner.map(|owner| all.number_of(owner));
                let from = names.len() as u32;
                names.push_str(name);
                listed.push(Listed { address, name: from..names.len() as u32, owner });
            }
            line.clear();
        }
        // Of those at one address the first one listed is taken.
        listed.sort_by_key(|symbol| symbol.address);
        listed.dedup_by_key(|symbol| symbol.address);
        all.blocks = listed.chunks(BLOCK).map(|block| Block::new(block, &names)).collect();
        all.core = (start < end).then_some(start..end);
        all.all_hidden = hidden && !shown;
        Ok(all)
    }

    /// The number of an owner. Symbols of one follow each other.
    fn number_of(&mut self, owner: &str) -> u32 {
        let known = self.owners.iter().rposition(|known| known == owner);
        let number = known.unwrap_or_else(|| {
            self.owners.push(owner.to_owned());
            self.owners.len() - 1
        });
        number as u32
    }

    /// Finds symbols.
    pub(super) fn finder(&self) -> Finder<'_> {
        Finder { all: self, block: None }
    }
}

impl Finder<'_> {
    /// The last symbol at or before an address.
    pub(super) fn find(&mut self, address: u64) -> Option<Found> {
        let behind = self.all.blocks.partition_point(|block| block.first <= address);
        let number = behind.checked_sub(1)?;
        let block = &self.all.blocks[number];
        if self.block.as_ref().is_none_or(|(unpacked, _)| *unpacked != number) {
            self.block = Some((number, block.unpack()?));
        }
        let (_, text) = self.block.as_ref()?;
        let lines = text.lines().filter_map(Line::of);
        let line = lines.take_while(|line| line.behind <= address - block.first).last()?;
        let offset = address - block.first - line.behind;
        let name = demangled(line.name);
        let symbol = Symbol { name: name.into(), ..Symbol::unnamed(offset) };
        Some(Found { symbol, owner: line.owner })
    }
}

impl Block {
    fn new(symbols: &[Listed], names: &str) -> Self {
        use std::fmt::Write;
        let first = symbols.first().map_or(0, |symbol| symbol.address);
        let mut text = String::new();
        for Listed { address, name, owner } in symbols {
            let _ = write!(
                text,
                "{:x} {}",
                address - first,
                &names[name.start as usize..name.end as usize]
            );
            let _ = owner.map_or(Ok(()), |owner| write!(text, " {owner}"));
            text.push('\n');
        }
        let packed = zstd::bulk::compress(text.as_bytes(), LEVEL).unwrap_or_default();
        Self { first, len: text.len(), packed: packed.into() }
    }

    fn unpack(&self) -> Option<String> {
        String::from_utf8(zstd::bulk::decompress(&self.packed, self.len).ok()?).ok()
    }
}

/// A line of a block.
struct Line<'a> {
    behind: u64,
    name: &'a str,
    owner: Option<usize>,
}

impl<'a> Line<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let mut words = text.split(' ');
        let behind = u64::from_str_radix(words.next()?, 16).ok()?;
        let name = words.next()?;
        Some(Self { behind, name, owner: words.next().and_then(|number| number.parse().ok()) })
    }
}

/// Parts of the kernel are written in Rust.
fn demangled(name: &str) -> String {
    rustc_demangle::try_demangle(name)
        .map_or_else(|_| clipped(name), |it| clipped(&format!("{it:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_the_last_symbol_before_it_in_any_order_of_the_list() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let count = 3 * BLOCK as u64 + 7;
        let mut lines: Vec<_> = (0..count)
            .map(|number| {
                let owner = if number % 5 == 0 { "\t[five]" } else { "" };
                format!("{:016x} t f{number}{owner}\n", KERNEL_HALF + 0x10 * (number + 1))
            })
            .collect();
        lines.reverse();
        lines.push(format!("{:016x} t alias\n", KERNEL_HALF + 0x10));
        std::fs::write(file.path(), lines.concat()).unwrap();
        let all = Kallsyms::read(file.path()).unwrap();
        let mut finder = all.finder();
        assert_eq!((finder.find(KERNEL_HALF), finder.find(0)), (None, None));
        for number in (0..count).rev() {
            for offset in [0, 5, 0xf] {
                let found = finder.find(KERNEL_HALF + 0x10 * (number + 1) + offset).unwrap();
                assert_eq!(*found.symbol.name, format!("f{number}"));
                assert_eq!(found.symbol.offset as u64, offset);
                assert_eq!(found.owner.is_some(), number % 5 == 0, "{number}");
            }
        }
        assert_eq!(*finder.find(u64::MAX).unwrap().symbol.name, format!("f{}", count - 1));
        assert_eq!(all.owners, ["[five]"]);
    }

    #[test]
    fn functions_in_rust_have_their_names() {
        assert_eq!(demangled("_RNvCskwGfYPst2Cb_3foo16example_function"), "foo::example_function");
        assert_eq!(demangled("vfs_read"), "vfs_read");
    }
}
