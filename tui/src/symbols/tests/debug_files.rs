//! Where symbols are when a program has none: debug files, compressed tables, packages.

use super::Asker;
use super::programs::{Running, compile_hidden, run, start_hidden};
use crate::source::Frame;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// Looks a function up that the program at this path says the place of: its frames, one byte in.
fn frames_in(program: &Path) -> (Running, Vec<Arc<Frame>>) {
    let (child, address) = start_hidden(Command::new(program));
    let frames = Asker::new().user(child.pid(), address + 1);
    (child, frames)
}

fn name_in(program: &Path) -> String {
    frames_in(program).1.last().unwrap().name.clone()
}

pub(super) fn with_lines(frames: &[Arc<Frame>]) -> bool {
    let function = frames.last().unwrap();
    function.name == "hidden_function"
        && function.file.as_deref().is_some_and(|file| file.ends_with("hidden.c"))
        && function.line.is_some()
}

/// A program without symbols, and `debug` beside it that has them.
pub(super) struct Split {
    folder: TempDir,
    pub(super) program: PathBuf,
}

impl Split {
    pub(super) fn new(compile: &[&str], strip: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let program = compile_hidden(folder.path(), compile)?;
        let all = run(folder.path(), "objcopy", &["--only-keep-debug", "hidden", "debug"])
            && run(folder.path(), "objcopy", &[&["--strip-all"], strip, &["hidden"]].concat());
        all.then_some(Self { folder, program })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where gdb looks for the debug file, below a directory.
    fn by_build_id(&self) -> PathBuf {
        let id = frames_in(&self.program).1[0].build_id.clone().expect("it has a build id");
        let (first, rest) = id.split_at(2);
        PathBuf::from(format!(".build-id/{first}/{rest}.debug"))
    }
}

#[test]
fn a_stripped_program_has_no_name_to_begin_with() {
    let Some(split) = Split::new(&["-g"], &[]) else { return };
    assert!(name_in(&split.program).starts_with("hidden+0x"));
}

#[test]
fn a_function_without_a_name_is_called_by_where_it_begins() {
    let Some(split) = Split::new(&["-g"], &[]) else { return };
    let (child, address) = start_hidden(Command::new(&split.program));
    let (start, offset) = super::programs::start_of_program(child.pid(), "hidden");
    let mut asker = Asker::new();
    let mut name_at = |address| asker.user(child.pid(), address)[0].clone();
    let frames = [0, 1, 5].map(|into| name_at(address + into));
    let begins = address - start + offset;
    for (frame, into) in frames.iter().zip([0, 1, 5]) {
        assert_eq!(frame.name, format!("hidden+{begins:#x}"));
        assert_eq!((frame.offset, frame.resolved), (begins + into, false));
    }
    assert_ne!(name_at(address - 1).name, frames[0].name, "another function ends before it");
}

#[test]
fn a_debug_file_is_found_by_name_and_checksum() {
    // Without a build id, the checksum alone tells that it belongs to it.
    for compile in [&["-g"][..], &["-g", "-Wl,--build-id=none"]] {
        let link = ["--add-gnu-debuglink=debug"];
        let Some(split) = Split::new(compile, &link) else { return };
        let (_child, frames) = frames_in(&split.program);
        assert!(with_lines(&frames), "{frames:?}");
        // Below `.debug` as well.
        fs::create_dir(split.path().join(".debug")).unwrap();
        fs::rename(split.path().join("debug"), split.path().join(".debug/debug")).unwrap();
        assert!(with_lines(&frames_in(&split.program).1));
    }
}

/// The same code: it would have the right names, but who could know.
#[test]
fn a_debug_file_of_another_program_is_not_believed() {
    const ID: u64 = 0x1234_5678_90ab_cdef;
    for id in ["-Wl,--build-id=0x1234567890abcdef", "-Wl,--build-id=none"] {
        let Some(split) = Split::new(&["-g", id], &["--add-gnu-debuglink=debug"]) else { return };
        let debug = split.path().join("debug");
        let mut file = fs::read(&debug).unwrap();
        match file.windows(8).position(|bytes| bytes == ID.to_be_bytes()) {
            Some(at) => file[at] ^= 1,
            None => file.push(0),
        }
        fs::write(debug, file).unwrap();
        assert!(name_in(&split.program).starts_with("hidden+0x"), "{id}");
    }
}

/// Who may mount what he likes for his own processes could name things in everybody's.
#[test]
fn a_debug_file_of_somebody_else_is_not_believed() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED: needs root, to give a file away");
    }
    let Some(split) = Split::new(&["-g"], &["--add-gnu-debuglink=debug"]) else { return };
    std::os::unix::fs::chown(split.path().join("debug"), Some(65_534), None).unwrap();
    assert!(name_in(&split.program).starts_with("hidden+0x"));
    std::os::unix::fs::chown(&split.program, Some(65_534), None).unwrap();
    assert!(with_lines(&frames_in(&split.program).1), "both are his");
}

