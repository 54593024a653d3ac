//! The `bpf(2)` calls that aya does not offer.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

const BPF_MAP_CREATE: u64 = 0;
const BPF_MAP_LOOKUP_ELEM: u64 = 1;
const BPF_MAP_UPDATE_ELEM: u64 = 2;
const BPF_MAP_DELETE_ELEM: u64 = 3;
const BPF_PROG_GET_NEXT_ID: u64 = 11;
const BPF_OBJ_GET_INFO_BY_FD: u64 = 15;
const BPF_MAP_LOOKUP_BATCH: u64 = 24;

#[repr(C)]
struct CreateAttr {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

#[repr(C)]
struct ElemAttr {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct BatchAttr {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

#[repr(C)]
struct NextIdAttr {
    start_id: u32,
    next_id: u32,
    open_flags: u32,
}

#[repr(C)]
struct InfoAttr {
    fd: u32,
    len: u32,
    info: u64,
}

fn bpf<A>(command: u64, attr: &mut A) -> io::Result<i64> {
    // SAFETY: `attr` is the part of `union bpf_attr` that the command reads, with its true size;
    // the callers below hand over pointers to live buffers of the sizes that the map demands.
    let done =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<A>()) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(done) }
}

/// Makes an array map of one value of so many bytes, that can be mapped.
pub fn create_mappable_array(bytes: u32) -> io::Result<OwnedFd> {
    let map_type = aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_ARRAY as u32;
    let map_flags = aya_obj::generated::BPF_F_MMAPABLE;
    let (key_size, value_size, max_entries) = (4, bytes, 1);
    let mut attr = CreateAttr { map_type, key_size, value_size, max_entries, map_flags };
    let fd = bpf(BPF_MAP_CREATE, &mut attr)?;
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Puts a map into an array of maps.
pub fn put_map(maps: BorrowedFd<'_>, index: u32, map: BorrowedFd<'_>) -> io::Result<()> {
    update(maps, &index.to_ne_bytes(), &map.as_raw_fd().to_ne_bytes())
}

fn elem(command: u64, map: BorrowedFd<'_>, key: &[u8], value: *const u8) -> io::Result<()> {
    let map_fd = map.as_raw_fd() as u32;
    let (key, value) = (key.as_ptr() as u64, value as u64);
    bpf(command, &mut ElemAttr { map_fd, pad: 0, key, value, flags: 0 }).map(drop)
}

/// Copies the value of a key. `value` must be as long as the map's values (times CPUs for a
/// per-CPU map); `key` as long as its keys.
pub fn lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> io::Result<()> {
    elem(BPF_MAP_LOOKUP_ELEM, map, key, value.as_mut_ptr())
}

/// Stores a value. Lengths as for [`lookup`].
pub fn update(map: BorrowedFd<'_>, key: &[u8], value: &[u8]) -> io::Result<()> {
    elem(BPF_MAP_UPDATE_ELEM, map, key, value.as_ptr())
}

/// Deletes a key. Lengths as for [`lookup`].
pub fn delete(map: BorrowedFd<'_>, key: &[u8]) -> io::Result<()> {
    elem(BPF_MAP_DELETE_ELEM, map, key, std::ptr::null())
}

/// Id of the BPF program that was loaded last, of all on the machine. `since` is what this said before;
/// 0: nothing yet. Ids grow. (`BPF_PROG_GET_NEXT_ID`)
///
/// # Errors
///
/// Without `CAP_SYS_ADMIN`.
pub fn newest_program(since: u32) -> io::Result<u32> {
    let mut newest = since;
    loop {
        let mut attr = NextIdAttr { start_id: newest, next_id: 0, open_flags: 0 };
        match bpf(BPF_PROG_GET_NEXT_ID, &mut attr) {
            Ok(_) if attr.next_id > newest => newest = attr.next_id,
            Ok(_) => return Ok(newest),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(newest),
            Err(error) => return Err(error),
        }
    }
}

/// Where a batched look-up goes on. The kernel wants as many bytes as a key, or four.
pub type Cursor = [u8; 64];

/// Copies up to `count` entries into `keys` and `values`, which have room for that many. Returns how
/// many there are, and whether they were the last. (`BPF_MAP_LOOKUP_BATCH`, kernel 5.6)
///
/// # Errors
///
/// `ENOSPC` when one bucket of the map holds more than `count` entries.
pub fn lookup_batch(
    map: BorrowedFd<'_>,
    cursor: Option<&mut Cursor>,
    next: &mut Cursor,
    (keys, values): (&mut [u8], &mut [u8]),
    count: u32,
) -> io::Result<(u32, bool)> {
    let mut attr = BatchAttr {
        in_batch: cursor.map_or(0, |cursor| cursor.as_ptr() as u64),
        out_batch: next.as_mut_ptr() as u64,
        keys: keys.as_mut_ptr() as u64,
        values: values.as_mut_ptr() as u64,
        count,
        map_fd: map.as_raw_fd() as u32,
        elem_flags: 0,
        flags: 0,
    };
    match bpf(BPF_MAP_LOOKUP_BATCH, &mut attr) {
        Ok(_) => Ok((attr.count, false)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok((attr.count, true)),
        Err(error) => Err(error),
    }
}

/// What the kernel counts of a program.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgramCounts {
    /// Time it ran, in ns, while run-time statistics were on.
    pub run_time_ns: u64,
    /// Runs that the kernel skipped because the program was running on that CPU already.
    pub missed: u64,
}

/// Reads the counts of a program.
pub fn program_counts(program: BorrowedFd<'_>) -> io::Result<ProgramCounts> {
    // SAFETY: a C struct of integers, for which all zeros is a value.
    let mut info: aya_obj::generated::bpf_prog_info = unsafe { std::mem::zeroed() };
    let mut attr = InfoAttr {
        fd: program.as_raw_fd() as u32,
        len: size_of_val(&info) as u32,
        info: (&raw mut info) as u64,
    };
    bpf(BPF_OBJ_GET_INFO_BY_FD, &mut attr)?;
    Ok(ProgramCounts { run_time_ns: info.run_time_ns, missed: info.recursion_misses })
}
