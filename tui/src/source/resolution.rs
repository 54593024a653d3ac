//! How finely a batch tells of file opens.
//!
//! A machine that compiles opens ten thousand files a second, and each of the digits of their times
//! costs a recording as much as its path does. The digits that nobody reads are taken off before the
//! batch is made, so that what is live and what was recorded still agree in all that is left.

use super::OpenEvent;

/// The start of an open is told in whole microseconds.
pub const START_NS: u64 = 1_000;
/// How long it took is told in tenths of a microsecond,
pub const DURATION_NS: u64 = 100;
/// and in three digits.
const DIGITS: u64 = 1_000;

impl OpenEvent {
    /// Takes off what a batch does not tell: the start is cut to a whole microsecond; the duration is
    /// rounded to three digits, and to no less than a tenth of a microsecond.
    pub fn round(&mut self) {
        self.time_ns -= self.time_ns % START_NS;
        let mut step = DURATION_NS;
        while self.duration_ns / step >= DIGITS {
            step *= 10;
        }
        let rest = self.duration_ns % step;
        let down = self.duration_ns - rest;
        let up = if rest >= step / 2 { step } else { 0 };
        // The nearest one below 2^64.
        self.duration_ns = down.checked_add(up).unwrap_or(down);
    }
}

#[cfg(test)]
mod tests {
    use crate::source::{OpenEvent, OpenPath};
    use proptest::prelude::*;

    fn rounded(time_ns: u64, duration_ns: u64) -> (u64, u64) {
        let mut open = OpenEvent {
            time_ns,
            duration_ns,
            pid: 1,
            tid: 1,
            comm: String::new(),
            path: OpenPath::default(),
            flags: 0,
            mode: 0,
            result: Ok(3),
        };
        open.round();
        (open.time_ns, open.duration_ns)
    }

    #[test]
    fn an_open_is_told_in_whole_microseconds_and_three_digits() {
        assert_eq!(rounded(1_999, 49), (1_000, 0));
        assert_eq!(rounded(2_000, 50), (2_000, 100));
        assert_eq!(rounded(0, 4_567), (0, 4_600));
        assert_eq!(rounded(0, 99_949).1, 99_900);
        assert_eq!(rounded(0, 99_950).1, 100_000);
        assert_eq!(rounded(0, 123_456).1, 123_000);
        assert_eq!(rounded(0, 12_345_678_901).1, 12_300_000_000);
    }

    proptest! {
        #[test]
        fn rounding_is_near_and_done_once(time_ns: u64, duration_ns: u64) {
            let (start, duration) = rounded(time_ns, duration_ns);
            prop_assert!(time_ns - start < super::START_NS);
            let off = duration.abs_diff(duration_ns);
            prop_assert!(off <= super::DURATION_NS / 2 || off <= duration_ns / 100);
            prop_assert_eq!(rounded(start, duration), (start, duration));
        }
    }
}
