//! Slots of threads, found by an address: see [`syscope_shared::threads`].

use crate::health::count;
use crate::marks::{Marks, mark};
use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::maps::{Array, HashMap};
use core::ptr::{read_volatile, write_volatile};
use syscope_shared::health::ProbeId;
use syscope_shared::threads::{Bucket, WAYS, bucket};

/// The maps that slots of one kind lie in.
pub struct Slots<V: 'static> {
    /// The slots.
    pub buckets: &'static Array<Bucket<V>>,
    /// By slot whose it is: who inserts has it. (Instructions that compare and swap came with kernel 5.12.)
    pub owners: &'static HashMap<u32, u64>,
    /// What is known of those whose bucket is full, by address.
    pub more: &'static HashMap<u64, V>,
    /// Tells user space which buckets are in use, where it reads them.
    pub taken: Option<&'static Marks>,
}

impl<V> Slots<V> {
    /// The slot of an address.
    #[inline(always)]
    pub fn find(&self, address: u64) -> Option<&'static mut V> {
        let bucket = self.buckets.get_ptr_mut(bucket(address))?;
        for way in 0..WAYS {
            // SAFETY: the map keeps the memory; another CPU may write the word, never half of it.
            if unsafe { read_volatile((&raw const (*bucket).addresses[way]).cast::<u64>()) }
                == address
            {
                // SAFETY: the map keeps the memory. Programs that look for the same thread do not run at
                // the same time: they run in it, or the scheduler holds the lock of its run queue.
                return Some(unsafe { &mut (*bucket).slots[way] });
            }
        }
        // SAFETY: as above.
        if unsafe { read_volatile(&raw const (*bucket).overflown) } == 0 {
            return None;
        }
        // SAFETY: as above.
        self.more.get_ptr_mut(address).map(|slot| unsafe { &mut *slot })
    }

    /// Gives an address that has none a slot.
    #[inline(always)]
    pub fn take(&self, address: u64, fresh: &V, probe: ProbeId) {
        self.take_place(address, fresh, probe);
        if let Some(taken) = self.taken {
            mark(taken, bucket(address));
        }
    }

    #[inline(always)]
    fn take_place(&self, address: u64, fresh: &V, probe: ProbeId) {
        let first = bucket(address) * WAYS as u32;
        let Some(bucket) = self.buckets.get_ptr_mut(bucket(address)) else { return };
        for way in 0..WAYS {
            let index = first + way as u32;
            // SAFETY: the map keeps the memory.
            let place = unsafe { (&raw mut (*bucket).addresses[way]).cast::<u64>() };
            // SAFETY: as above.
            if unsafe { read_volatile(place) } != 0
                || self.owners.insert(index, address, u64::from(BPF_NOEXIST)).is_err()
            {
                continue;
            }
            // SAFETY: the slot is this thread's now; nobody looks for it before its place says so.
            unsafe {
                core::ptr::copy_nonoverlapping(fresh, &raw mut (*bucket).slots[way], 1);
                write_volatile(place, address);
            }
            return;
        }
        // SAFETY: as above.
        unsafe { write_volatile(&raw mut (*bucket).overflown, 1) };
        if self.more.insert(address, fresh, 0).is_err() {
            count(probe, |c| c.map_full += 1);
        }
    }

    /// Frees the slot of an address.
    #[inline(always)]
    pub fn free(&self, address: u64) {
        let first = bucket(address) * WAYS as u32;
        let Some(bucket) = self.buckets.get_ptr_mut(bucket(address)) else { return };
        for way in 0..WAYS {
            // SAFETY: the map keeps the memory.
            let place = unsafe { (&raw mut (*bucket).addresses[way]).cast::<u64>() };
            // SAFETY: as above.
            if unsafe { read_volatile(place) } == address {
                // SAFETY: as above.
                unsafe { write_volatile(place, 0) };
                let _ = self.owners.remove(first + way as u32);
            }
        }
        // SAFETY: as above.
        if unsafe { read_volatile(&raw const (*bucket).overflown) } != 0 {
            let _ = self.more.remove(address);
        }
    }
}
