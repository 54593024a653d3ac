//! A map that forgets what was not used for long.

use rustc_hash::FxHashMap;
use std::hash::Hash;

/// A map with a bound: when its young half is full, the old half (what was not used since the young
/// one was begun) is forgotten. Never holds more than twice `half` entries.
#[derive(Debug)]
pub(super) struct Bounded<K, V> {
    young: FxHashMap<K, V>,
    old: FxHashMap<K, V>,
    half: usize,
    /// Bytes of the young half, and how many it may have.
    bytes: usize,
    half_bytes: usize,
    bytes_of: fn(&V) -> usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Bounded<K, V> {
    pub(super) fn new(half: usize) -> Self {
        Self::of_bytes(half, usize::MAX, |_| 0)
    }

    /// One that also never holds more than about twice `half_bytes` bytes.
    pub(super) fn of_bytes(half: usize, half_bytes: usize, bytes_of: fn(&V) -> usize) -> Self {
        let (young, old) = (FxHashMap::default(), FxHashMap::default());
        Self { young, old, half, bytes: 0, half_bytes, bytes_of }
    }

    /// The value, which thereby counts as used.
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.insert(key.clone(), value.clone());
        Some(value)
    }

    pub(super) fn has(&self, key: &K) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        let is_full = self.young.len() >= self.half || self.bytes >= self.half_bytes;
        if is_full && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += (self.bytes_of)(&value);
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.bytes = 0;
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.young.retain(|key, _| keep(key));
        self.old.retain(|key, _| keep(key));
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.young.keys().chain(self.old.keys())
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.young.values().chain(self.old.values())
    }
}
