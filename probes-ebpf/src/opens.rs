//! File opens. Called from the system call programs; see `syscalls.rs`.

use crate::filter::Settings;
use crate::health::count;
use crate::kernel::{current_task, field};
use crate::{machine, ring, threads};
use aya_ebpf::helpers::bpf_probe_read_user;
use aya_ebpf::helpers::generated::{
    bpf_get_current_comm, bpf_get_prandom_u32, bpf_probe_read_kernel_str, bpf_probe_read_user_str,
};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{PerCpuArray, RingBuf};
use syscope_shared::COMM_LEN;
use syscope_shared::health::ProbeId;
use syscope_shared::layout::Abi;
use syscope_shared::opens::{
    BASE_CUT, BASE_WALKED, Event, PATH_CUT, PATH_MAX, PATH_UNREADABLE, RING_BYTES,
};
use syscope_shared::syscalls::{COMPAT, Inflight};

const AT_FDCWD: i32 = -100;
/// Components of a base directory that are walked at most.
const DEPTH_MAX: u32 = 32;
/// Bytes of one component, NUL included (`NAME_MAX + 1`).
const NAME_BYTES: usize = 256;
/// Bytes behind the header: path and base directory, a power of two.
const TAIL_BYTES: usize = 2 * PATH_MAX;

#[map]
static OPENS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// One event in the making. The slack behind the tail lets the last component be read at any
/// offset inside it.
#[repr(C)]
struct Scratch {
    event: Event,
    tail: [u8; TAIL_BYTES + NAME_BYTES],
    walk: Walk,
}

/// Where the walk up a base directory is.
#[repr(C)]
#[derive(Clone, Copy)]
struct Walk {
    /// The root of the process.
    root_mnt: u64,
    root_dentry: u64,
    mnt: u64,
    dentry: u64,
    /// Where in the tail the next component goes.
    at: u64,
    /// What is to be marked; 0: it did not come to the root.
    mark: u32,
    pad: u32,
}

#[map]
static OPEN_SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: the scratch is this CPU's, and programs of this hook do not nest.
    OPEN_SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
}

/// Whether a system call of some ABI of this machine with this number opens a file: an answer that
/// needs no look at the running thread.
#[inline(always)]
pub fn may_be_open(nr: u32) -> bool {
    is_open(&machine!(native), nr) || is_open(&machine!(compat), nr)
}

/// Whether a system call of this ABI opens a file.
#[inline(always)]
pub fn is_open(abi: &Abi, nr: u32) -> bool {
    nr == abi.openat || nr == abi.open || nr == abi.openat2 || nr == abi.creat
}

/// Whether an open is to be sent; over budget some are not, but counted.
#[inline(always)]
pub fn is_to_be_sent(settings: &Settings) -> bool {
    let left_out = settings.opens_left_out();
    // SAFETY: the helper has no preconditions.
    if left_out == 0 || unsafe { bpf_get_prandom_u32() } & left_out == 0 {
        return true;
    }
    count(ProbeId::Opens, |c| c.spared += 1);
    false
}

/// Keeps the arguments of the open that a thread is in, in one form: dirfd, path pointer, flags, mode. For
/// `openat2` flags and mode are still in user memory at the pointer kept in place of the flags, and mode is
/// `u64::MAX`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn keep_args(registers: u64) -> u32 {
    let Some(thread) = threads::caller(registers) else { return 1 };
    let compat = thread.call.nr & COMPAT != 0;
    let nr = thread.call.nr & !COMPAT;
    let (abi, a) = if compat {
        let offsets = machine!(layout.regs_args_compat);
        (machine!(compat), read_args(registers, offsets, u64::from(u32::MAX)))
    } else {
        (machine!(native), read_args(registers, machine!(layout.regs_args), u64::MAX))
    };
    let cwd = AT_FDCWD as u32 as u64;
    thread.call.args = if nr == abi.openat {
        [a[0], a[1], a[2], a[3]]
    } else if nr == abi.openat2 {
        [a[0], a[1], a[2], u64::MAX]
    } else if nr == abi.creat {
        const O_CREAT_WRONLY_TRUNC: u64 = 0o1101;
        [cwd, a[0], O_CREAT_WRONLY_TRUNC, a[1]]
    } else {
        [cwd, a[0], a[1], a[2]]
    };
    0
}

