//! Walks a stack as the BPF programs do, with the same tables.

use super::table::look_up;
use syscope_shared::unwind::{
    End, FRAMES_MAX, NO_TABLE, NOT_READY, Registers, Rule, Segment, Step, by_frame_pointer, step,
    told,
};

/// The words of the `UNWIND` map.
pub trait Words {
    /// A word as it stands; `None` where none was written, or memory is short.
    fn word(&self, index: usize) -> Option<u32>;
}

impl Words for [u32] {
    fn word(&self, index: usize) -> Option<u32> {
        self.get(index).copied()
    }
}

/// What there is to walk the stacks of a process with.
#[derive(Debug)]
pub struct Walker<'a, W: ?Sized = [u32]> {
    /// The code of the process, in order of address.
    pub segments: &'a [Segment],
    /// The tables.
    pub words: &'a W,
    /// The rules by number.
    pub rules: &'a [Rule],
}

/// What to do at an address.
enum Way {
    Rule(Rule),
    FramePointer,
    /// Likewise, for the table is not there yet.
    Meanwhile,
    /// No code is there: what led to it led astray, if it was not the leaf's own address.
    Nowhere,
}

impl<W: Words + ?Sized> Walker<'_, W> {
    /// The addresses of a stack, leaf first, and how it ended. `leaf` gives a register of the leaf by its
    /// number in DWARF, `read` a word of the process's memory; either may fail.
    ///
    /// Once frame pointers had to be followed for want of a table, the stack counts as
    /// [`End::NotReady`] wherever it led.
    pub fn walk(
        &self,
        mut registers: Registers,
        leaf: impl Fn(u32) -> Option<u64>,
        read: impl Fn(u64) -> Option<u64>,
    ) -> (Vec<u64>, End) {
        let (mut addresses, mut is_ready) = (Vec::new(), true);
        let end = loop {
            let way = self.way(registers.ip.wrapping_sub(registers.is_return));
            if matches!(way, Way::Nowhere) && !addresses.is_empty() {
                break End::NoUnwindData;
            }
            let at = registers;
            let stepped = match way {
                Way::Rule(rule) => step(&rule, &mut registers, &leaf, &read),
                Way::FramePointer | Way::Nowhere => by_frame_pointer(&mut registers, &read),
                Way::Meanwhile => {
                    is_ready = false;
                    by_frame_pointer(&mut registers, &read)
                }
            };
            addresses.push(told(&at, &registers, addresses.is_empty()));
            match stepped {
                Step::Caller if addresses.len() < FRAMES_MAX => {}
                Step::Caller => break End::DepthLimit,
                Step::Root => break End::Complete,
                Step::NoData => break End::NoUnwindData,
                Step::Unreadable => break End::Unreadable,
            }
        };
        (addresses, if is_ready { end } else { End::NotReady })
    }

    fn way(&self, address: u64) -> Way {
        let behind = self.segments.partition_point(|segment| segment.start <= address);
        let before = behind.checked_sub(1).map(|before| self.segments[before]);
        let Some(segment) = before.filter(|segment| address - segment.start < segment.len) else {
            return Way::Nowhere;
        };
        match segment.base {
            NO_TABLE => Way::FramePointer,
            NOT_READY => Way::Meanwhile,
            base => {
                let address = (address - segment.start).wrapping_add(u64::from(segment.shift));
                let number = look_up(self.words, base, segment.pages, address);
                Way::Rule(self.rules.get(number as usize).copied().unwrap_or(Rule::NO_DATA))
            }
        }
    }
}
