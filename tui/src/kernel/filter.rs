//! Push-down: the configuration and the list of watched processes in the kernel.

use super::map::TypedMap;
use crate::filter::PushDown;
use std::collections::BTreeSet;
use std::io;
use syscope_shared::filter::Config;

/// How far generations are counted until they start anew (see [`Config::generation`]).
const GENERATIONS: u32 = (1 << 31) - 1;

/// Writes the `CONFIG` and `FILTER` maps.
pub struct Writer {
    config_map: TypedMap<u32, Config>,
    list: TypedMap<u32, u8>,
    config: Config,
    listed: Option<usize>,
    /// What was in the list before the events were read that decide on it.
    seen: BTreeSet<u32>,
}

impl Writer {
    /// Starts out with every process but syscope's `own` (0: none) let through.
    pub fn new(
        config_map: TypedMap<u32, Config>,
        list: TypedMap<u32, u8>,
        own: [u32; 2],
    ) -> io::Result<Self> {
        let config = Config { own, ..Config::default() };
        let mut writer = Self { config_map, list, config, listed: None, seen: BTreeSet::new() };
        writer.judge_anew()?;
        Ok(writer)
    }

    /// Has the kernel judge anew, at the next thing it does, whether each thread is watched. To be called
    /// when what that depends on has changed.
    pub fn judge_anew(&mut self) -> io::Result<()> {
        // Written twice, for the kernel copies field by field: who reads the new generation reads
        // everything else as it is now.
        self.write()?;
        self.config.generation = self.config.generation % GENERATIONS + 1;
        self.write()
    }

    /// PIDs the kernel lets through; `None` when it lets all through.
    pub fn listed(&self) -> Option<usize> {
        self.listed
    }

    /// Has these processes of syscope's not observed from now on.
    pub fn set_own(&mut self, own: [u32; 2]) -> io::Result<()> {
        if own == self.config.own {
            return Ok(());
        }
        self.config.own = own;
        self.judge_anew()
    }

    /// Looks at what the kernel has listed of its own accord. To be called before the events are
    /// read that the next [`Writer::apply`] rests on: the kernel lists a process only after it has
    /// sent the event, so what is listed here can be judged then, and what is listed later is not
    /// taken out unheard.
    pub fn look(&mut self) -> io::Result<()> {
        if self.config.only_listed == 0 {
            return Ok(());
        }
        let seen = &mut self.seen;
        self.list.for_each(|pid, _| {
            seen.insert(pid);
        })
    }

    /// Makes the kernel let through what `push_down` says: first what is added, then what is
    /// removed, so that nothing both would let through is lost on the way.
    pub fn apply(&mut self, push_down: &PushDown) -> io::Result<()> {
        let (pids, inherit_forks, adopt_execs) = match push_down {
            PushDown::All => {
                self.look()?;
                self.config.only_listed = 0;
                self.config.inherit_forks = 0;
                self.config.adopt_execs = 0;
                self.listed = None;
                self.judge_anew()?;
                return self.relist(&BTreeSet::new()).map(drop);
            }
            PushDown::Only { pids, inherit_forks, adopt_execs } => {
                (pids, *inherit_forks, *adopt_execs)
            }
        };
        let first = self.listed.is_none();
        if first {
            self.relist(pids)?;
        }
        let config = Config {
            only_listed: 1,
            inherit_forks: u32::from(inherit_forks),
            adopt_execs: u32::from(adopt_execs),
            ..self.config
        };
        let mut changed = config != self.config;
        self.config = config;
        if !first {
            self.write()?;
            changed |= self.relist(pids)?;
        }
        if changed {
            self.judge_anew()?;
        }
        self.listed = Some(pids.len());
        Ok(())
    }

    /// Has the probes write to the sets of maps of these epochs from now on.
    pub fn set_epochs(&mut self, offcpu: Option<u32>, profile: Option<u32>) -> io::Result<()> {
        if offcpu.is_none() && profile.is_none() {
            return Ok(());
        }
        self.config.offcpu_epoch = offcpu.unwrap_or(self.config.offcpu_epoch);
        self.config.profile_epoch = profile.unwrap_or(self.config.profile_epoch);
        self.write()
    }

    /// Has the programs leave out so much from now on (see [`Config`]).
    pub fn set_spares(&mut self, stacks_from_us: u32, opens_one_in: u32) -> io::Result<()> {
        self.config.stacks_from_us = stacks_from_us;
        self.config.opens_left_out = opens_one_in.saturating_sub(1);
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        self.config_map.set(&0, &self.config)
    }

    /// Takes out of the list what was seen in it and is not in `pids`, and puts in what is missing.
    /// Returns whether that was anything.
    fn relist(&mut self, pids: &BTreeSet<u32>) -> io::Result<bool> {
        let changed = self.seen != *pids;
        for pid in pids.difference(&self.seen) {
            self.list.set(pid, &1)?;
        }
        for pid in self.seen.difference(pids) {
            self.list.delete(pid)?;
        }
        self.seen.clone_from(pids);
        Ok(changed)
    }
}