#[inline(always)]
fn read_args(regs: u64, offsets: [u32; 4], mask: u64) -> [u64; 4] {
    let read = |offset| field::<u64>(regs, offset).unwrap_or(0) & mask;
    [read(offsets[0]), read(offsets[1]), read(offsets[2]), read(offsets[3])]
}

/// Sends the open of a thread, which has returned.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn opened(registers: u64, result: i64, duration_ns: u64) -> u32 {
    let Some(thread) = threads::caller(registers) else { return 1 };
    let (pid, tid, call) = (thread.who.pid, thread.who.tid, &thread.call);
    count(ProbeId::Opens, |c| c.events += 1);
    let Some(scratch) = scratch() else { return 1 };
    let (flags, mode) = flags_and_mode(call);
    scratch.event = Event {
        time_ns: call.start_ns,
        duration_ns,
        result: result as i32,
        pid,
        tid,
        flags,
        mode,
        dirfd: call.args[0] as i32,
        marks: 0,
        path_len: 0,
        base_len: 0,
        pad: 0,
        comm: [0; COMM_LEN],
    };
    // SAFETY: the buffer is as long as said.
    unsafe { bpf_get_current_comm((&raw mut scratch.event.comm).cast(), COMM_LEN as u32) };
    read_path(scratch, call.args[1], result);
    let relative = scratch.event.path_len > 0 && scratch.tail[0] != b'/';
    if !relative || begin_walk(scratch, call.args[0] as i32).is_none() {
        scratch.event.marks |= if relative { BASE_CUT } else { 0 };
        send(scratch);
        return 0;
    }
    for _ in 0..DEPTH_MAX {
        if step_up() != 0 {
            break;
        }
    }
    // Anew, for each step writes to it.
    if let Some(scratch) = self::scratch() {
        end_walk(scratch);
        send(scratch);
    }
    0
}

#[inline(always)]
fn flags_and_mode(call: &Inflight) -> (u32, u32) {
    if call.args[3] != u64::MAX {
        return (call.args[2] as u32, call.args[3] as u32);
    }
    // struct open_how { __u64 flags, mode, resolve; }
    // SAFETY: the helper checks the address.
    match unsafe { bpf_probe_read_user(call.args[2] as *const [u64; 2]) } {
        Ok(how) => (how[0] as u32, how[1] as u32),
        Err(_) => (0, 0),
    }
}

/// Reads the path at exit: the kernel has just read it, so its page is in memory.
#[inline(always)]
fn read_path(scratch: &mut Scratch, pointer: u64, result: i64) {
    const ENAMETOOLONG: i64 = 36;
    let buffer = (&raw mut scratch.tail).cast();
    // SAFETY: the buffer is longer than PATH_MAX; the helper checks the address it reads.
    let len = unsafe { bpf_probe_read_user_str(buffer, PATH_MAX as u32, pointer as *const _) };
    if len <= 0 {
        scratch.event.marks |= PATH_UNREADABLE;
        count(ProbeId::Opens, |c| c.unreadable += 1);
        return;
    }
    if len == PATH_MAX as i64 && result == -ENAMETOOLONG {
        scratch.event.marks |= PATH_CUT;
    }
    scratch.event.path_len = (len - 1) as u32;
}

/// Appends the directory that a relative path starts from, innermost component first.
///
/// The walk goes the way `d_path` of the kernel does: up the dentries, and from the root of a mount
/// to where it is mounted, until the root of the process.
#[inline(always)]
fn begin_walk(scratch: &mut Scratch, dirfd: i32) -> Option<()> {
    let task = current_task();
    let fs = field::<u64>(task, machine!(layout.task_fs))?;
    let (root_mnt, root_dentry) =
        read_path_struct(fs.wrapping_add(u64::from(machine!(layout.fs_root))))?;
    let base_at = if dirfd == AT_FDCWD {
        Some(fs.wrapping_add(u64::from(machine!(layout.fs_pwd))))
    } else {
        open_file_path(task, dirfd)
    };
    let (mnt, dentry) = base_at.and_then(read_path_struct)?;
    let at = scratch.event.path_len.into();
    scratch.walk = Walk { root_mnt, root_dentry, mnt, dentry, at, mark: 0, pad: 0 };
    Some(())
}

