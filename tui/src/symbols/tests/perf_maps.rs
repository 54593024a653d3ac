//! Code of JITs.

use super::programs::{Running, sleep_path, sleeper};
use super::{Asker, names, wait_until};
use crate::symbols::Space;
use crate::symbols::perf_map::PerfMap;
use procfs::process::{MMPermissions, MMapPath, Process};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A perf map that is removed when the test ends.
struct Written(PathBuf);

impl Written {
    fn of(pid: u32) -> Self {
        let path = PathBuf::from(format!("/tmp/perf-{pid}.map"));
        File::create(&path).unwrap();
        Self(path)
    }

    fn append(&self, text: &str) {
        OpenOptions::new().append(true).open(&self.0).unwrap().write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn names_of_a_jit_are_read_also_those_written_late() {
    let mut child = sleeper(sleep_path());
    let pid = child.pid();
    let process = Process::new(pid.cast_signed()).unwrap();
    let anonymous = |map: &&procfs::process::MemoryMap| map.pathname == MMapPath::Anonymous;
    let start = process.maps().unwrap().iter().find(anonymous).unwrap().address.0;
    let mut asker = Asker::new();
    assert_eq!(names(&asker.user(pid, start + 0x14)), ["[anon]+0x14"]);

    let map = Written::of(pid);
    map.append(&format!("{start:x} 20 LazyCompile:*add file.js:1\nnot a line\n{:x} 2", start + 64));
    wait_until("the file is read", || asker.user(pid, start + 0x14)[0].resolved);
    let frames = asker.ask(Space::User { pid }, &[start + 0x14, start + 0x20, start + 0x30]);
    assert_eq!(names(&frames)[..2], ["LazyCompile:*add file.js:1"; 2]);
    assert_eq!((frames[0].offset, frames[1].offset), (0x14, 0x20));
    assert_eq!(frames[0].module.as_deref(), Some("[jit]"));
    assert_eq!(frames[2].name, "[jit]+0x30");

    // The half line is completed; the stack that lacked a name is answered once more by itself.
    let id = asker.request(Space::User { pid }, &[start + 70]);
    let first = asker.wait();
    assert_eq!(names(&first[0].frames), ["[jit]+0x46"]);
    map.append("0 late\n");
    let mut again = Vec::new();
    wait_until("it is looked up once more", || {
        again.extend(asker.worker.finished());
        again.iter().any(|stack| stack.id == id)
    });
    let again = again.iter().find(|stack| stack.id == id).unwrap();
    assert_eq!(names(&again.frames), ["late"]);

    // What was read still holds when the process is gone.
    child.kill();
    assert_eq!(names(&asker.user(pid, start + 70)), ["late"]);
}

/// Anybody may put a file of that name into `/tmp`.
#[test]
fn what_somebody_else_wrote_is_not_believed() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED: needs root, to give a file away");
    }
    let child = sleeper(sleep_path());
    let map = Written::of(child.pid());
    assert!(crate::symbols::perf_map::open(child.pid()).is_ok());
    std::os::unix::fs::chown(&map.0, Some(65_534), None).unwrap();
    let refused = crate::symbols::perf_map::open(child.pid()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
}

/// Node writes down what its JIT makes; another program that makes code and writes nothing is said to.
#[test]
fn code_of_node_has_its_names() {
    let script = "function hot(n) { let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s } \
                  const end = Date.now() + 60000; while (Date.now() < end) hot(1e6)";
    for (option, named) in [("--perf-basic-prof", true), ("--no-warnings", false)] {
        let mut command = Command::new("node");
        // Node leaves a log where it runs.
        let dir = tempfile::tempdir().unwrap();
        command.args([option, "-e", script]).stdin(Stdio::null()).current_dir(dir.path());
        let Ok(child) = command.spawn() else { return eprintln!("SKIPPED: needs node") };
        let child = Running(child);
        let pid = child.pid();
        let mut asker = Asker::new();
        wait_until("its code is seen", || {
            let maps = Process::new(pid.cast_signed()).unwrap().maps().unwrap();
            let code = maps.iter().filter(|map| {
                map.perms.contains(MMPermissions::EXECUTE) && map.pathname == MMapPath::Anonymous
            });
            let places = code.flat_map(|map| (map.address.0..map.address.1).step_by(64));
            places.take(4_096).any(|at| {
                let name = asker.user(pid, at)[0].name.clone();
                if named { name.contains("hot") } else { name.starts_with("[anonymous code]+0x") }
            })
        });
        let _ = std::fs::remove_file(format!("/tmp/perf-{pid}.map"));
    }
}

#[test]
fn a_map_that_is_written_anew_replaces_the_old_one() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut map = PerfMap::default();
    let read = |map: &mut PerfMap, path: &std::path::Path| {
        map.read_from(&File::open(path).unwrap()).unwrap();
    };
    file.write_all(b"1000 100 first function\n2000 10 second\n").unwrap();
    read(&mut map, file.path());
    // No such process: nothing further is read.
    let name = |map: &mut PerfMap, at| map.find(u32::MAX, at).map(|(name, _)| name.to_string());
    assert_eq!(name(&mut map, 0x10ff).as_deref(), Some("first function"));
    assert_eq!(name(&mut map, 0x1100), None);
    // Later lines win where they overlap.
    file.write_all(b"1ff8 10 third\n").unwrap();
    read(&mut map, file.path());
    assert_eq!(name(&mut map, 0x2000).as_deref(), Some("third"));
    file.as_file().set_len(0).unwrap();
    std::fs::write(file.path(), "3000 8 only\n").unwrap();
    read(&mut map, file.path());
    assert_eq!(name(&mut map, 0x10ff), None);
    assert_eq!(name(&mut map, 0x3000).as_deref(), Some("only"));
}
