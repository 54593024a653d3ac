//! A hash or array map, read and written as plain data.

use super::sys;
use aya::Ebpf;
use aya::maps::{Map, MapData};
use bytemuck::Pod;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};

/// Bytes that one batched look-up copies at most, about. Each map keeps as many.
const CHUNK_BYTES: usize = 64 * 1024;

/// A map with keys `K` and values `V`; in a per-CPU map every key has a value for each CPU.
pub struct TypedMap<K, V> {
    data: MapData,
    values_per_key: usize,
    keys: Vec<u8>,
    values: Vec<u8>,
    types: PhantomData<(K, V)>,
}

impl<K: Pod, V: Pod> TypedMap<K, V> {
    /// Takes a map whose key and value in the object are `K` and `V`.
    fn new(map: Map) -> io::Result<Self> {
        let per_cpu = matches!(map, Map::PerCpuHashMap(_) | Map::PerCpuArray(_));
        let data = map_data(map)?;
        let values_per_key = if per_cpu { possible_cpus()? } else { 1 };
        Ok(Self { data, values_per_key, keys: Vec::new(), values: Vec::new(), types: PhantomData })
    }

    /// Calls `each` with every key and its values, one a CPU.
    pub fn for_each(&mut self, mut each: impl FnMut(K, &[V])) -> io::Result<()> {
        let mut room = (CHUNK_BYTES / (size_of::<K>() + self.entry_bytes())).max(64);
        let (mut cursor, mut next): (Option<sys::Cursor>, sys::Cursor) = (None, [0; 64]);
        loop {
            self.keys.resize(room * size_of::<K>(), 0);
            self.values.resize(room * self.entry_bytes(), 0);
            let buffers = (&mut self.keys[..], &mut self.values[..]);
            let fd = self.data.fd().as_fd();
            let read = sys::lookup_batch(fd, cursor.as_mut(), &mut next, buffers, room as u32);
            let (count, last) = match read {
                Ok(read) => read,
                // One bucket holds more than there is room for.
                Err(e) if e.raw_os_error() == Some(libc::ENOSPC) && room < 1 << 20 => {
                    room *= 2;
                    continue;
                }
                Err(error) => return Err(error),
            };
            walk(&self.keys, &self.values, self.values_per_key, count as usize, &mut each);
            if last {
                return Ok(());
            }
            cursor = Some(next);
        }
    }

    /// Keys that the map has room for.
    pub fn room(&self) -> u32 {
        self.data.info().map_or(u32::MAX, |info| info.max_entries())
    }

    /// The value of a key (of the first CPU in a per-CPU map).
    pub fn get(&self, key: &K) -> io::Result<V> {
        let mut value = vec![0; self.entry_bytes()];
        sys::lookup(self.fd(), bytemuck::bytes_of(key), &mut value)?;
        Ok(bytemuck::pod_read_unaligned(&value[..size_of::<V>()]))
    }

    /// The values of a key, one a CPU.
    pub fn get_all(&self, key: &K) -> io::Result<Vec<V>> {
        let mut bytes = vec![0; self.entry_bytes()];
        sys::lookup(self.fd(), bytemuck::bytes_of(key), &mut bytes)?;
        Ok(bytes.chunks(self.stride()).map(|c| first::<V>(c)).collect())
    }

    /// Stores a value; not for per-CPU maps.
    pub fn set(&self, key: &K, value: &V) -> io::Result<()> {
        debug_assert_eq!(self.values_per_key, 1);
        sys::update(self.fd(), bytemuck::bytes_of(key), bytemuck::bytes_of(value))
    }

    /// Deletes a key; one that is not there is no error.
    pub fn delete(&self, key: &K) -> io::Result<()> {
        match sys::delete(self.fd(), bytemuck::bytes_of(key)) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            done => done,
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.data.fd().as_fd()
    }

    fn stride(&self) -> usize {
        stride::<V>(self.values_per_key)
    }

    fn entry_bytes(&self) -> usize {
        self.stride() * self.values_per_key
    }
}

/// Bytes from one CPU's value to the next: the kernel rounds up to eight in per-CPU maps.
pub(super) fn stride<V>(values_per_key: usize) -> usize {
    if values_per_key == 1 { size_of::<V>() } else { size_of::<V>().next_multiple_of(8) }
}

/// Calls `each` with the first `count` keys and their values, as a batched look-up copied them.
pub(super) fn walk<K: Pod, V: Pod>(
    keys: &[u8],
    values: &[u8],
    values_per_key: usize,
    count: usize,
    each: &mut impl FnMut(K, &[V]),
) {
    let stride = stride::<V>(values_per_key);
    let mut of_key = Vec::with_capacity(values_per_key);
    let entries = keys.chunks_exact(size_of::<K>()).zip(values.chunks(stride * values_per_key));
    for (key, bytes) in entries.take(count) {
        of_key.clear();
        of_key.extend(bytes.chunks_exact(stride).map(|c| first::<V>(c)));
        each(bytemuck::pod_read_unaligned(key), &of_key);
    }
}

fn first<V: Pod>(bytes: &[u8]) -> V {
    bytemuck::pod_read_unaligned(&bytes[..size_of::<V>()])
}

fn possible_cpus() -> io::Result<usize> {
    aya::util::nr_cpus().map_err(|(_, error)| error)
}

pub(super) fn map_data(map: Map) -> io::Result<MapData> {
    match map {
        Map::Array(data)
        | Map::ArrayOfMaps(data)
        | Map::HashMap(data)
        | Map::PerCpuArray(data)
        | Map::PerCpuHashMap(data)
        | Map::StackTraceMap(data) => Ok(data),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "a map of an unexpected type")),
    }
}

/// Takes the map with this name out of the loaded object.
pub(super) fn take(programs: &mut Ebpf, name: &str) -> io::Result<Map> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, format!("no map {name}"));
    programs.take_map(name).ok_or_else(missing)
}

/// Takes a hash or array map.
pub fn typed<K: Pod, V: Pod>(programs: &mut Ebpf, name: &str) -> io::Result<TypedMap<K, V>> {
    TypedMap::new(take(programs, name)?)
}
