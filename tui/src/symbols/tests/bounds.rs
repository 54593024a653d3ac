//! What happens at the bounds.

use super::programs::{code_of, sleep_path, sleeper};
use super::{Asker, names};
use crate::source::StackId;
use crate::symbols::bounded::Bounded;
use crate::symbols::queue::{Job, SKIPPED, Shared};
use crate::symbols::{Request, Space};
use std::time::Duration;

fn stack(id: u32) -> Request {
    Request { id: StackId(id), space: Space::Kernel, addresses: vec![1] }
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
fn a_file_that_is_no_program_is_left_alone() {
    // The start of a real one, so that the kernel's loader maps it, with all else overwritten.
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("sleep-broken");
    std::fs::copy(sleep_path(), &own).unwrap();
    let child = sleeper(&own);
    let map = code_of(child.pid(), "sleep-broken");
    let mut asker = Asker::new();
    // Replaced on disk: the path leads to something else now, which must not be believed.
    std::fs::remove_file(&own).unwrap();
    std::fs::write(&own, [0x7f; 100_000]).unwrap();
    let frames = asker.user(child.pid(), map.address.0 + 0x1000);
    assert!(frames[0].module.as_deref().unwrap().ends_with("sleep-broken (deleted)"));
    assert!(frames[0].name.starts_with("sleep-broken+0x") || frames[0].resolved);
}

#[test]
fn equal_strings_are_shared() {
    let (first, second) = (sleeper(sleep_path()), sleeper(sleep_path()));
    let mut asker = Asker::new();
    let frame = |asker: &mut Asker, pid| {
        let map = code_of(pid, "/sleep");
        asker.user(pid, map.address.0)[0].clone()
    };
    let (one, other) = (frame(&mut asker, first.pid()), frame(&mut asker, second.pid()));
    assert_eq!(one, other);
    let modules = [&one, &other].map(|frame| frame.module.as_ref().unwrap());
    assert!(std::sync::Arc::ptr_eq(modules[0], modules[1]));
}
