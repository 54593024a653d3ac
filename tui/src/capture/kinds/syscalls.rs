//! System calls.

use crate::capture::Damage;
use crate::capture::column::{Column, all_read, put, put_signed};
use crate::capture::known::Known;
use crate::capture::messages;
use crate::capture::tell::Telling;
use crate::source::{Batch, SyscallDelta};
use syscope_shared::hist::{BUCKETS, bucket};

/// Writes the system calls of a frame.
#[derive(Debug, Default)]
pub struct Writer {
    message: messages::Syscalls,
}

impl Writer {
    pub fn push(&mut self, deltas: &[SyscallDelta], told: &mut Telling) {
        let message = &mut self.message;
        put(&mut message.count, deltas.len() as u64);
        for delta in deltas {
            put(&mut message.pid, told.pid(delta.pid));
            put(&mut message.nr, u64::from(delta.nr.rotate_left(1)));
            put(&mut message.calls, delta.calls);
            put(&mut message.errors, delta.errors);
            put(&mut message.total_ns, delta.total_ns);
            push_hist(message, delta);
            push_errnos(message, delta);
        }
    }

    pub fn finish(self) -> messages::Syscalls {
        self.message
    }
}

/// A histogram of one call follows from its time.
fn hist_of_one(total_ns: u64) -> [u32; BUCKETS] {
    let mut hist = [0; BUCKETS];
    hist[bucket(total_ns)] = 1;
    hist
}

fn push_hist(message: &mut messages::Syscalls, delta: &SyscallDelta) {
    if delta.hist == hist_of_one(delta.total_ns) {
        return put(&mut message.buckets, 0);
    }
    let used = delta.hist.iter().enumerate().filter(|(_, count)| **count != 0);
    let mask = used.clone().fold(0u64, |mask, (index, _)| mask | 1 << index);
    put(&mut message.buckets, mask + 1);
    for (_, count) in used {
        put(&mut message.bucket, u64::from(*count));
    }
}

fn read_hist(
    buckets: u64,
    total_ns: u64,
    bucket: &mut Column<'_>,
) -> Result<[u32; BUCKETS], Damage> {
    let Some(mask) = buckets.checked_sub(1) else { return Ok(hist_of_one(total_ns)) };
    let mut hist = [0; BUCKETS];
    for (index, count) in hist.iter_mut().enumerate() {
        if mask >> index & 1 != 0 {
            *count = bucket.next_u32()?;
        }
    }
    Ok(hist)
}

/// The counts of the error numbers add up to the errors: each is told as the difference to what is
/// left, so that the last, mostly the only one, is 0.
fn push_errnos(message: &mut messages::Syscalls, delta: &SyscallDelta) {
    put(&mut message.errnos, delta.errnos.len() as u64);
    let mut left = delta.errors;
    for (errno, count) in &delta.errnos {
        put(&mut message.errno, u64::from(*errno));
        left = left.wrapping_sub(*count);
        put_signed(&mut message.errno_count, left as i64);
    }
}

/// Reads the system calls of a frame.
pub fn read(
    message: &messages::Syscalls,
    known: &mut Known,
    batches: &mut [Batch],
) -> Result<(), Damage> {
    let mut count = Column::new(&message.count);
    let mut main = [
        &message.pid,
        &message.nr,
        &message.calls,
        &message.errors,
        &message.total_ns,
        &message.buckets,
        &message.errnos,
    ]
    .map(|column| Column::new(column));
    let mut bucket = Column::new(&message.bucket);
    let mut errno = Column::new(&message.errno);
    let mut errno_count = Column::new(&message.errno_count);
    for batch in batches {
        for _ in 0..count.next()? {
            known.budget.pay_for::<SyscallDelta>(1)?;
            let [pid, nr, calls, errors, total_ns, buckets, errnos] = {
                let mut row = [0; 7];
                for (value, column) in row.iter_mut().zip(&mut main) {
                    *value = column.next()?;
                }
                row
            };
            let nr = u32::try_from(nr).map_err(|_| Damage("a call is unknown".to_owned()))?;
            let hist = read_hist(buckets, total_ns, &mut bucket)?;
            let mut delta = SyscallDelta {
                pid: known.pid(pid)?,
                nr: nr.rotate_right(1),
                calls,
                errors,
                total_ns,
                hist,
                errnos: Vec::new(),
            };
            let mut left = errors;
            for _ in 0..errnos {
                known.budget.pay_for::<(u32, u64)>(1)?;
                let now = errno_count.next_signed()? as u64;
                delta.errnos.push((errno.next_u32()?, left.wrapping_sub(now)));
                left = now;
            }
            batch.syscalls.push(delta);
        }
    }
    all_read(&main)?;
    all_read(&[count, bucket, errno, errno_count])
}
