//! What the kernel holds of a run of syscope, asked from the kernel itself.

use aya::maps::{Array, HashMap, Map, MapData, PerCpuArray, PerCpuHashMap, loaded_maps};
use aya::programs::{ProgramInfo, loaded_links, loaded_programs};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::mem::size_of;
use syscope_shared::filter::Config;
use syscope_shared::health::{Counters, ProbeId};
use syscope_shared::threads::{Caller, Waiter};
use syscope_shared::{offcpu, profile, syscalls, threads};

/// Ids of BPF objects. The kernel does not give an id again soon, so an id that is there still is
/// the object itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// Programs.
    pub programs: BTreeSet<u32>,
    /// Maps.
    pub maps: BTreeSet<u32>,
    /// Links.
    pub links: BTreeSet<u32>,
}

impl Objects {
    /// Everything a process holds by its file descriptors.
    pub fn held_by(pid: u32) -> Self {
        let mut held = Self::default();
        let entries = fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten();
        for text in entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok()) {
            for line in text.lines() {
                let mut words = line.split_ascii_whitespace();
                let (Some(key), Some(Ok(id))) = (words.next(), words.next().map(str::parse)) else {
                    continue;
                };
                match key {
                    "prog_id:" => held.programs.insert(id),
                    "map_id:" => held.maps.insert(id),
                    "link_id:" => held.links.insert(id),
                    _ => false,
                };
            }
        }
        held
    }

    /// What of this is in the kernel now.
    pub fn still_there(&self) -> Self {
        let programs = loaded_programs().flatten().map(|program| program.id());
        let maps = loaded_maps().flatten().map(|map| map.id());
        let links = loaded_links().flatten().map(|link| link.id());
        Self {
            programs: programs.filter(|id| self.programs.contains(id)).collect(),
            maps: maps.filter(|id| self.maps.contains(id)).collect(),
            links: links.filter(|id| self.links.contains(id)).collect(),
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Instructions that the verifier went through for each of the programs that a process holds, by the
/// first 15 bytes of their names; `None` where the kernel, before 5.16, does not count them.
pub fn verified_instructions(holder: u32) -> Option<BTreeMap<String, u32>> {
    let held = Objects::held_by(holder).programs;
    let programs = loaded_programs().flatten().filter(|program| held.contains(&program.id()));
    let counted = |program: ProgramInfo| {
        let name = program.name_as_str().unwrap_or_default().to_owned();
        Some((name, program.verified_instruction_count()?))
    };
    programs.map(counted).collect()
}

/// Ids of the loaded programs with one of syscope's names.
pub fn programs_named_like_ours(names: &[&str]) -> BTreeSet<u32> {
    loaded_programs()
        .flatten()
        // The kernel keeps 15 bytes of a name.
        .filter(|program| {
            program.name_as_str().is_some_and(|name| names.iter().any(|ours| cut(ours) == name))
        })
        .map(|program| program.id())
        .collect()
}

fn cut(name: &str) -> &str {
    &name[..name.len().min(15)]
}

/// The keys of the maps in which a run keeps what it counts, each as its 32-bit words. The first
/// word is a PID, except in `CALLERS` and `WAITING`, where it is a TID: of the threads that are watched, and
/// of those that wait. (The names of the stacks, four words that stand before it in `OFFCPU` and
/// `PROFILE`, come last here.)
pub fn keys(holder: u32, map: &str) -> Vec<Vec<u32>> {
    const OFFCPU: usize = size_of::<offcpu::Key>() / 4;
    const PROFILE: usize = size_of::<profile::Key>() / 4;
    // Off-CPU time and profile are counted in two maps by turns.
    let both = |read: &dyn Fn(&str) -> Vec<Vec<u32>>| {
        let mut keys: Vec<_> =
            [0, 1].iter().flat_map(|turn| read(&format!("{map}_{turn}"))).collect();
        keys.iter_mut().for_each(|key| key.rotate_left(4));
        keys
    };
    match map {
        "SYSCALLS" => calls(holder),
        "ERRNOS" => plain::<3, 1>(holder, map),
        "OFFCPU" => both(&|map| per_cpu::<OFFCPU, { words::<offcpu::Stats>() }>(holder, map)),
        "PROFILE" => both(&|map| plain::<PROFILE, 1>(holder, map)),
        "CALLERS" => {
            let slots = slots::<{ words::<threads::Bucket<Caller>>() }, Caller>(holder, map);
            let watched = slots.into_iter().filter(|caller| caller.who.verdict & 1 == 1);
            watched.map(|caller| vec![caller.who.tid]).collect()
        }
        "WAITING" => {
            const BUCKET: usize = words::<threads::Bucket<Waiter>>();
            let slots = slots::<BUCKET, Waiter>(holder, "WAITERS").into_iter();
            let waiting = slots.filter(|waiter| waiter.wait.since_ns != 0);
            let seeded = plain::<1, { words::<offcpu::Waiting>() }>(holder, "SEEDED");
            waiting.map(|waiter| vec![waiter.who.tid]).chain(seeded).collect()
        }
        _ => panic!("no map {map} is known here"),
    }
}

/// Calls that are counted, by process and number: in the rows of all CPUs, and beside them.
fn calls(holder: u32) -> Vec<Vec<u32>> {
    const BUCKET: usize = words::<syscalls::Bucket>();
    let buckets = buckets::<BUCKET>(holder, "CALLS");
    let keys_of_rows = buckets.iter().flat_map(|bucket| bucket[..syscalls::WAYS].to_vec());
    let taken = keys_of_rows.filter(|word| ![syscalls::FREE, syscalls::ENDED].contains(word));
    let keys = taken.map(syscalls::Key::of_word).map(|key| vec![key.pid, key.nr]);
    keys.chain(plain::<2, { words::<syscalls::Stats>() }>(holder, "SYSCALLS")).collect()
}

/// What is known of threads, in the slots that are taken.
fn slots<const BUCKET: usize, V: bytemuck::Pod>(holder: u32, name: &str) -> Vec<V> {
    let in_bucket = |bucket: [u64; BUCKET]| {
        // The addresses, a word, and the slots.
        let (addresses, slots) = bucket.split_at(threads::WAYS + 1);
        let slots = slots
            .chunks(words::<V>())
            .map(|words| *bytemuck::from_bytes(bytemuck::cast_slice(words)));
        let taken = addresses.iter().zip(slots).filter(|(address, _)| **address != 0);
        taken.map(|(_, slot)| slot).collect::<Vec<V>>()
    };
    buckets::<BUCKET>(holder, name).into_iter().flat_map(in_bucket).collect()
}

fn buckets<const BUCKET: usize>(holder: u32, name: &str) -> Vec<[u64; BUCKET]> {
    let map = Array::<_, [u64; BUCKET]>::try_from(open(holder, name));
    let map = map.unwrap_or_else(|error| panic!("{name}: {error}"));
    (0..map.len()).filter_map(|index| map.get(&index, 0).ok()).collect()
}

/// Processes that a run has the kernel not count (`Config::own`, which comes first); 0: none.
pub fn own_pids(holder: u32) -> [u32; 2] {
    let map = Array::<_, [u32; size_of::<Config>() / 4]>::try_from(open(holder, "CONFIG"));
    let config = map.and_then(|map| map.get(&0, 0)).unwrap_or_else(|error| panic!("{error}"));
    [config[0], config[1]]
}

/// What a run's programs have counted for a probe, over all CPUs.
pub fn counters(holder: u32, probe: ProbeId) -> Counters {
    const WORDS: usize = words::<Counters>();
    let map = PerCpuArray::<_, [u64; WORDS]>::try_from(open(holder, "HEALTH"));
    let of_cpus = map.and_then(|map| map.get(&(probe as u32), 0));
    let of_cpus = of_cpus.unwrap_or_else(|error| panic!("HEALTH: {error}"));
    let sum = |at: usize| of_cpus.iter().map(|words| words[at]).sum();
    bytemuck::cast::<[u64; WORDS], _>(std::array::from_fn(sum))
}

const fn words<T>() -> usize {
    size_of::<T>() / 8
}

fn per_cpu<const KEY: usize, const VALUE: usize>(holder: u32, name: &str) -> Vec<Vec<u32>> {
    let map = PerCpuHashMap::<_, [u32; KEY], [u64; VALUE]>::try_from(open(holder, name));
    let map = map.unwrap_or_else(|error| panic!("{name}: {error}"));
    map.keys().flatten().map(|key| key.to_vec()).collect()
}

fn plain<const KEY: usize, const VALUE: usize>(holder: u32, name: &str) -> Vec<Vec<u32>> {
    let map = HashMap::<_, [u32; KEY], [u64; VALUE]>::try_from(open(holder, name));
    let map = map.unwrap_or_else(|error| panic!("{name}: {error}"));
    map.keys().flatten().map(|key| key.to_vec()).collect()
}

/// The map of this name that a process holds.
fn open(holder: u32, name: &str) -> Map {
    let held = Objects::held_by(holder).maps;
    let found = loaded_maps()
        .flatten()
        .find(|map| held.contains(&map.id()) && map.name_as_str() == Some(name))
        .unwrap_or_else(|| panic!("process {holder} holds no map {name}, of {held:?}"));
    let data = MapData::from_id(found.id()).expect("it was there just now");
    Map::from_map_data(data).expect("a kind of map that aya knows")
}
