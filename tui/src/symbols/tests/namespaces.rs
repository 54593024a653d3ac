//! Processes that see other files, or other PIDs, than we do.

use super::programs::{Running, in_libc_of, is_asleep, libc_function, sleep_path};
use super::{Asker, wait_until};
use procfs::process::{MMapPath, Process};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a shell script in new namespaces, until the process `sleep` that it becomes, or starts, sleeps;
/// `None`, after a visible note, where that is not permitted.
fn sleeping(unshare: &[&str], script: &str) -> Option<(Running, u32)> {
    let mut command = Command::new("unshare");
    command.args(unshare).args(["sh", "-c", script]).stdin(Stdio::null()).process_group(0);
    let Ok(child) = command.stderr(Stdio::null()).spawn() else {
        eprintln!("skipped: no program `unshare`");
        return None;
    };
    let mut child = Running(child);
    let mut found = None;
    let mut refused = false;
    wait_until("it sleeps, or was refused", || {
        refused = child.0.try_wait().unwrap().is_some();
        found = family(child.pid()).into_iter().find(|pid| is_asleep(*pid));
        refused || found.is_some()
    });
    if refused {
        eprintln!("skipped: no new namespace of this kind permitted here");
        return None;
    }
    Some((child, found.unwrap()))
}

/// A process and its descendants.
fn family(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
    std::iter::once(pid).chain(children.flat_map(family)).collect()
}

/// Ends `sleep` and waits until it is gone: it is no child of ours.
fn end(child: &mut Running, pid: u32) {
    let _ = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid.cast_signed()),
        nix::sys::signal::Signal::SIGKILL,
    );
    let _ = child.0.kill();
    wait_until("it is gone", || {
        let _ = child.0.try_wait();
        Process::new(pid.cast_signed()).and_then(|process| process.stat()).is_err()
            || std::fs::read(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.is_empty())
    });
}

/// A JIT in a container calls its file by the PID it has there, and has a `/tmp` of its own.
#[test]
fn the_file_of_a_jit_in_a_container_is_found_and_read_to_its_end() {
    let script = format!(
        "mount -t tmpfs none /tmp && echo '10000 20 inside()' > /tmp/perf-$$.map && \
         exec {} 600",
        sleep_path().display(),
    );
    let unshare = ["--mount", "--propagation", "private", "--pid", "--fork"];
    let Some((mut child, pid)) = sleeping(&unshare, &script) else { return };
    let process = Process::new(pid.cast_signed()).unwrap();
    let inner = process.status().unwrap().nstgid.unwrap().last().copied().unwrap();
    assert_ne!(inner.unsigned_abs(), pid);
    let map = format!("/proc/{pid}/root/tmp/perf-{inner}.map");
    assert!(Path::new(&map).exists());
    let anonymous = |map: &&procfs::process::MemoryMap| map.pathname == MMapPath::Anonymous;
    let start = process.maps().unwrap().iter().find(anonymous).unwrap().address.0;
    let append = |text: String| {
        use std::io::Write;
        let file = std::fs::OpenOptions::new().append(true).open(&map);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    };
    append(format!("{start:x} 20 early()\n"));
    let mut asker = Asker::new();
    assert_eq!(asker.user(pid, start + 4)[0].name, "early()");
    // Right before its end, and not looked at since.
    append(format!("{:x} 20 late()\n", start + 0x20));
    end(&mut child, pid);
    // Its memory goes first, the folders it sees last.
    wait_until("its folders are gone", || !Path::new(&map).exists());
    wait_until("it is read on", || asker.user(pid, start + 0x24)[0].name == "late()");
}

#[test]
fn a_library_below_another_root_directory_is_read_there() {
    let folder = tempfile::tempdir().unwrap();
    let (offset, libc) = libc_function();
    let root = folder.path();
    // The loader and the library where they are called so, and nothing else.
    let loader = Process::myself().unwrap().maps().unwrap().iter().find_map(|map| {
        let MMapPath::Path(path) = &map.pathname else { return None };
        path.file_name()?.to_str()?.starts_with("ld-").then(|| path.clone())
    });
    let interpreter = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
    let interpreter = interpreter.into_iter().find(|path| Path::new(path).exists());
    let (Some(loader), Some(interpreter)) = (loader, interpreter) else {
        return eprintln!("skipped: no loader known for this machine");
    };
    let copies = [
        (sleep_path(), "/bin/sleep"),
        (loader.as_path(), interpreter),
        (Path::new(&libc), "/lib/libc.so.6"),
    ];
    for (from, to) in copies {
        let to = root.join(&to[1..]);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
    let script = format!("exec chroot {} /bin/sleep 600", root.display());
    let Some((mut child, pid)) = sleeping(&["--mount"], &script) else { return };
    let address = in_libc_of(pid, offset);
    let mut asker = Asker::new();
    let frames = asker.user(pid, address);
    assert!(frames[0].name.contains("nanosleep"), "{frames:?}");
    end(&mut child, pid);
    drop(folder);
    let frames = asker.user(pid, address + 1);
    assert!(frames[0].name.contains("nanosleep"), "{frames:?}");
}
