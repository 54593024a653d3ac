//! What happens at the bounds.

use super::programs::{Running, code_of, sleep_path, sleeper};
use super::{Asker, names};
use crate::source::StackId;
use crate::symbols::binary::{Binaries, Looked};
use crate::symbols::bounded::Bounded;
use crate::symbols::files::{Identity, open_regular};
use crate::symbols::frames::{Names, clipped};
use crate::symbols::guard::guarded;
use crate::symbols::held::Held;
use crate::symbols::mapping::Backing;
use crate::symbols::process::Processes;
use crate::symbols::queue::{Job, SKIPPED, Shared};
use crate::symbols::reader::{Reader, ReaderKind};
use crate::symbols::{Request, Space};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn stack(id: u32) -> Request {
    Request {
        id: StackId(id),
        space: Space::Kernel,
        addresses: vec![1],
        end: crate::source::StackEnd::Complete,
        python: Arc::default(),
    }
}

#[test]
fn too_many_stacks_drop_the_oldest_and_say_so() {
    let shared = Shared::new(3);
    shared.request((10..12).map(stack).collect());
    shared.forget(7, Instant::now());
    shared.request((12..15).map(stack).collect());
    assert_eq!((shared.dropped(), shared.pending()), (2, 3));
    let skipped = shared.finished();
    assert_eq!(skipped.iter().map(|stack| stack.id.0).collect::<Vec<_>>(), [10, 11]);
    assert_eq!(names(&skipped[0].frames), [SKIPPED]);
    // What was forgotten is not, and stays in its place.
    let jobs = shared.take(9, Duration::ZERO).unwrap().jobs;
    assert!(matches!(jobs[0], Job::Forget(7, _)));
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
    let (mut processes, mut binaries) =
        (Processes::new(), Binaries::new(Arc::default(), Reader::start(ReaderKind::Thread)));
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

/// The process is gone too: nothing leads to the file any more, but that it is held open.
#[test]
fn a_file_that_was_replaced_and_whose_process_is_gone_is_still_read() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: without root, replaced files are not readable");
    }
    let original = sleeper(sleep_path());
    let first_code = code_of(original.pid(), "/sleep").address.0;
    let mut asker = Asker::new();
    let mut replaced = Replaced::not_yet();
    let pid = replaced.child.pid();
    let map = code_of(pid, "sleep-replaced");
    asker.user(pid, 0x10);
    replaced.replace();
    replaced.child.kill();
    let mut named = 0;
    for at in (0..0x2000).step_by(0x40) {
        let expected = asker.user(original.pid(), first_code + at);
        let frames = asker.user(pid, map.address.0 + at);
        assert_eq!(frames[0].resolved, expected[0].resolved, "{frames:?}");
        if frames[0].resolved {
            assert_eq!(names(&frames), names(&expected));
            named += 1;
        }
        assert!(frames[0].build_id.is_some());
    }
    eprintln!("{named} places with a name");
}

/// And where it was not held: what is at its path by then is not believed.
#[test]
fn a_file_that_was_replaced_and_not_held_is_not_believed() {
    let held = Arc::new(Held::with_room_for(0));
    let (mut processes, mut binaries) =
        (Processes::new(), Binaries::new(Arc::clone(&held), Reader::start(ReaderKind::Thread)));
    let mut names = Names::default();
    let mut replaced = Replaced::not_yet();
    let pid = replaced.child.pid();
    let start = code_of(pid, "sleep-replaced").address.0;
    let snapshot = processes.find(pid, &mut binaries, &mut names).unwrap();
    replaced.replace();
    replaced.child.kill();
    let Backing::Binary(binary) = &snapshot.mapping(start).unwrap().backing else {
        panic!("it is a file with code")
    };
    assert_eq!(binaries.look_up(binary, 0x40), Looked::Nothing);
    assert!(binary.is_unreadable());
    assert_eq!(held.len(), 0);
}

#[test]
fn of_too_many_files_those_that_a_path_leads_to_are_let_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let held = Held::with_room_for(3);
    let identity = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, name).unwrap();
        (Identity::at(&path).unwrap(), path)
    };
    let hold = |identity: &Identity, path: &Path, called: &str| {
        held.hold(identity, Path::new(called), std::iter::once(path)).unwrap();
    };
    let files: Vec<_> = (0..5).map(|n| identity(&n.to_string())).collect();
    // The first is called as nothing is called any more: the others take no room of it.
    hold(&files[0].0, &files[0].1, "/gone (deleted)");
    for (identity, path) in &files[1..] {
        hold(identity, path, path.to_str().unwrap());
    }
    let kept: Vec<bool> = files.iter().map(|(identity, _)| held.get(identity).is_some()).collect();
    assert_eq!(kept, [true, false, false, true, true]);
    // Nor where all room is taken by such; and of several such, the one used longest ago goes.
    for (identity, path) in &files[1..3] {
        hold(identity, path, "/gone (deleted)");
    }
    hold(&files[3].0, &files[3].1, files[3].1.to_str().unwrap());
    let kept: Vec<bool> = files.iter().map(|(identity, _)| held.get(identity).is_some()).collect();
    assert_eq!(kept, [true, true, true, false, false]);
    hold(&files[4].0, &files[4].1, "/gone (deleted)");
    assert!(held.get(&files[0].0).is_none() && held.get(&files[1].0).is_some());
    // What is not used and not wanted is let go in time.
    held.let_go(Duration::ZERO, |identity| *identity == files[1].0);
    assert_eq!(held.len(), 1);
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in [pipe.as_path(), Path::new("/dev/null"), folder.path()] {
        assert!(open_regular(path, 0).is_err(), "{}", path.display());
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
