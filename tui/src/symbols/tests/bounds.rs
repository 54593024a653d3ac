//! What happens at the bounds.

use super::programs::{Running, code_of, sleep_path, sleeper};
use super::{Asker, names};
use crate::source::StackId;
use crate::symbols::binary::Binaries;
use crate::symbols::bounded::Bounded;
use crate::symbols::frames::{Names, clipped};
use crate::symbols::guard::guarded;
use crate::symbols::process::Processes;
use crate::symbols::queue::{Job, SKIPPED, Shared};
use crate::symbols::{Request, Space};
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

fn stack(id: u32) -> Request {
    Request {
        id: StackId(id),
        space: Space::Kernel,
        addresses: vec![1],
        end: crate::source::StackEnd::Complete,
    }
}

#[test]
fn too_many_stacks_drop_the_oldest_and_say_so() {
    let shared = Shared::new(3);
    shared.request((10..12).map(stack).collect());
    shared.forget(7);
    shared.request((12..15).map(stack).collect());
    assert_eq!((shared.dropped(), shared.pending()), (2, 3));
    let skipped = shared.finished();
    assert_eq!(skipped.iter().map(|stack| stack.id.0).collect::<Vec<_>>(), [10, 11]);
    assert_eq!(names(&skipped[0].frames), [SKIPPED]);
    // What was forgotten is not, and stays in its place.
    let jobs = shared.take(9, Duration::ZERO).unwrap();
    assert!(matches!(jobs[0], Job::Forget(7)));
    assert_eq!(jobs.len(), 4);
    shared.stop();
    assert!(shared.take(9, Duration::from_secs(60)).is_none());
}

#[test]
fn a_bounded_map_keeps_what_is_used() {
    let mut map = Bounded::new(10);
    for key in 0..1_000 {
        map.insert(key, key);
        assert_eq!(map.get(&0), Some(0));
        assert!(map.keys().count() <= 20);
    }
    assert_eq!(map.get(&1), None);
    assert_eq!(map.get(&999), Some(999));
    assert_eq!(map.remove(&0), Some(0));
    assert_eq!(map.get(&0), None);
}

#[test]
fn address_spaces_that_take_too_much_are_forgotten_and_looked_at_anew() {
    let child = sleeper(sleep_path());
    let (mut processes, mut binaries) = (Processes::new(), Binaries::default());
    let mut names = Names::default();
    let first = processes.find(child.pid(), &mut binaries, &mut names).unwrap();
    let again = |processes: &mut Processes, binaries: &mut Binaries, names: &mut Names| {
        Rc::ptr_eq(&first, &processes.find(child.pid(), binaries, names).unwrap())
    };
    processes.sweep_beyond(1 << 20);
    assert!(again(&mut processes, &mut binaries, &mut names), "it takes less than a MiB");
    processes.sweep_beyond(100);
    assert!(!again(&mut processes, &mut binaries, &mut names), "it takes more than 100 bytes");
}

/// A copy of `sleep` that runs, whose path comes to mean a program with other symbols.
struct Replaced {
    folder: tempfile::TempDir,
    child: Running,
}

impl Replaced {
    fn not_yet() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(sleep_path(), folder.path().join("sleep-replaced")).unwrap();
        let child = sleeper(folder.path().join("sleep-replaced"));
        Self { folder, child }
    }

    fn replace(&self) {
        let other = self.folder.path().join("other");
        std::fs::copy(std::env::current_exe().unwrap(), &other).unwrap();
        std::fs::rename(&other, self.folder.path().join("sleep-replaced")).unwrap();
    }
}

/// Before the first look at the process; and between that and the first look into its file.
#[test]
fn a_file_that_was_replaced_on_disk_is_not_believed() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: without root, replaced files are not readable");
    }
    let original = sleeper(sleep_path());
    let first_code = code_of(original.pid(), "/sleep").address.0;
    for seen_before in [false, true] {
        let mut asker = Asker::new();
        let replaced = Replaced::not_yet();
        let pid = replaced.child.pid();
        let start = code_of(pid, "sleep-replaced").address.0;
        if seen_before {
            asker.user(pid, 0x10);
        }
        replaced.replace();
        for at in (0..0x2000).step_by(0x40) {
            let expected = asker.user(original.pid(), first_code + at);
            let frames = asker.user(pid, start + at);
            assert_eq!(frames[0].resolved, expected[0].resolved, "{frames:?}");
        }
    }
}

/// The process is gone too: nothing leads to the file any more.
#[test]
fn a_file_that_was_replaced_and_is_gone_is_not_believed() {
    let mut asker = Asker::new();
    let mut replaced = Replaced::not_yet();
    let pid = replaced.child.pid();
    let map = code_of(pid, "sleep-replaced");
    asker.user(pid, 0x10);
    replaced.replace();
    replaced.child.kill();
    for at in (0..0x2000).step_by(0x40) {
        let frames = asker.user(pid, map.address.0 + at);
        assert_eq!(frames[0].name, format!("sleep-replaced+{:#x}", map.offset + at));
    }
}

/// The kernel and the loader run a program without looking at its section headers, so a stranger
/// may put anything there.
#[test]
fn programs_with_broken_sections_cost_their_own_names_only() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(sleep_path()).unwrap();
    let headers = u64::from_le_bytes(whole[0x28..0x30].try_into().unwrap()) as usize;
    let own = super::processes::never_inlined as *const () as u64;
    let mut asker = Asker::new();
    for seed in 1..=12u64 {
        let mut broken = whole.clone();
        for (at, byte) in broken.iter_mut().enumerate().skip(headers) {
            // Some bytes of every header: enough to be wrong, not so much that all is refused.
            let noise = (at as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            if noise.is_multiple_of(seed) {
                *byte = noise as u8;
            }
        }
        let path = folder.path().join(format!("sleep-broken-{seed}"));
        std::fs::write(&path, broken).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let child = sleeper(&path);
        let start = code_of(child.pid(), "sleep-broken").address.0;
        for at in (0..0x1000).step_by(0x40) {
            let frames = asker.user(child.pid(), start + at);
            assert_eq!(frames[0].module.as_deref(), path.to_str());
        }
        let frames = asker.user(std::process::id(), own);
        assert!(frames.last().unwrap().name.ends_with("never_inlined"));
    }
}

#[test]
fn long_names_are_cut_and_marked() {
    assert_eq!(clipped("short"), "short");
    let long = clipped(&"ä".repeat(10_000));
    assert!(long.len() < 4_200 && long.ends_with("ä…"));
}

#[test]
fn a_look_up_that_panics_is_caught() {
    assert_eq!(guarded(|| 1), Some(1));
    assert_eq!(guarded(|| -> u32 { panic!("expected by the test") }), None);
}

#[test]
fn processes_of_one_program_share_its_frames() {
    let (first, second) = (sleeper(sleep_path()), sleeper(sleep_path()));
    let mut asker = Asker::new();
    let frame = |asker: &mut Asker, pid| {
        let map = code_of(pid, "/sleep");
        Arc::clone(&asker.user(pid, map.address.0)[0])
    };
    let (one, other) = (frame(&mut asker, first.pid()), frame(&mut asker, second.pid()));
    assert!(Arc::ptr_eq(&one, &other), "{one:?} {other:?}");
}
