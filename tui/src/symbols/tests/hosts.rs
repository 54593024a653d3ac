//! The kernel, other mount namespaces, deleted files.

use super::programs::{Running, code_of, in_libc_of, libc_function, sleep_path, sleeper};
use super::programs::{is_asleep, start_of_program, wait_until_asleep};
use super::{Asker, names, wait_until};
use crate::source::FrameKind;
use crate::symbols::Space;
use std::process::{Command, Stdio};

fn kallsyms(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let address = text.lines().find_map(|line| {
        let mut parts = line.split_ascii_whitespace();
        let address = u64::from_str_radix(parts.next()?, 16).ok()?;
        (parts.nth(1) == Some(name) && address != 0).then_some(address)
    });
    if address.is_none() {
        eprintln!("skipped: /proc/kallsyms hides the address of {name} (kptr_restrict)");
    }
    address
}

#[test]
fn a_kernel_function_has_its_name() {
    let Some(address) = kallsyms("vfs_read") else { return };
    let mut asker = Asker::new();
    let frames = asker.ask(Space::Kernel, &[address + 5, address + 1]);
    assert_eq!(names(&frames), ["vfs_read", "vfs_read"]);
    assert_eq!((frames[0].offset, frames[1].offset), (5, 1));
    assert_eq!(frames[0].kind, FrameKind::Kernel);
    assert_eq!(frames[0].module.as_deref(), Some("[kernel]"));
    assert_eq!(asker.worker.unresolved(), (0, 0));
}

/// Of a kernel module, a BPF program, or whatever else kallsyms names an owner of.
#[test]
fn a_symbol_of_a_module_names_the_module() {
    let text = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let listed = text.lines().find_map(|line| {
        let parts: Vec<&str> = line.split_ascii_whitespace().collect();
        let [address, kind, name, module] = parts[..] else { return None };
        let address = u64::from_str_radix(address, 16).ok().filter(|address| *address != 0)?;
        kind.eq_ignore_ascii_case("t").then_some((address, name, module))
    });
    let Some((address, name, module)) = listed else {
        return eprintln!("skipped: kallsyms lists no module and no BPF program");
    };
    let mut asker = Asker::new();
    let frames = asker.ask(Space::Kernel, &[address]);
    assert_eq!((names(&frames)[0], frames[0].module.as_deref()), (name, Some(module)));
}

#[test]
fn a_kernel_address_outside_of_all_code_gets_no_name_of_something_else() {
    if kallsyms("_etext").is_none() {
        return;
    }
    let mut asker = Asker::new();
    let frames = asker.ask(Space::Kernel, &[0xffff_ffff_ffff_f000]);
    assert_eq!(names(&frames), ["[kernel]+0xfffffffffffff000"]);
    assert!(!frames[0].resolved);
    assert_eq!(asker.worker.unresolved(), (1, 0));
}

#[test]
fn a_deleted_program_is_read_and_marked() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("sleep-deleted");
    std::fs::copy(sleep_path(), &own).unwrap();
    let child = sleeper(&own);
    std::fs::remove_file(&own).unwrap();
    let (start, offset) = start_of_program(child.pid(), "sleep-deleted");
    let mut asker = Asker::new();
    let frames = asker.user(child.pid(), start + 0x1000);
    assert!(frames[0].module.as_deref().unwrap().ends_with("/sleep-deleted (deleted)"));
    if !frames[0].resolved {
        let begins = frames[0].name.strip_prefix("sleep-deleted+0x").unwrap();
        assert!(u64::from_str_radix(begins, 16).unwrap() <= offset + 0x1000);
        assert_eq!(frames[0].offset, offset + 0x1000);
    }
}

#[test]
fn a_deleted_library_is_read_after_the_process_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (offset, path) = libc_function();
    let copy = folder.path().join("libc.so.6");
    std::fs::copy(&path, &copy).unwrap();
    let mut command = Command::new(sleep_path());
    command.arg("600").env("LD_LIBRARY_PATH", folder.path()).stdin(Stdio::null());
    let mut child = Running(command.spawn().unwrap());
    let pid = child.pid();
    wait_until_asleep(pid);
    std::fs::remove_file(&copy).unwrap();
    let address = in_libc_of(pid, offset);
    let mut asker = Asker::new();
    asker.user(pid, 0x10);
    child.kill();
    let frames = asker.user(pid, address);
    let frame = frames.last().unwrap();
    if nix::unistd::geteuid().is_root() {
        assert!(frame.name.contains("nanosleep"), "{frame:?}");
    } else {
        eprintln!("skipped in part: without root, deleted files are not readable");
    }
    assert!(frame.module.as_deref().unwrap().ends_with("libc.so.6 (deleted)"), "{frame:?}");
}

/// A library on a file system that only the process's own mount namespace has.
#[test]
fn a_library_in_another_mount_namespace_is_read_there() {
    let folder = tempfile::tempdir().unwrap();
    let (offset, path) = libc_function();
    let script = format!(
        "mount -t tmpfs none {dir} && cp {path} {dir}/libc.so.6 && \
         LD_LIBRARY_PATH={dir} exec {sleep} 600",
        dir = folder.path().display(),
        sleep = sleep_path().display(),
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", &script]).stdin(Stdio::null());
    let spawned = command.stderr(Stdio::null()).spawn();
    let Ok(child) = spawned else {
        return eprintln!("skipped: no program `unshare`");
    };
    let mut child = Running(child);
    let pid = child.pid();
    let mut refused = false;
    wait_until("it sleeps, or was refused", || {
        refused = child.0.try_wait().unwrap().is_some();
        refused || is_asleep(pid)
    });
    if refused {
        return eprintln!("skipped: no new mount namespace or no tmpfs permitted here");
    }
    let library = folder.path().join("libc.so.6");
    assert!(!library.exists(), "the file is to be seen in its own namespace only");
    code_of(pid, library.to_str().unwrap());
    let address = in_libc_of(pid, offset);
    let mut asker = Asker::new();
    let frames = asker.user(pid, address);
    assert!(frames[0].name.contains("nanosleep"), "{frames:?}");
    assert_eq!(frames[0].module.as_deref(), library.to_str());
    // And when neither process nor namespace is left.
    child.kill();
    let frames = asker.user(pid, address + 1);
    assert!(frames[0].name.contains("nanosleep"), "{frames:?}");
}
