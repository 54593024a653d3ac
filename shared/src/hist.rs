//! Log2 histograms of latencies.

/// Number of buckets of a latency histogram.
pub const BUCKETS: usize = 32;

/// Bucket 0 holds what took less than `2^SHIFT` ns.
const SHIFT: u32 = 7;

/// The bucket that a latency of `ns` nanoseconds falls into.
///
/// Bucket `i > 0` holds `2^(SHIFT+i-1) <= ns < 2^(SHIFT+i)`; the last bucket is open upwards, so a
/// histogram spans 128 ns to about 137 s.
#[inline(always)]
pub fn bucket(ns: u64) -> usize {
    // Written as compares and shifts: the BPF target has no count-leading-zeros instruction.
    let mut v = ns >> SHIFT;
    let mut log = 0usize;
    if v >= 1 << 32 {
        return BUCKETS - 1;
    }
    if v >= 1 << 16 {
        v >>= 16;
        log += 16;
    }
    if v >= 1 << 8 {
        v >>= 8;
        log += 8;
    }
    if v >= 1 << 4 {
        v >>= 4;
        log += 4;
    }
    if v >= 1 << 2 {
        v >>= 2;
        log += 2;
    }
    if v >= 1 << 1 {
        v >>= 1;
        log += 1;
    }
    log += v as usize;
    if log < BUCKETS { log } else { BUCKETS - 1 }
}

/// The half-open range of nanoseconds `[low, high)` that bucket `index` stands for.
///
/// The last bucket has no upper end; `u64::MAX` stands for it.
pub fn range(index: usize) -> (u64, u64) {
    let low = if index == 0 { 0 } else { 1 << (SHIFT as usize + index - 1) };
    let high = if index + 1 >= BUCKETS { u64::MAX } else { 1 << (SHIFT as usize + index) };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_holds_its_own_range() {
        for index in 0..BUCKETS {
            let (low, high) = range(index);
            assert_eq!(bucket(low), index, "low end of {index}");
            assert_eq!(bucket(high - 1), index, "high end of {index}");
            if high != u64::MAX {
                assert_eq!(bucket(high), index + 1);
            }
        }
    }

    #[test]
    fn extremes_stay_inside() {
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }
}
