//! An array map in memory: read and written without a system call.

use super::map::{self, map_data};
use aya::Ebpf;
use aya::maps::MapData;
use bytemuck::Pod;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd};

/// The values of an array map that was made with `BPF_F_MMAPABLE` (kernel 5.5), as one slice of `T`.
pub struct MappedArray<T> {
    start: *mut T,
    len: usize,
    /// Keeps the map.
    _data: MapData,
    types: PhantomData<T>,
}

// SAFETY: the memory is the map's and stays where it is; nothing of it belongs to a thread.
unsafe impl<T: Send> Send for MappedArray<T> {}

impl<T: Pod> MappedArray<T> {
    /// Maps the array `name`, whose values lie side by side: they are as long as a multiple of eight
    /// bytes. `len`: how many `T` there are in all of them.
    ///
    /// # Errors
    ///
    /// When there is no such map, or it cannot be mapped.
    pub fn open(programs: &mut Ebpf, name: &str, len: usize) -> io::Result<Self> {
        let data = map_data(map::take(programs, name)?)?;
        let fd = data.fd().as_fd().as_raw_fd();
        let (bytes, access) = (len * size_of::<T>(), libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: a new mapping, at a place of the kernel's choice.
        let at =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, fd, 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { start: at.cast(), len, _data: data, types: PhantomData })
    }

    /// A copy of one of them, whose words the programs may be writing: each word is an old one or a new one.
    ///
    /// # Panics
    ///
    /// When there is none with this index.
    pub fn get(&self, index: usize) -> T {
        assert!(index < self.len, "no such place");
        // SAFETY: checked above; any bytes are a `T`. What other sides write meanwhile is read as it is.
        unsafe { self.start.add(index).read_volatile() }
    }

    /// Replaces one of them that no program writes to; for a word the programs may read meanwhile.
    ///
    /// # Panics
    ///
    /// When there is none with this index.
    pub fn set(&mut self, index: usize, value: T) {
        assert!(index < self.len, "no such place");
        // SAFETY: checked above.
        unsafe { self.start.add(index).write_volatile(value) };
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// All of them.
    pub fn all(&self) -> &[T] {
        // SAFETY: the mapping is as long as `len`, and any bytes are a `T`. The programs only read, and
        // nobody else has the map: it changes through `write` alone.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// Copies values to the places from `index` on. The programs may read meanwhile: nothing may lead
    /// them there yet.
    ///
    /// # Panics
    ///
    /// When they do not fit.
    pub fn write(&mut self, index: usize, values: &[T]) {
        assert!(
            index.checked_add(values.len()).is_some_and(|end| end <= self.len),
            "no such place"
        );
        // SAFETY: checked above; the mapping is as long as `len`, and `values` is not of it.
        unsafe {
            std::ptr::copy_nonoverlapping(values.as_ptr(), self.start.add(index), values.len());
        }
        std::sync::atomic::fence(std::sync::atomic::Ordering::Release);
    }
}

impl<T> Drop for MappedArray<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's, and nothing borrows from it.
        unsafe { libc::munmap(self.start.cast(), self.len * size_of::<T>()) };
    }
}
