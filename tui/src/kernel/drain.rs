//! Counters that only grow, read by difference.
//!
//! The kernel's maps are never cleared while their process lives: a reader that copies a counter
//! and then resets it would lose what is counted in between.

use super::map::TypedMap;
use bytemuck::Pod;
use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::io;

/// Counts that can be added over CPUs and subtracted over time.
pub trait Counts: Pod + PartialEq {
    /// Adds another CPU's counts.
    fn add(&mut self, other: &Self);
    /// What has come since `earlier`.
    fn since(&self, earlier: &Self) -> Self;
}

impl Counts for u64 {
    fn add(&mut self, other: &Self) {
        *self = self.wrapping_add(*other);
    }

    fn since(&self, earlier: &Self) -> Self {
        self.wrapping_sub(*earlier)
    }
}

/// A map of counts, those of each CPU or of all, and what was read of it last.
pub struct Drain<K, V> {
    map: TypedMap<K, V>,
    /// Keys that the map has room for.
    room: u32,
    last: FxHashMap<K, V>,
}

impl<K: Pod + Eq + Hash, V: Counts> Drain<K, V> {
    /// Starts to read a map.
    pub fn new(map: TypedMap<K, V>) -> Self {
        Self { room: map.room(), map, last: FxHashMap::default() }
    }

    /// Calls `each` with every key whose counts have changed, and by how much.
    pub fn read(&mut self, mut each: impl FnMut(K, V)) -> io::Result<()> {
        let last = &mut self.last;
        self.map.for_each(|key, per_cpu| {
            if let Some(new) = difference(last, key, per_cpu) {
                each(key, new);
            }
        })
    }

    /// Keys that are in the map, as far as they were read.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// How full the map was when it was read, from 0.0 to 1.0.
    pub fn fill(&self) -> f32 {
        self.last.len() as f32 / self.room as f32
    }

    /// Empties a map that nothing writes to. All that is in it must have been read.
    pub fn clear(&mut self) {
        self.delete(|_| true);
    }

    /// Deletes the keys that `gone` says. Nothing may write to them any more.
    pub fn delete(&mut self, gone: impl Fn(&K) -> bool) {
        let map = &self.map;
        self.last.retain(|key, _| {
            let gone = gone(key);
            if gone && let Err(error) = map.delete(key) {
                tracing::warn!(%error, "a key of an ended process stays in its map");
            }
            !gone
        });
    }
}

/// What has come to a key since it was read last; `None` when nothing has. Remembers the reading.
pub(super) fn difference<K: Eq + Hash, V: Counts>(
    last: &mut FxHashMap<K, V>,
    key: K,
    per_cpu: &[V],
) -> Option<V> {
    let mut sum = V::zeroed();
    for counts in per_cpu {
        sum.add(counts);
    }
    let earlier = last.entry(key).or_insert_with(V::zeroed);
    let new = (sum != *earlier).then(|| sum.since(earlier));
    *earlier = sum;
    new
}
