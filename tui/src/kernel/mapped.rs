//! An array map in memory: read and written without a system call.

use super::map::{self, map_data};
use super::mapping::Mapping;
use aya::Ebpf;
use aya::maps::MapData;
use bytemuck::Pod;
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// The values of an array map that was made with `BPF_F_MMAPABLE` (kernel 5.5), as one slice of `T`. For what
/// is read again and again: all of it counts as memory of this process.
pub struct MappedArray<T> {
    bytes: Mapping,
    len: usize,
    /// The mapping keeps the map, but only by what a process has open others see whose it is.
    _data: MapData,
    types: PhantomData<T>,
}

impl<T: Pod> MappedArray<T> {
    /// Maps the array `name`, whose values lie side by side: they are as long as a multiple of eight
    /// bytes. `len`: how many `T` there are in all of them.
    ///
    /// # Errors
    ///
    /// When there is no such map, or it cannot be mapped.
    pub fn open(programs: &mut Ebpf, name: &str, len: usize) -> io::Result<Self> {
        let data = map_data(map::take(programs, name)?)?;
        let bytes = Mapping::new(data.fd().as_fd(), 0, len * size_of::<T>(), true)?;
        Ok(Self { bytes, len, _data: data, types: PhantomData })
    }

    /// A copy of one of them, whose words the programs may be writing: each word is an old one or a new one.
    ///
    /// # Panics
    ///
    /// When there is none with this index.
    pub fn get(&self, index: usize) -> T {
        assert!(index < self.len, "no such place");
        // SAFETY: checked above; any bytes are a `T`. What other sides write meanwhile is read as it is.
        unsafe { self.bytes.start::<T>().add(index).read_volatile() }
    }

    /// Replaces one of them that no program writes to; for a word the programs may read meanwhile.
    ///
    /// # Panics
    ///
    /// When there is none with this index.
    pub fn set(&mut self, index: usize, value: T) {
        assert!(index < self.len, "no such place");
        // SAFETY: checked above.
        unsafe { self.bytes.start::<T>().add(index).write_volatile(value) };
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }
}

impl MappedArray<u64> {
    /// Takes a word out that the programs write to, in parts or whole: what they write after that stays.
    ///
    /// # Panics
    ///
    /// When there is none with this index.
    pub fn take(&mut self, index: usize) -> u64 {
        assert!(index < self.len, "no such place");
        // SAFETY: checked above; the mapping begins on a page, and lives as long as this.
        unsafe { AtomicU64::from_ptr(self.bytes.start::<u64>().add(index)) }
            .swap(0, Ordering::AcqRel)
    }
}
