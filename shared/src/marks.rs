//! Marks that programs leave at buckets in which they have taken a place, so that user space need not look
//! through all buckets for the few that are in use.

/// Marks that lie in one value of a map of marks: a byte for each of so many buckets, not 0 when a place
/// of the bucket was taken. User space clears it and looks at the bucket.
pub const MARKS: usize = 64;

/// Values that so many buckets need.
pub const fn values(buckets: u32) -> u32 {
    buckets.div_ceil(MARKS as u32)
}
