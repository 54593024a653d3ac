//! The part of the filter that the kernel applies: before anything else. Of each thread the answer is
//! remembered, so that only a change of the filter costs a look into a map.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap};
use core::ptr::read_volatile;
use syscope_shared::filter::{Config, FILTER_SLOTS};

/// What user space wants, and may change at any time.
#[map]
static CONFIG: Array<Config> = Array::with_max_entries(1, 0);

/// PIDs to watch, when only the listed ones are watched.
#[map]
static FILTER: HashMap<u32, u8> = HashMap::with_max_entries(FILTER_SLOTS, 0);

/// The current configuration. User space may rewrite it at any time: each field is read anew.
#[derive(Clone, Copy)]
pub struct Settings(*const Config);

/// The current configuration.
#[inline(always)]
pub fn settings() -> Option<Settings> {
    CONFIG.get_ptr(0).map(Settings)
}

macro_rules! read {
    ($settings:ident.$($field:tt)+) => {
        // SAFETY: the map keeps the memory, and any bytes are a configuration.
        unsafe { read_volatile(&raw const (*$settings.0).$($field)+) }
    };
}

impl Settings {
    /// See [`Config::generation`].
    #[inline(always)]
    pub fn generation(&self) -> u32 {
        read!(self.generation)
    }

    /// See [`Config::only_listed`].
    #[inline(always)]
    pub fn only_listed(&self) -> bool {
        read!(self.only_listed) != 0
    }

    /// See [`Config::inherit_forks`].
    #[inline(always)]
    pub fn inherit_forks(&self) -> bool {
        read!(self.inherit_forks) == 1
    }

    /// See [`Config::adopt_execs`].
    #[inline(always)]
    pub fn adopt_execs(&self) -> bool {
        read!(self.adopt_execs) == 1
    }

    /// See [`Config::offcpu_epoch`].
    #[inline(always)]
    pub fn offcpu_epoch(&self) -> u32 {
        read!(self.offcpu_epoch)
    }

    /// See [`Config::profile_epoch`].
    #[inline(always)]
    pub fn profile_epoch(&self) -> u32 {
        read!(self.profile_epoch)
    }

    /// See [`Config::stacks_from_us`]; in ns.
    #[inline(always)]
    pub fn stacks_from_ns(&self) -> u64 {
        u64::from(read!(self.stacks_from_us)) * 1000
    }

    /// See [`Config::opens_left_out`].
    #[inline(always)]
    pub fn opens_left_out(&self) -> u32 {
        read!(self.opens_left_out)
    }

    #[inline(always)]
    fn is_own(&self, pid: u32) -> bool {
        pid == read!(self.own[0]) || pid == read!(self.own[1])
    }
}

/// Whether a process is watched.
#[inline(always)]
pub fn watched(settings: &Settings, pid: u32) -> bool {
    !settings.is_own(pid) && (!settings.only_listed() || listed(pid))
}

/// Whether a process is in the list.
#[inline(always)]
pub fn listed(pid: u32) -> bool {
    FILTER.get_ptr(pid).is_some()
}

/// Puts a process into the list. A full list is user space's to notice: it sees every process
/// that starts and lists it again.
#[inline(always)]
pub fn list(pid: u32) {
    let _ = FILTER.insert(pid, 1, 0);
}