#[test]
fn a_debug_file_that_is_a_pipe_holds_nothing_up() {
    let Some(split) = Split::new(&["-g"], &["--add-gnu-debuglink=debug"]) else { return };
    for name in ["debug", ".debug/debug", "hidden.dwp"] {
        let path = split.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    assert!(name_in(&split.program).starts_with("hidden+0x"));
}

/// In the directory of debug files that only the process sees, as in a container.
#[test]
fn a_debug_file_is_found_by_build_id_in_the_root_of_the_process() {
    if !Path::new("/usr/lib/debug").is_dir() {
        return eprintln!("SKIPPED: no /usr/lib/debug to mount upon");
    }
    let Some(split) = Split::new(&["-g"], &[]) else { return };
    let below = split.by_build_id();
    let script = format!(
        "mount -t tmpfs none /usr/lib/debug && mkdir -p /usr/lib/debug/{folder} && \
         cp {debug} /usr/lib/debug/{below} && exec {program}",
        folder = below.parent().unwrap().display(),
        below = below.display(),
        debug = split.path().join("debug").display(),
        program = split.program.display(),
    );
    let permitted = ["--mount", "--propagation", "private"];
    if !run(
        split.path(),
        "unshare",
        &[&permitted[..], &["mount", "-t", "tmpfs", "none", "/mnt"]].concat(),
    ) {
        return;
    }
    let mut command = Command::new("unshare");
    command.args(permitted).args(["sh", "-c", &script]);
    let (child, address) = start_hidden(command);
    let frames = Asker::new().user(child.pid(), address + 1);
    assert!(with_lines(&frames), "{frames:?}");
    assert!(!Path::new("/usr/lib/debug").join(&below).exists(), "it is to be seen there only");
}

#[test]
fn the_compressed_small_table_of_a_program_is_read() {
    let Some(split) = Split::new(&[], &[]) else { return };
    let folder = split.path();
    // As Fedora makes it: the symbols of the debug file, without its debug information.
    let packed = run(folder, "objcopy", &["-S", "--remove-section=.comment", "debug", "unused"])
        && run(folder, "objcopy", &["--strip-debug", "debug", "small"])
        && run(folder, "xz", &["-k", "small"])
        && run(folder, "objcopy", &["--add-section=.gnu_debugdata=small.xz", "hidden"]);
    if packed {
        assert_eq!(name_in(&split.program), "hidden_function");
    }
}

#[test]
fn a_small_table_that_is_none_costs_nothing() {
    let Some(split) = Split::new(&[], &[]) else { return };
    let folder = split.path();
    // Zeros compress well: 200 MiB of them to 30 KiB.
    let script = "head -c 209715200 /dev/zero | xz -1 > zeros.xz; echo no xz > text.xz";
    if !run(folder, "sh", &["-c", script]) {
        return;
    }
    for content in ["zeros.xz", "text.xz"] {
        fs::copy(&split.program, folder.join("hostile")).unwrap();
        let add = format!("--add-section=.gnu_debugdata={content}");
        assert!(run(folder, "objcopy", &[&add, "hostile"]));
        assert!(name_in(&folder.join("hostile")).starts_with("hostile+0x"));
    }
}

#[test]
fn compressed_debug_information_is_read() {
    for kind in ["zlib", "zlib-gabi", "zstd"] {
        let folder = tempfile::tempdir().unwrap();
        let Some(program) = compile_hidden(folder.path(), &["-g"]) else { return };
        let compress = format!("--compress-debug-sections={kind}");
        if !run(folder.path(), "objcopy", &[&compress, "hidden"]) {
            continue;
        }
        let (_child, frames) = frames_in(&program);
        assert!(with_lines(&frames), "{kind}: {frames:?}");
    }
}

/// Split DWARF: lines are in the program itself; what was inlined is known where the package is.
#[test]
fn split_debug_information_is_read_from_its_package() {
    let folder = tempfile::tempdir().unwrap();
    // The packages that this program makes of later ones are not always whole.
    let options = ["-g", "-gdwarf-4", "-gsplit-dwarf"];
    let Some(program) = compile_hidden(folder.path(), &options) else { return };
    let inlined = |program: &Path| {
        let (child, address) = start_hidden(Command::new(program));
        let mut asker = Asker::new();
        let frames: Vec<_> = (0..16).flat_map(|at| asker.user(child.pid(), address + at)).collect();
        assert!(frames.iter().any(|frame| frame.name == "hidden_function"), "{frames:?}");
        frames.iter().any(|frame| frame.name == "within" && frame.inlined)
    };
    assert!(!inlined(&program), "without the package");
    if run(folder.path(), "dwp", &["-e", "hidden", "-o", "hidden.dwp"]) {
        assert!(inlined(&program), "with it");
    }
}
