//! What the doctor looks at. Nothing here needs privilege; what cannot be read is `None`.

use crate::text;
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use procfs::process::Process;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Kernel options without which BPF programs cannot do what the probes do.
const NEEDED_OPTIONS: [&str; 4] =
    ["CONFIG_BPF_SYSCALL", "CONFIG_BPF_EVENTS", "CONFIG_PERF_EVENTS", "CONFIG_TRACEPOINTS"];

/// How far the kernel is locked down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lockdown {
    /// Not at all.
    #[default]
    None,
    /// Root may not change the kernel; reading is allowed.
    Integrity,
    /// Root may not read the kernel's memory either.
    Confidentiality,
}

/// The machine and syscope's rights on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Kernel release, as `uname -r`.
    pub release: String,
    /// Machine type, as `uname -m`.
    pub machine: String,
    /// Kernel version: (major, minor).
    pub version: Option<(u16, u16)>,
    /// The kernel describes its types: `/sys/kernel/btf/vmlinux` can be read.
    pub btf: bool,
    /// Kernel options the probes need that the kernel was built without, where its configuration
    /// can be read.
    pub options_off: Vec<&'static str>,
    /// Effective user is root.
    pub root: bool,
    /// Effective capabilities.
    pub capabilities: CapsHashSet,
    /// In the machine's first user namespace: elsewhere capabilities mean nothing to BPF.
    pub first_user_namespace: bool,
    /// In the machine's first PID namespace: elsewhere `/proc` shows other PIDs than the kernel.
    pub first_pid_namespace: bool,
    /// A seccomp filter is on, as in containers.
    pub seccomp: bool,
    /// Memory may be locked without bound. Asked of kernels before 5.11, which count maps as such.
    pub memlock_unlimited: bool,
    /// How far the kernel is locked down.
    pub lockdown: Lockdown,
    /// `kernel.unprivileged_bpf_disabled`. For the record: the probes need capabilities anyway.
    pub unprivileged_bpf_disabled: Option<i64>,
    /// `kernel.perf_event_paranoid`.
    pub perf_event_paranoid: Option<i64>,
    /// `kernel.kptr_restrict`.
    pub kptr_restrict: Option<i64>,
    /// `net.core.bpf_jit_enable`; only root can read it.
    pub bpf_jit_enable: Option<i64>,
}

impl Facts {
    /// Reads them.
    pub fn gather() -> Self {
        let (release, machine) = nix::sys::utsname::uname().map_or_else(
            |_| Default::default(),
            |name| {
                let text = |part: &std::ffi::OsStr| text::from_bytes(part.as_encoded_bytes());
                (text(name.release()), text(name.machine()))
            },
        );
        Self {
            release,
            machine,
            version: procfs::sys::kernel::Version::current()
                .ok()
                .map(|version| (version.major.into(), version.minor.into())),
            btf: fs::File::open("/sys/kernel/btf/vmlinux").is_ok(),
            options_off: options_off(),
            root: nix::unistd::geteuid().is_root(),
            capabilities: caps::read(None, CapSet::Effective).unwrap_or_default(),
            // These inode numbers are constants of the kernel (`PROC_USER_INIT_INO` and so on).
            first_user_namespace: namespace_is("user", 0xEFFF_FFFD),
            first_pid_namespace: in_first_pid_namespace(),
            seccomp: Process::myself()
                .and_then(|process| process.status())
                .is_ok_and(|status| status.seccomp.is_some_and(|mode| mode != 0)),
            memlock_unlimited: getrlimit(Resource::RLIMIT_MEMLOCK)
                .is_ok_and(|(soft, hard)| soft == RLIM_INFINITY || hard == RLIM_INFINITY),
            lockdown: fs::read_to_string("/sys/kernel/security/lockdown")
                .map_or(Lockdown::None, |text| lockdown(&text)),
            unprivileged_bpf_disabled: sysctl("kernel/unprivileged_bpf_disabled"),
            perf_event_paranoid: sysctl("kernel/perf_event_paranoid"),
            kptr_restrict: sysctl("kernel/kptr_restrict"),
            bpf_jit_enable: sysctl("net/core/bpf_jit_enable"),
        }
    }

