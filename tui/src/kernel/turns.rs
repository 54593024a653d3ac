//! Counts without an end of keys: two maps that a probe counts in by turns, so that one can be emptied while
//! nobody writes to it.

use super::drain::{Counts, Drain};
use super::map;
use aya::Ebpf;
use bytemuck::Pod;
use std::hash::Hash;
use std::io;

/// Keys in a map at which a new epoch begins: a quarter of its slots.
const CROWDED: usize = 2 * 1024;
/// So many readings after a new epoch began, programs have long returned that had begun before it.
const SETTLING: u32 = 4;

/// The maps `NAME_0` and `NAME_1`.
pub struct Turns<K, V> {
    maps: [Drain<K, V>; 2],
    /// The probe counts in the map `epoch & 1`.
    epoch: u32,
    /// Readings since the epoch began.
    readings: u32,
}

impl<K: Pod + Eq + Hash, V: Counts> Turns<K, V> {
    pub fn open(programs: &mut Ebpf, name: &str) -> io::Result<Self> {
        let mut open = |turn| Ok(Drain::new(map::typed(programs, &format!("{name}_{turn}"))?));
        let maps: [io::Result<_>; 2] = [open(0), open(1)];
        let [first, second] = maps;
        Ok(Self { maps: [first?, second?], epoch: 0, readings: 0 })
    }

    /// Calls `each` with every key whose counts have changed, and by how much.
    pub fn read(&mut self, mut each: impl FnMut(K, V)) -> io::Result<()> {
        let (writing, resting) = ((self.epoch & 1) as usize, (!self.epoch & 1) as usize);
        self.maps[writing].read(&mut each)?;
        self.readings = self.readings.saturating_add(1);
        // To look through a map costs, full or empty. A last time before it is emptied.
        if self.readings <= SETTLING || self.is_crowded() {
            self.maps[resting].read(each)?;
        }
        Ok(())
    }

    /// How full the fuller of them was when they were read, from 0.0 to 1.0.
    pub fn fill(&self) -> f32 {
        self.maps.iter().map(Drain::fill).fold(0.0, f32::max)
    }

    /// Begins a new epoch when it is time; returns it. To be called right after [`Turns::read`],
    /// and not twice within a tick.
    pub fn next_epoch(&mut self) -> Option<u32> {
        if !self.is_crowded() {
            return None;
        }
        self.epoch = self.epoch.wrapping_add(1);
        self.readings = 0;
        self.maps[(self.epoch & 1) as usize].clear();
        Some(self.epoch)
    }

    /// Deletes the keys that `gone` says. Nothing may write to them any more.
    pub fn delete(&mut self, gone: impl Fn(&K) -> bool) {
        self.maps.iter_mut().for_each(|map| map.delete(&gone));
    }

    fn is_crowded(&self) -> bool {
        self.maps[(self.epoch & 1) as usize].len() >= CROWDED
    }
}
