//! Against this machine's `/proc`, with children whose truth is known.

use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// A child that sleeps, under the name and with the arguments given, killed at the end.
struct Sleeper(Child);

impl Sleeper {
    fn start(name: &[u8], extra: &[&[u8]]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = folder.path().join(OsStr::from_bytes(name));
        std::os::unix::fs::symlink("/bin/sh", &program).expect("a link to the shell");
        let mut command = Command::new(&program);
        // The trailing `:` keeps the shell from replacing itself by the program it runs.
        command.arg0("sh").args(["-c", "read line; :"]);
        command.args(extra.iter().map(|arg| OsStr::from_bytes(arg)));
        command.stdin(std::process::Stdio::piped());
        let child = Self(command.spawn().expect("a shell"));
        // Exec tells the parent that it has come about before the arguments are in place.
        while child.seen().cmdline.is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        child
    }

    fn seen(&self) -> ProcessSeen {
        process(self.0.id()).expect("the child is seen")
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.kill().expect("the child can be killed");
        self.0.wait().expect("the child can be waited for");
    }
}

#[test]
fn a_child_is_seen_as_it_is() {
    let before = monotonic_ns();
    let child = Sleeper::start(b"plain", &[b"first", b"two words"]);
    let seen = child.seen();
    let tick = 1_000_000_000 / procfs::ticks_per_second();
    assert_eq!(seen.pid, child.0.id());
    assert_eq!(seen.parent, std::process::id());
    assert_eq!(seen.comm, "plain");
    assert_eq!(seen.cmdline, "sh -c read line; : first two words");
    assert!(seen.start_ns + tick >= before, "{} starts before {before}", seen.start_ns);
    assert!(seen.start_ns <= monotonic_ns());
    assert!(scan().contains(&seen), "the scan finds it too");
}

#[test]
fn hostile_names_survive() {
    for name in [&b"a) S 1 (b"[..], b"two\nlines", b"\x1b[31mred", b"no\xff\xfeutf8", b"((("] {
        let child = Sleeper::start(name, &[]);
        assert_eq!(child.seen().comm, text::from_bytes(name));
        assert!(exists(child.0.id()));
        let pid = child.0.id();
        assert!(threads_of(pid).iter().any(|thread| thread.tid == pid), "{name:?}");
    }
}

#[test]
fn long_and_broken_command_lines_are_kept() {
    let child = Sleeper::start(b"long", &[&[b'x'; 10_000]]);
    let cmdline = child.seen().cmdline;
    assert!(cmdline.ends_with("xxx…"), "{cmdline}");
    assert_eq!(cmdline.len(), CMDLINE_MAX + '…'.len_utf8());

    let child = Sleeper::start(b"broken", &[b"no\xffutf8"]);
    assert!(child.seen().cmdline.ends_with(&text::from_bytes(b"no\xffutf8")));
}

#[test]
fn a_cut_does_not_split_a_character() {
    assert_eq!(cmdline_text("ab\u{20ac}".as_bytes(), true), "ab\u{20ac}…");
    assert_eq!(cmdline_text(&"ab\u{20ac}".as_bytes()[..4], true), "ab…");
    assert_eq!(cmdline_text(b"a\0\0b\0\0", false), "a  b");
    assert_eq!(cmdline_text(b"", false), "");
}

#[test]
fn a_thread_is_no_process() {
    let (send, receive) = std::sync::mpsc::channel();
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        send.send(nix::unistd::gettid().as_raw() as u32).expect("the test listens");
        let _ = wait.recv();
    });
    let tid = receive.recv().expect("the thread tells its TID");
    let own = std::process::id();
    assert!(exists(own));
    assert!(!exists(tid));
    assert_eq!(process(tid), None);
    assert!(threads_of(own).iter().any(|t| t.tid == tid && t.pid == own));
    drop(end);
    thread.join().expect("the thread ends");
}

#[test]
fn states_tell_who_sleeps() {
    let child = Sleeper::start(b"sleeper", &[]);
    let state = |tid| thread_state(child.0.id(), tid);
    let deadline = monotonic_ns() + 5_000_000_000;
    while state(child.0.id()) != Some('S') {
        assert!(monotonic_ns() < deadline, "a shell that reads sleeps");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let own = thread_state(std::process::id(), nix::unistd::gettid().as_raw() as u32);
    assert_eq!(own, Some('R'), "who asks runs");
}

#[test]
fn the_machine_is_described() {
    let watched = watched(7, 99).expect("the machine can be described");
    assert!(!watched.host.is_empty());
    assert_eq!((watched.start_ns, watched.frequency_hz), (7, 99));
    assert_eq!(watched.cpus, online_cpus().len());
    assert!(watched.cpus > 0);
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    assert_eq!(watched.kernel, release.trim());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a date");
    let said = watched.realtime_offset_ns + monotonic_ns() as i64;
    assert!((said - now.as_nanos() as i64).abs() < 1_000_000_000, "within a second");
}

#[test]
fn cpu_lists_are_understood() {
    assert_eq!(cpu_list("0\n"), Some(vec![0]));
    assert_eq!(cpu_list("0-3,5,7-8\n"), Some(vec![0, 1, 2, 3, 5, 7, 8]));
    assert_eq!(cpu_list("\n"), None);
}

#[test]
fn start_times_leave_suspended_time_out() {
    assert_eq!(start_ns(250, 100, 0), 2_500_000_000);
    assert_eq!(start_ns(250, 100, 500_000_000), 2_000_000_000);
    assert_eq!(start_ns(250, 100, 9_000_000_000), 0);
}

#[test]
fn own_cpu_time_grows_with_work() {
    let before = self_cpu_ns();
    let mut sum = 0u64;
    for i in 0..2_000_000u64 {
        sum = std::hint::black_box(sum.wrapping_add(i));
    }
    assert!(self_cpu_ns() > before);
}

#[test]
fn who_does_not_exist_is_not_seen() {
    assert!(!exists(0));
    assert!(!exists(u32::MAX));
    assert!(!exists(4_194_305), "above the largest PID that Linux gives");
    assert_eq!(process(4_194_305), None);
}
