//! Where the fields are that the BPF programs read: from the running kernel's BTF.

use btf_rs::{Backend, Btf, BtfType, Type};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use syscalls::{aarch64, arm, x86, x86_64};
use syscope_shared::layout::{ABSENT, Abi, Layout};

/// The kernel's own description of its types.
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// Bit of `thread_info.status` on x86: in a 32-bit system call (`TS_COMPAT`).
const X86_TS_COMPAT: u32 = 0x2;
/// Bit of `thread_info.flags` on arm64: a 32-bit program (`TIF_32BIT`).
const ARM64_TIF_32BIT: u32 = 1 << 22;

/// Reads the layout of the running kernel. Fields it does not have are [`ABSENT`].
///
/// # Errors
///
/// When the kernel gives no BTF, or it cannot be read: one line that says so.
pub fn of_running_kernel() -> Result<Layout, String> {
    // Backend::Mmap reads only what is asked for: a tenth of the time of parsing all.
    let btf = Btf::from_file_with_backend(VMLINUX, Backend::Mmap)
        .or_else(|_| Btf::from_file(VMLINUX))
        .map_err(|error| format!("cannot read {VMLINUX}: {error}"))?;
    Ok(Types { btf: &btf, known: RefCell::default() }.layout())
}

struct Types<'a> {
    btf: &'a Btf,
    /// Structures by name: to find one, all names of the kernel are looked through.
    known: RefCell<HashMap<String, Option<Rc<Type>>>>,
}

impl Types<'_> {
    fn layout(&self) -> Layout {
        let native_args = if cfg!(target_arch = "x86_64") {
            ["di", "si", "dx", "r10"].map(|register| self.at("pt_regs", &[register]))
        } else {
            // regs[0..4] of struct user_pt_regs; regs[0] is overwritten only at exit.
            let regs = self.at("user_pt_regs", &["regs"]);
            [0, 8, 16, 24].map(|offset| add(regs, offset))
        };
        let compat_args = if cfg!(target_arch = "x86_64") {
            ["bx", "cx", "dx", "si"].map(|register| self.at("pt_regs", &[register]))
        } else {
            native_args
        };
        let state = self.at("task_struct", &["__state"]);
        Layout {
            task_pid: self.at("task_struct", &["pid"]),
            task_tgid: self.at("task_struct", &["tgid"]),
            task_state: if state == ABSENT { self.at("task_struct", &["state"]) } else { state },
            task_fs: self.at("task_struct", &["fs"]),
            task_files: self.at("task_struct", &["files"]),
            task_mm: self.at("task_struct", &["mm"]),
            task_signal: self.at("task_struct", &["signal"]),
            task_stack: self.at("task_struct", &["stack"]),
            task_exec_id: self.at("task_struct", &["self_exec_id"]),
            task_tls: self.at("task_struct", Self::tls()),
            task_compat: self.at("task_struct", &["thread_info", Self::compat_word()]),
            compat_bits: Self::compat_bits(),
            signal_live: self.at("signal_struct", &["live"]),
            mm_arg_start: self.at("mm_struct", &["arg_start"]),
            mm_arg_end: self.at("mm_struct", &["arg_end"]),
            fs_root: self.at("fs_struct", &["root"]),
            fs_pwd: self.at("fs_struct", &["pwd"]),
            files_fdt: self.at("files_struct", &["fdt"]),
            fdt_max_fds: self.at("fdtable", &["max_fds"]),
            fdt_fd: self.at("fdtable", &["fd"]),
            file_path: self.at("file", &["f_path"]),
            path_mnt: self.at("path", &["mnt"]),
            path_dentry: self.at("path", &["dentry"]),
            dentry_parent: self.at("dentry", &["d_parent"]),
            dentry_name: self.at("dentry", &["d_name", "name"]),
            vfsmount_root: self.at("vfsmount", &["mnt_root"]),
            mount_vfsmount: self.at("mount", &["mnt"]),
            mount_parent: self.at("mount", &["mnt_parent"]),
            mount_mountpoint: self.at("mount", &["mnt_mountpoint"]),
            regs_args: native_args,
            regs_args_compat: compat_args,
            switch_has_state: u32::from(self.switch_has_state()),
        }
    }

    const fn tls() -> &'static [&'static str] {
        if cfg!(target_arch = "x86_64") {
            &["thread", "fsbase"]
        } else {
            &["thread", "uw", "tp_value"]
        }
    }

    const fn compat_word() -> &'static str {
        if cfg!(target_arch = "x86_64") { "status" } else { "flags" }
    }

    const fn compat_bits() -> u32 {
        if cfg!(target_arch = "x86_64") { X86_TS_COMPAT } else { ARM64_TIF_32BIT }
    }

    /// Byte offset of a field, the way to it through structures inside; [`ABSENT`] if there is none.
    fn at(&self, structure: &str, way: &[&str]) -> u32 {
        self.offset(structure, way).unwrap_or(ABSENT)
    }

    fn offset(&self, structure: &str, way: &[&str]) -> Option<u32> {
        let mut current = self.structure(structure)?;
        let mut bits = 0;
        for name in way {
            let (offset, inner) = self.member(&current, name)?;
            bits += offset;
            current = Rc::new(inner);
        }
        Some(bits / 8)
    }

    fn structure(&self, name: &str) -> Option<Rc<Type>> {
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        let types = self.btf.resolve_types_by_name(name).unwrap_or_default();
        let found = types.into_iter().find(|t| matches!(t, Type::Struct(_))).map(Rc::new);
        self.known.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    /// Bit offset and type of a member, also of one in an anonymous structure or union inside.
    fn member(&self, of: &Type, name: &str) -> Option<(u32, Type)> {
        let (Type::Struct(structure) | Type::Union(structure)) = of else { return None };
        for member in &structure.members {
            let found = self.btf.resolve_name(member).unwrap_or_default();
            if found == name {
                return Some((member.bit_offset(), self.plain(member)?));
            }
            if found.is_empty()
                && let Some(inner) = self.plain(member)
                && let Some((offset, hit)) = self.member(&inner, name)
            {
                return Some((member.bit_offset() + offset, hit));
            }
        }
        None
    }

    /// The type of a member without qualifiers and typedefs.
    fn plain(&self, member: &dyn BtfType) -> Option<Type> {
        let mut current = self.btf.resolve_chained_type(member).ok()?;
        while let Type::Const(_) | Type::Volatile(_) | Type::Typedef(_) | Type::TypeTag(_) = current
        {
            current = self.btf.resolve_chained_type(current.as_btf_type()?).ok()?;
        }
        Some(current)
    }

    /// Whether `sched_switch` passes the state of the task that leaves (5.18 and later).
    fn switch_has_state(&self) -> bool {
        const WITH_STATE: usize = 5; // context, preempt, prev, next, prev_state
        let types = self.btf.resolve_types_by_name("btf_trace_sched_switch").unwrap_or_default();
        types.iter().filter_map(Type::as_btf_type).any(|typedef| {
            self.btf
                .chained_type_iter(typedef)
                .any(|t| matches!(t, Type::FuncProto(p) if p.parameters.len() >= WITH_STATE))
        })
    }
}

