//! For `crate::fuzzing`: what is read from the kernel's rings and maps, with bytes of chance.

use super::drain::{Counts, difference};
use super::{copies, failed, lifecycle, map, named_stacks, offcpu, opens, syscalls};
use crate::source::ProcessEvent;
use bytemuck::Pod;
use rustc_hash::FxHashMap;
use std::hash::Hash;
use syscope_shared::{lifecycle::Event, offcpu as waits, profile, syscalls as calls};

/// One event of each ring. Nothing may be found in it that is not there.
pub(crate) fn rings(bytes: &[u8]) {
    if let Some(open) = opens::decode(bytes) {
        let tail = bytes.len() - size_of::<syscope_shared::opens::Event>();
        // Of each byte `\xNN` at most, `...` for what is missing, and slashes in between.
        assert!(open.path.text.len() <= 4 * tail + 5);
        assert!(open.comm.len() <= 4 * syscope_shared::COMM_LEN);
        assert!(open.result.is_ok() || open.result != Err(0));
    }
    if let Some(call) = failed::decode(bytes) {
        assert!(call.comm.len() <= 4 * syscope_shared::COMM_LEN);
    }
    if let Some((_, stack)) = named_stacks::decode(bytes) {
        assert!(stack.addresses.len() <= syscope_shared::unwind::FRAMES_MAX);
    }
    if let Some((copy, _)) = copies::decode(bytes) {
        assert!(copy.stack.len() <= syscope_shared::unwind::COPY_MAX);
        assert!(copy.comm.len() <= 4 * syscope_shared::COMM_LEN);
    }
    if let Some((event, _)) = lifecycle::decode(bytes) {
        let tail = bytes.len() - size_of::<Event>();
        match event {
            ProcessEvent::Exec { comm, cmdline, .. } => {
                assert!(comm.len() <= 4 * syscope_shared::COMM_LEN);
                assert!(cmdline.len() <= 4 * tail + '…'.len_utf8());
            }
            ProcessEvent::Fork { comm, .. } => {
                assert!(comm.len() <= 4 * syscope_shared::COMM_LEN);
            }
            ProcessEvent::Exit { .. } => {}
            ProcessEvent::Seen(_) => unreachable!("no event of a ring says so"),
        }
    }
}

/// Two readings of a map. The first byte says which map, the second for how many CPUs.
pub(crate) fn maps(bytes: &[u8]) {
    let Some((&[kind, cpus], bytes)) = bytes.split_first_chunk() else { return };
    let cpus = usize::from(cpus % 8) + 1;
    match kind % 5 {
        0 => read_twice::<calls::Key, calls::Stats>(bytes, cpus, |key, stats| {
            let delta = syscalls::delta(key, &stats);
            assert_eq!((delta.calls, delta.hist), (stats.calls, stats.hist));
        }),
        1 => read_twice::<calls::ErrnoKey, u64>(bytes, cpus, |_, count| assert_ne!(count, 0)),
        2 => read_twice::<waits::Key, waits::Stats>(bytes, cpus, |key, _| {
            offcpu::state(key.state);
        }),
        3 => read_twice::<profile::Key, u64>(bytes, cpus, |key, _| {
            assert!(lifecycle::text(&key.comm).len() <= 4 * syscope_shared::COMM_LEN);
        }),
        _ => walk::<u32, waits::Waiting>(bytes, 1, |_, values| {
            assert_eq!(values.len(), 1);
            offcpu::state(values[0].key.state);
        }),
    }
}

/// Half of the bytes are the first reading, half the second; what comes of both must add up to what
/// the second holds.
fn read_twice<K: Pod + Eq + Hash, V: Counts>(bytes: &[u8], cpus: usize, check: impl Fn(K, V)) {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let (mut last, mut sums) = (FxHashMap::default(), FxHashMap::<K, V>::default());
    for reading in [first, second] {
        walk::<K, V>(reading, cpus, |key, per_cpu| {
            assert_eq!(per_cpu.len(), cpus);
            if let Some(new) = difference(&mut last, key, per_cpu) {
                sums.entry(key).or_insert_with(V::zeroed).add(&new);
                check(key, new);
            }
        });
    }
    for (key, counts) in last {
        assert!(sums.remove(&key).unwrap_or_else(V::zeroed) == counts);
    }
}

/// Keys first, values behind them, as many as there is room for.
fn walk<K: Pod, V: Pod>(bytes: &[u8], cpus: usize, mut each: impl FnMut(K, &[V])) {
    let count = bytes.len() / (size_of::<K>() + map::stride::<V>(cpus) * cpus);
    let (keys, values) = bytes.split_at(count * size_of::<K>());
    let mut met = 0;
    map::walk(keys, values, cpus, count, &mut |key, values: &[V]| {
        met += 1;
        each(key, values);
    });
    assert_eq!(met, count, "every key comes once");
}
