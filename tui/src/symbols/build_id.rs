//! Build ids: what tells on another machine which file a frame is of.

use std::fs;
use std::sync::{Arc, LazyLock};

/// How the kernel itself is called on screen.
pub(super) const KERNEL: &str = "[kernel]";
/// Notes of the running kernel.
const KERNEL_NOTES: &str = "/sys/kernel/notes";
/// Type of the note of a build id, among those of [`GNU`].
const NT_GNU_BUILD_ID: u32 = 3;
/// Name that the note has, with its end.
const GNU: &[u8] = b"GNU\0";
/// Lengths that linkers make.
const LENGTHS: [usize; 4] = [8, 16, 20, 32];

/// That of the running kernel.
pub(super) fn of_kernel() -> Option<Arc<str>> {
    static ID: LazyLock<Option<Arc<str>>> =
        LazyLock::new(|| hex(in_notes(&fs::read(KERNEL_NOTES).ok()?)?));
    ID.clone()
}

/// That of code of the kernel: of the kernel itself (`[kernel]`) or of a module, whose name stands in
/// brackets.
pub fn of_kernel_code(module: &str) -> Option<Arc<str>> {
    if module == KERNEL { of_kernel() } else { of_module(module) }
}

/// That of a module of the kernel, whose name stands in brackets.
pub(super) fn of_module(name: &str) -> Option<Arc<str>> {
    let name = name.strip_prefix('[')?.strip_suffix(']')?;
    let notes = fs::read(format!("/sys/module/{name}/notes/.note.gnu.build-id")).ok()?;
    hex(in_notes(&notes)?)
}

/// The build id among notes as they lie in an ELF file of this machine.
pub(super) fn in_notes(mut notes: &[u8]) -> Option<&[u8]> {
    loop {
        let (head, rest) = notes.split_first_chunk::<12>()?;
        let word =
            |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (name, rest) = split_padded(rest, word(0))?;
        let (content, rest) = split_padded(rest, word(4))?;
        if word(8) == NT_GNU_BUILD_ID && name == GNU {
            return Some(content);
        }
        notes = rest;
    }
}

/// The first `length` bytes, and what comes behind them and their padding.
fn split_padded(bytes: &[u8], length: u32) -> Option<(&[u8], &[u8])> {
    let length = length as usize;
    let content = bytes.get(..length)?;
    Some((content, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

pub(super) fn hex(id: &[u8]) -> Option<Arc<str>> {
    let digits = || id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    LENGTHS.contains(&id.len()).then(|| digits().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn note(kind: u32, name: &[u8], content: &[u8]) -> Vec<u8> {
        let padded = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let numbers = [name.len() as u32, content.len() as u32, kind].map(u32::to_ne_bytes);
        [numbers.concat(), padded(name), padded(content)].concat()
    }

    #[test]
    fn the_build_id_is_found_among_other_notes() {
        let xen = note(3, b"Xen\0", &[9; 20]);
        let odd = note(6, b"Linux\0", b"abc");
        let id = note(3, GNU, &[0xab; 20]);
        assert_eq!(in_notes(&[xen.clone(), odd.clone(), id].concat()), Some(&[0xab; 20][..]));
        assert_eq!(in_notes(&[xen, odd].concat()), None);
        assert_eq!(in_notes(b""), None);
    }

    #[test]
    fn what_is_no_length_of_a_build_id_is_none() {
        assert_eq!(hex(&[0x0a; 8]).as_deref(), Some("0a0a0a0a0a0a0a0a"));
        assert_eq!(hex(&[1; 57]), None);
        assert_eq!(hex(&[]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = in_notes(&bytes);
        }
    }
}
