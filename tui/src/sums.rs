//! Sums that stop at the largest number instead of beginning anew at zero.
//!
//! A capture of somebody else may hold any numbers; and ten thousand threads that wait fill the
//! nanoseconds of a `u64` in three weeks. At the largest number, a sum is still at least nearly right.

/// Adds to a sum.
pub(crate) trait AddUp {
    /// Adds `more`, as far as it goes.
    fn add_up(&mut self, more: Self);
}

impl AddUp for u64 {
    fn add_up(&mut self, more: Self) {
        *self = self.saturating_add(more);
    }
}

/// The sum of these.
pub(crate) fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}