#[inline(always)]
fn end_walk(scratch: &mut Scratch) {
    let start = scratch.event.path_len as usize;
    let mark = if scratch.walk.mark == 0 { BASE_CUT } else { scratch.walk.mark };
    scratch.event.marks |= mark;
    scratch.event.base_len = ((scratch.walk.at as usize).min(TAIL_BYTES) - start) as u32;
}

/// A step of the walk in the scratch. Returns 0 while there is one more. A global function, as in
/// `unwind.rs`, and for the same reason.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_up() -> u32 {
    let Some(scratch) = scratch() else { return 1 };
    if up(scratch).is_some() { 0 } else { 1 }
}

#[inline(always)]
fn up(scratch: &mut Scratch) -> Option<()> {
    let Walk { root_mnt, root_dentry, mnt, dentry, at, .. } = scratch.walk;
    if dentry == root_dentry && mnt == root_mnt {
        scratch.walk.mark = BASE_WALKED;
        return None;
    }
    let mount_root = field::<u64>(mnt, machine!(layout.vfsmount_root))?;
    let parent = field::<u64>(dentry, machine!(layout.dentry_parent))?;
    if dentry == mount_root || dentry == parent {
        let mount = mnt.wrapping_sub(u64::from(machine!(layout.mount_vfsmount)));
        let above = field::<u64>(mount, machine!(layout.mount_parent))?;
        if above == mount {
            return None; // not under the root of the process: detached, or out of a chroot
        }
        scratch.walk.dentry = field::<u64>(mount, machine!(layout.mount_mountpoint))?;
        scratch.walk.mnt = above.wrapping_add(u64::from(machine!(layout.mount_vfsmount)));
        return Some(());
    }
    let name = field::<u64>(dentry, machine!(layout.dentry_name))?;
    let read = read_name(scratch, at as usize, name);
    if read <= 0 {
        return None;
    }
    scratch.walk.at = at + (read as u64 & (NAME_BYTES as u64 * 2 - 1));
    scratch.walk.dentry = parent;
    (scratch.walk.at < TAIL_BYTES as u64).then_some(())
}

/// Reads one component to offset `at` of the tail; its length with the NUL, or an error.
#[inline(always)]
fn read_name(scratch: &mut Scratch, at: usize, name: u64) -> i64 {
    let tail: *mut u8 = (&raw mut scratch.tail).cast();
    // SAFETY: the masked offset lies inside the tail, and the slack behind it is as long as the
    // longest component; the helper checks the address it reads.
    unsafe {
        let to = tail.add(at & (TAIL_BYTES - 1));
        bpf_probe_read_kernel_str(to.cast(), NAME_BYTES as u32, name as *const _)
    }
}

/// Reads a `struct path`: (mnt, dentry).
#[inline(always)]
fn read_path_struct(at: u64) -> Option<(u64, u64)> {
    let mnt = field(at, machine!(layout.path_mnt))?;
    let dentry = field(at, machine!(layout.path_dentry))?;
    Some((mnt, dentry))
}

/// Where the `struct path` of an open descriptor is: `task->files->fdt->fd[dirfd]->f_path`.
#[inline(always)]
fn open_file_path(task: u64, dirfd: i32) -> Option<u64> {
    let files: u64 = field(task, machine!(layout.task_files))?;
    let fdt: u64 = field(files, machine!(layout.files_fdt))?;
    let max: u32 = field(fdt, machine!(layout.fdt_max_fds))?;
    if dirfd < 0 || dirfd as u32 >= max {
        return None;
    }
    let fds: u64 = field(fdt, machine!(layout.fdt_fd))?;
    let file: u64 = field(fds + u64::from(dirfd as u32) * 8, 0)?;
    if file == 0 {
        return None;
    }
    Some(file.wrapping_add(u64::from(machine!(layout.file_path))))
}

#[inline(always)]
fn send(scratch: &mut Scratch) {
    let tail = scratch.event.path_len as usize + scratch.event.base_len as usize;
    let size = size_of::<Event>() + (tail & (2 * TAIL_BYTES - 1)).min(TAIL_BYTES);
    // SAFETY: the scratch is at least `size` bytes long.
    let sent = unsafe { ring::send(&OPENS, RING_BYTES, (&raw mut *scratch).cast(), size, false) };
    if !sent {
        count(ProbeId::Opens, |c| c.ring_full += 1);
    }
}