    /// Whether a capability is effective. `CAP_SYS_ADMIN` stands for those that were split from it.
    pub fn has(&self, capability: Capability) -> bool {
        let split_from_admin = matches!(
            capability,
            Capability::CAP_BPF | Capability::CAP_PERFMON | Capability::CAP_SYSLOG
        );
        self.capabilities.contains(&capability)
            || split_from_admin && self.capabilities.contains(&Capability::CAP_SYS_ADMIN)
    }

    /// Names of the effective capabilities, in order.
    pub fn capability_names(&self) -> BTreeSet<String> {
        self.capabilities.iter().map(ToString::to_string).collect()
    }
}

fn sysctl(name: &str) -> Option<i64> {
    fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?.trim().parse().ok()
}

/// Whether this is the machine's first PID namespace (`PROC_PID_INIT_INO` in the kernel).
pub fn in_first_pid_namespace() -> bool {
    namespace_is("pid", 0xEFFF_FFFC)
}

fn namespace_is(kind: &str, inode: u32) -> bool {
    // Unreadable is no reason to claim a container.
    fs::read_link(format!("/proc/self/ns/{kind}"))
        .map_or(true, |link| link.as_os_str() == format!("{kind}:[{inode}]").as_str())
}

fn options_off() -> Vec<&'static str> {
    let Ok(config) = procfs::kernel_config() else { return Vec::new() };
    NEEDED_OPTIONS.into_iter().filter(|option| !config.contains_key(*option)).collect()
}

/// The file lists all modes and marks the one in force: `none [integrity] confidentiality`.
fn lockdown(modes: &str) -> Lockdown {
    if modes.contains("[confidentiality]") {
        Lockdown::Confidentiality
    } else if modes.contains("[integrity]") {
        Lockdown::Integrity
    } else {
        Lockdown::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_in_force_is_the_marked_one() {
        assert_eq!(lockdown("[none] integrity confidentiality\n"), Lockdown::None);
        assert_eq!(lockdown("none [integrity] confidentiality\n"), Lockdown::Integrity);
        assert_eq!(lockdown("none integrity [confidentiality]\n"), Lockdown::Confidentiality);
    }

    #[test]
    fn this_machine_is_read_as_it_says_itself() {
        let facts = Facts::gather();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
        assert_eq!(facts.release, release.trim());
        let (major, minor) = facts.version.expect("a version");
        assert!(facts.release.starts_with(&format!("{major}.{minor}")), "{}", facts.release);
        assert_eq!(facts.btf, Path::new("/sys/kernel/btf/vmlinux").exists());
        let status = fs::read_to_string("/proc/self/status").expect("a status");
        let effective = status.lines().find_map(|l| l.strip_prefix("CapEff:\t")).expect("a set");
        let effective = u64::from_str_radix(effective, 16).expect("a bit mask");
        for capability in [Capability::CAP_SYS_ADMIN, Capability::CAP_BPF, Capability::CAP_SYSLOG] {
            let bit = effective & capability.bitmask() != 0;
            assert_eq!(facts.capabilities.contains(&capability), bit, "{capability}");
        }
    }

    #[test]
    fn admin_stands_for_what_was_split_from_it() {
        let capabilities = CapsHashSet::from_iter([Capability::CAP_SYS_ADMIN]);
        let facts = Facts { capabilities, ..Facts::default() };
        assert!(facts.has(Capability::CAP_BPF));
        assert!(facts.has(Capability::CAP_PERFMON));
        assert!(!facts.has(Capability::CAP_SYS_PTRACE));
        assert!(!Facts::default().has(Capability::CAP_BPF));
    }
}
