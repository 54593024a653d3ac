//! Build ids of frames, against what `readelf -n` prints.

use super::Asker;
use super::programs::{code_of, in_libc_of, libc_function, sleep_path, sleeper};
use crate::symbols::Space;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// What `readelf -n` prints; `None`, after a visible note, where there is none.
fn readelf(file: &Path) -> Option<String> {
    let Ok(output) = Command::new("readelf").arg("-n").arg(file).output() else {
        eprintln!("SKIPPED: needs readelf");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let id = text.lines().find_map(|line| line.trim().strip_prefix("Build ID: "));
    Some(id.unwrap_or_else(|| panic!("{} has none: {text}", file.display())).to_owned())
}

#[test]
fn frames_of_programs_and_libraries_have_the_build_id_of_their_file() {
    let child = sleeper(sleep_path());
    let (offset, libc) = libc_function();
    let mut asker = Asker::new();
    let in_libc = asker.user(child.pid(), in_libc_of(child.pid(), offset));
    let own = super::processes::never_inlined as *const () as u64;
    let in_own = asker.user(std::process::id(), own);
    // Debian's programs have no symbols: a frame without a name has a build id as well.
    let nameless = asker.user(child.pid(), code_of(child.pid(), "/sleep").address.0 + 0x40);
    let own_path = std::env::current_exe().unwrap();
    for (frames, file) in
        [(in_libc, Path::new(&libc)), (in_own, &own_path), (nameless, sleep_path())]
    {
        let Some(id) = readelf(file) else { return };
        for frame in frames {
            assert_eq!(frame.build_id.as_deref(), Some(&*id), "{frame:?}");
        }
    }
}

#[test]
fn frames_of_one_file_share_the_text_of_its_build_id() {
    let mut asker = Asker::new();
    let functions =
        [super::names as *const () as u64, super::processes::never_inlined as *const () as u64];
    let ids = functions.map(|at| {
        let frames = asker.user(std::process::id(), at);
        frames.last().unwrap().build_id.clone().expect("the linker makes one")
    });
    assert!(Arc::ptr_eq(&ids[0], &ids[1]));
}

#[test]
fn a_file_without_a_build_id_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("sleep-stripped");
    let stripped = Command::new("objcopy")
        .args(["--remove-section", ".note.gnu.build-id"])
        .args([sleep_path(), &program])
        .status();
    if !stripped.is_ok_and(|status| status.success()) {
        return eprintln!("SKIPPED: needs objcopy");
    }
    let child = sleeper(&program);
    let mut asker = Asker::new();
    let frames = asker.user(child.pid(), code_of(child.pid(), "sleep-stripped").address.0 + 0x40);
    assert_eq!(frames[0].build_id, None, "{frames:?}");
}

#[test]
fn frames_of_the_kernel_have_its_build_id() {
    let notes = std::fs::read("/sys/kernel/notes").unwrap_or_default();
    // Its first note, on all kernels that have one: 20 bytes behind "GNU".
    let Some(at) = notes.windows(8).position(|window| window == b"\x03\0\0\0GNU\0") else {
        return eprintln!("SKIPPED: this kernel has no build id");
    };
    let id: String = notes[at + 8..at + 28].iter().map(|byte| format!("{byte:02x}")).collect();
    let symbols = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let line = symbols.lines().find(|line| line.ends_with(" schedule")).expect("it has one");
    let address = u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
    if address == 0 {
        return eprintln!("SKIPPED: addresses of the kernel are hidden");
    }
    let frames = Asker::new().ask(Space::Kernel, &[address]);
    assert_eq!((frames[0].name.as_str(), frames[0].build_id.as_deref()), ("schedule", Some(&*id)));
}
