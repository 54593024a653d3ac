//! What the running kernel's structures look like: resolved from its BTF at start-up and handed to
//! the BPF programs as a read-only global. (Rust BPF has no CO-RE relocations.)

use bytemuck::{Pod, Zeroable};

/// Offset of a field that this kernel does not have. The programs do not touch it.
pub const ABSENT: u32 = u32::MAX;

/// Where [`Layout::task_compat`] is on x86-64 from kernel 5.11 on (`thread_info.status`, which comes first in
/// `task_struct`). An offset that is read without a call has to be a constant.
pub const DIRECT: u32 = 16;

/// Byte offsets of the kernel fields that the programs read. [`ABSENT`] where there is none.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Layout {
    /// `task_struct.pid`.
    pub task_pid: u32,
    /// `task_struct.tgid`.
    pub task_tgid: u32,
    /// `task_struct.__state` (5.14 and later) or `task_struct.state`.
    pub task_state: u32,
    /// `task_struct.fs`.
    pub task_fs: u32,
    /// `task_struct.files`.
    pub task_files: u32,
    /// `task_struct.mm`.
    pub task_mm: u32,
    /// `task_struct.signal`.
    pub task_signal: u32,
    /// `task_struct.stack`.
    pub task_stack: u32,
    /// `task_struct.self_exec_id` (its low word): grows with each exec, and a child inherits it.
    pub task_exec_id: u32,
    /// `task_struct.thread.fsbase` (x86): what a thread knows itself by.
    pub task_tls: u32,
    /// The word of `task_struct.thread_info` that tells a 32-bit system call.
    pub task_compat: u32,
    /// The bits of that word that tell it; 0 where there are no 32-bit calls.
    pub compat_bits: u32,
    /// `signal_struct.live`.
    pub signal_live: u32,
    /// `mm_struct.arg_start`.
    pub mm_arg_start: u32,
    /// `mm_struct.arg_end`.
    pub mm_arg_end: u32,
    /// `fs_struct.root`.
    pub fs_root: u32,
    /// `fs_struct.pwd`.
    pub fs_pwd: u32,
    /// `files_struct.fdt`.
    pub files_fdt: u32,
    /// `fdtable.max_fds`.
    pub fdt_max_fds: u32,
    /// `fdtable.fd`.
    pub fdt_fd: u32,
    /// `file.f_path`.
    pub file_path: u32,
    /// `path.mnt`.
    pub path_mnt: u32,
    /// `path.dentry`.
    pub path_dentry: u32,
    /// `dentry.d_parent`.
    pub dentry_parent: u32,
    /// `dentry.d_name.name`.
    pub dentry_name: u32,
    /// `vfsmount.mnt_root`.
    pub vfsmount_root: u32,
    /// `mount.mnt`: the `vfsmount` inside.
    pub mount_vfsmount: u32,
    /// `mount.mnt_parent`.
    pub mount_parent: u32,
    /// `mount.mnt_mountpoint`.
    pub mount_mountpoint: u32,
    /// `pt_regs`: the first four arguments of a native system call.
    pub regs_args: [u32; 4],
    /// `pt_regs`: the first four arguments of a 32-bit system call.
    pub regs_args_compat: [u32; 4],
    /// 1 when the `sched_switch` tracepoint passes the task state (5.18 and later).
    pub switch_has_state: u32,
}

impl Layout {
    /// A layout in which nothing is known.
    pub const UNKNOWN: Self = Self {
        task_pid: ABSENT,
        task_tgid: ABSENT,
        task_state: ABSENT,
        task_fs: ABSENT,
        task_files: ABSENT,
        task_mm: ABSENT,
        task_signal: ABSENT,
        task_stack: ABSENT,
        task_exec_id: ABSENT,
        task_tls: ABSENT,
        task_compat: ABSENT,
        compat_bits: 0,
        signal_live: ABSENT,
        mm_arg_start: ABSENT,
        mm_arg_end: ABSENT,
        fs_root: ABSENT,
        fs_pwd: ABSENT,
        files_fdt: ABSENT,
        fdt_max_fds: ABSENT,
        fdt_fd: ABSENT,
        file_path: ABSENT,
        path_mnt: ABSENT,
        path_dentry: ABSENT,
        dentry_parent: ABSENT,
        dentry_name: ABSENT,
        vfsmount_root: ABSENT,
        mount_vfsmount: ABSENT,
        mount_parent: ABSENT,
        mount_mountpoint: ABSENT,
        regs_args: [ABSENT; 4],
        regs_args_compat: [ABSENT; 4],
        switch_has_state: 0,
    };
}

/// System call numbers of one ABI that the programs must know; [`ABSENT`] where it has none.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Abi {
    /// `open`.
    pub open: u32,
    /// `openat`.
    pub openat: u32,
    /// `openat2`.
    pub openat2: u32,
    /// `creat`.
    pub creat: u32,
    /// `rt_sigreturn`: "returns" whatever the interrupted code had in the register.
    pub rt_sigreturn: u32,
    /// `sigreturn`: likewise.
    pub sigreturn: u32,
}

impl Abi {
    /// An ABI without any of them.
    pub const NONE: Self = Self {
        open: ABSENT,
        openat: ABSENT,
        openat2: ABSENT,
        creat: ABSENT,
        rt_sigreturn: ABSENT,
        sigreturn: ABSENT,
    };
}

/// The read-only global of the BPF programs, set once before they are loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Machine {
    /// Offsets of kernel fields.
    pub layout: Layout,
    /// Numbers of native system calls.
    pub native: Abi,
    /// Numbers of 32-bit system calls.
    pub compat: Abi,
    /// 1 when the syscalls probe counts calls.
    pub syscalls_on: u32,
    /// 1 when the opens probe is on.
    pub opens_on: u32,
    /// 1 when calls that fail are delivered, one event each.
    pub failed_on: u32,
    /// 1 when user stacks are walked by unwind tables; 0: by frame pointers, by the kernel.
    pub unwind_on: u32,
    /// 1 when the off-CPU probe is on.
    pub offcpu_on: u32,
    /// Buckets of the `CALLS` array of each CPU, a power of two.
    pub call_buckets: u32,
    /// 1 when [`Layout::task_compat`] is [`DIRECT`].
    pub compat_direct: u32,
    /// User stacks that are remembered on each CPU; a power of two.
    pub remembered: u32,
    /// 1 when stacks that are remembered are walked all the same, and differences counted.
    pub check_remembered: u32,
}

impl Machine {
    /// What the programs are built with: nothing known, nothing on.
    pub const UNKNOWN: Self = Self {
        layout: Layout::UNKNOWN,
        native: Abi::NONE,
        compat: Abi::NONE,
        syscalls_on: 0,
        opens_on: 0,
        failed_on: 0,
        unwind_on: 0,
        offcpu_on: 0,
        call_buckets: 1,
        compat_direct: 0,
        remembered: 1,
        check_remembered: 0,
    };
}
