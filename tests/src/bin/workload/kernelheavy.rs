//! Work that is done almost only in the kernel.

use crate::protocol;
use crate::spin::cpu_time;
use nix::time::ClockId;
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::time::Duration;

/// Reads random numbers for `seconds` of CPU time.
pub fn run(seconds: u64) {
    let mut random = File::open("/dev/urandom").expect("every Linux has it");
    let mut buffer = vec![0; 256 * 1024];
    protocol::ready();
    let end = cpu_time(ClockId::CLOCK_PROCESS_CPUTIME_ID) + Duration::from_secs(seconds);
    while cpu_time(ClockId::CLOCK_PROCESS_CPUTIME_ID) < end {
        random.read_exact(&mut buffer).expect("it never ends");
    }
    protocol::done(&json!({}));
    protocol::stay();
}