fn add(offset: u32, more: u32) -> u32 {
    if offset == ABSENT { ABSENT } else { offset + more }
}

/// Numbers of the native system calls that the programs must know.
pub fn native_abi() -> Abi {
    if cfg!(target_arch = "x86_64") {
        Abi {
            open: x86_64::Sysno::open as u32,
            openat: x86_64::Sysno::openat as u32,
            openat2: x86_64::Sysno::openat2 as u32,
            creat: x86_64::Sysno::creat as u32,
            rt_sigreturn: x86_64::Sysno::rt_sigreturn as u32,
            sigreturn: ABSENT,
        }
    } else {
        Abi {
            openat: aarch64::Sysno::openat as u32,
            openat2: aarch64::Sysno::openat2 as u32,
            rt_sigreturn: aarch64::Sysno::rt_sigreturn as u32,
            ..Abi::NONE
        }
    }
}

/// Numbers of the 32-bit system calls: i386's, or 32-bit Arm's.
pub fn compat_abi() -> Abi {
    if cfg!(target_arch = "x86_64") {
        Abi {
            open: x86::Sysno::open as u32,
            openat: x86::Sysno::openat as u32,
            openat2: x86::Sysno::openat2 as u32,
            creat: x86::Sysno::creat as u32,
            rt_sigreturn: x86::Sysno::rt_sigreturn as u32,
            sigreturn: x86::Sysno::sigreturn as u32,
        }
    } else {
        Abi {
            open: arm::Sysno::open as u32,
            openat: arm::Sysno::openat as u32,
            openat2: arm::Sysno::openat2 as u32,
            creat: arm::Sysno::creat as u32,
            rt_sigreturn: arm::Sysno::rt_sigreturn as u32,
            sigreturn: arm::Sysno::sigreturn as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_kernels_layout_is_complete() {
        if !std::path::Path::new(VMLINUX).exists() {
            eprintln!("SKIPPED: this kernel has no {VMLINUX}");
            return;
        }
        let layout = of_running_kernel().unwrap();
        let words: &[u32] = bytemuck::cast_slice(bytemuck::bytes_of(&layout));
        assert!(!words.contains(&ABSENT), "{layout:?}");
        assert!(layout.task_tgid == layout.task_pid + 4);
    }
}
