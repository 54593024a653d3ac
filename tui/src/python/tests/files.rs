use super::{Found, Image, Version};
use object::ReadCache;
use std::fs::File;
use std::path::Path;

/// CPythons that may be here: series, and files.
const PYTHONS: [(u32, &str); 3] =
    [(11, "/usr/bin/python3.11"), (12, "/usr/bin/python3.12"), (13, "/usr/bin/python3.13")];

#[test]
fn a_python_is_found_in_its_file() {
    for (minor, path) in PYTHONS.into_iter().filter(|(_, path)| Path::new(path).exists()) {
        let file = File::open(path).unwrap();
        let found = Image::find(&ReadCache::new(&file));
        let Found::Python(image) = found else { panic!("{path}: {found:?}") };
        assert_eq!(image.version.series(), (3, minor), "{path}");
        let whole = std::fs::read(path).unwrap();
        assert_eq!(Image::find(&whole[..]), Found::Python(image.clone()), "{path}");
        for len in [0, 64, 4_096, whole.len() / 2, whole.len() - 1] {
            assert!(!matches!(Image::find(&whole[..len]), Found::Python(_)), "{path} cut at {len}");
        }
    }
}

#[test]
fn other_programs_have_none() {
    let file = File::open("/proc/self/exe").unwrap();
    assert_eq!(Image::find(&ReadCache::new(&file)), Found::Nothing);
    assert_eq!(Image::find(&b"#!/usr/bin/python3"[..]), Found::Nothing);
}

#[test]
fn the_bias_is_what_was_added_to_the_files_addresses() {
    let word = 0_u64.to_le_bytes();
    let mut image = Image::for_tests(Version(0x030b_00f0), &word).unwrap();
    // Code at 0x2100 in memory lies at 0x1100 in the file; pages are mapped whole.
    image.set_code(&[(0x2100, 0x1100, 0x5000)]);
    assert_eq!(image.bias(0x7f00_0000_2000, 0x1000), Some(0x7f00_0000_0000));
    assert_eq!(image.bias(0x7f00_0000_4000, 0x3000), Some(0x7f00_0000_0000), "a part of it");
    assert_eq!(image.bias(0x2000, 0x1000), Some(0), "not moved");
    assert_eq!(image.bias(0x2000, 0), None, "in front of it");
    assert_eq!(image.bias(0x2000, 0x7000), None, "behind it");
}

/// Before 3.11 it has no variable with its version; what only uses it, has nothing of it.
#[test]
fn an_older_one_is_known_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    for (source, expected) in [
        ("int _PyRuntime, PyCode_Type;", Found::Unknown(Version(0))),
        ("extern int PyCode_Type; int *uses(void) { return &PyCode_Type; }", Found::Nothing),
    ] {
        std::fs::write(folder.path().join("python.c"), source).unwrap();
        let mut cc = std::process::Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o", "python.so", "python.c"]).current_dir(folder.path());
        if !cc.status().is_ok_and(|status| status.success()) {
            return eprintln!("SKIPPED: needs a C compiler");
        }
        let library = std::fs::read(folder.path().join("python.so")).unwrap();
        assert_eq!(Image::find(&library[..]), expected, "{source}");
    }
    assert_eq!(Version(0).to_string(), "before 3.11");
}
