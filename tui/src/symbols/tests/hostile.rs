//! Programs that say of themselves what is not so.

use super::Asker;
use super::programs::{compile_hidden, run, start_hidden};
use crate::symbols::reader::is_read;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// The section headers of a program: offset of each into the file.
fn section_headers(program: &[u8]) -> Vec<usize> {
    let at = |offset: usize| u64::from_le_bytes(program[offset..offset + 8].try_into().unwrap());
    let count = u16::from_le_bytes(program[0x3c..0x3e].try_into().unwrap());
    (0..usize::from(count)).map(|number| at(0x28) as usize + number * 64).collect()
}

/// Changes a program, and looks its function up: what can still be read has names.
fn name_in_changed(program: &Path, change: impl Fn(&mut Vec<u8>)) -> String {
    let changed = program.with_file_name("changed");
    let mut bytes = fs::read(program).unwrap();
    change(&mut bytes);
    fs::write(&changed, bytes).unwrap();
    fs::set_permissions(&changed, fs::metadata(program).unwrap().permissions()).unwrap();
    make_it_nobodys(&changed);
    let (child, address) = start_hidden(Command::new(&changed));
    let own = super::processes::never_inlined as *const () as u64;
    let mut asker = Asker::new();
    let name = asker.user(child.pid(), address + 1).last().unwrap().name.clone();
    let frames = asker.user(std::process::id(), own);
    assert!(frames.last().unwrap().name.ends_with("never_inlined"), "others have their names");
    name
}

/// Root is believed more than a stranger.
fn make_it_nobodys(path: &Path) {
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(path, Some(65_534), None).unwrap();
    }
}

/// Section names say what a section is; the flag, that it is compressed, and to how many bytes.
#[test]
fn sections_that_say_to_be_immense_when_decompressed_are_not_read() {
    if !cfg!(target_arch = "x86_64") {
        return eprintln!("SKIPPED: written for programs of 64 bits, little endian");
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = compile_hidden(folder.path(), &["-g"]) else { return };
    for size in [u64::MAX, 1 << 62, 1 << 45, 3 << 30, 17] {
        let name = name_in_changed(&program, |bytes| {
            for header in section_headers(bytes) {
                let kind = u32::from_le_bytes(bytes[header + 4..header + 8].try_into().unwrap());
                let flags = u64::from_le_bytes(bytes[header + 8..header + 16].try_into().unwrap());
                let offset =
                    u64::from_le_bytes(bytes[header + 24..header + 32].try_into().unwrap());
                // Debug information: of the program itself, loaded nowhere.
                if kind == 1 && flags & 2 == 0 {
                    bytes[header + 8] |= 8;
                    bytes[header + 9] |= 8;
                    let at = offset as usize;
                    bytes[at..at + 4].copy_from_slice(&1u32.to_le_bytes());
                    bytes[at + 8..at + 16].copy_from_slice(&size.to_le_bytes());
                }
            }
        });
        assert_eq!(name, "hidden_function", "the symbol table is as it was");
    }
}

#[test]
fn tables_larger_than_any_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = compile_hidden(folder.path(), &["-g"]) else { return };
    // The file is as long as they say, of nothing.
    let name = name_in_changed(&program, |bytes| {
        for header in section_headers(bytes) {
            let kind = u32::from_le_bytes(bytes[header + 4..header + 8].try_into().unwrap());
            if kind == 2 {
                bytes[header + 32..header + 40].copy_from_slice(&(300u64 << 20).to_le_bytes());
            }
        }
        bytes.resize(320 << 20, 0);
    });
    assert!(name.starts_with("changed+0x"), "{name}");
}

#[test]
fn what_is_no_elf_file_is_none() {
    let folder = tempfile::tempdir().unwrap();
    for (number, content) in [&b""[..], b"\x7fELF", b"#!/bin/sh", &[0; 4_096]].iter().enumerate() {
        let path = folder.path().join(number.to_string());
        fs::write(&path, content).unwrap();
        assert!(!is_read(&File::open(&path).unwrap()));
    }
}

/// Debug information in which a function is inlined in itself again and again: abbreviations, and a unit
/// with one function, whose entries are `levels` deep.
fn inlined_in_itself(levels: usize) -> String {
    format!(
        r#"
        .section .debug_abbrev,"",@progbits
        .byte 1,0x11,1, 0x11,1, 0x12,7, 0,0
        .byte 2,0x2e,1, 3,8, 0x11,1, 0x12,7, 0,0
        .byte 3,0x1d,1, 0,0
        .byte 0
        .section .debug_info,"",@progbits
        .long 2f - 1f
1:      .short 4
        .long 0
        .byte 8
        .byte 1
        .quad hidden_function, 64
        .byte 2
        .string "by_debug_information"
        .quad hidden_function, 64
        .fill {levels}, 1, 3
        .fill {levels} + 2, 1, 0
2:
"#
    )
}

#[test]
fn who_looks_for_inlined_functions_goes_down_so_far_only() {
    if !cfg!(target_arch = "x86_64") {
        return eprintln!("SKIPPED: written for addresses of 64 bits");
    }
    for (levels, expected) in [(900, "by_debug_information"), (1_000_000, "hidden_function")] {
        let folder = tempfile::tempdir().unwrap();
        let Some(listing) = compile_hidden(folder.path(), &["-S"]) else { return };
        let mut text = fs::read_to_string(&listing).unwrap();
        text.push_str(&inlined_in_itself(levels));
        fs::write(folder.path().join("deep.s"), text).unwrap();
        if !run(folder.path(), "cc", &["-o", "deep", "deep.s"]) {
            return;
        }
        let name = name_in_changed(&folder.path().join("deep"), |_| ());
        assert_eq!(name, expected, "{levels} levels");
    }
}
