//! Samples of the CPU profile.

use crate::capture::Damage;
use crate::capture::column::{Column, all_read, put};
use crate::capture::known::Known;
use crate::capture::messages;
use crate::capture::tell::Telling;
use crate::source::{Batch, ProfileDelta};

/// Writes the samples of a frame.
#[derive(Debug, Default)]
pub struct Writer {
    message: messages::Profile,
}

impl Writer {
    pub fn push(&mut self, deltas: &[ProfileDelta], told: &mut Telling) {
        let message = &mut self.message;
        put(&mut message.count, deltas.len() as u64);
        for delta in deltas {
            put(&mut message.pid, told.pid(delta.pid));
            put(&mut message.comm, told.string(&delta.comm));
            put(&mut message.kernel_stack, told.stack_id(delta.kernel_stack));
            put(&mut message.user_stack, told.stack_id(delta.user_stack));
            put(&mut message.samples, delta.samples);
        }
    }

    pub fn finish(self) -> messages::Profile {
        self.message
    }
}

/// Reads the samples of a frame.
pub fn read(
    message: &messages::Profile,
    known: &mut Known,
    batches: &mut [Batch],
) -> Result<(), Damage> {
    let mut count = Column::new(&message.count);
    let mut columns =
        [&message.pid, &message.comm, &message.kernel_stack, &message.user_stack, &message.samples]
            .map(|column| Column::new(column));
    for batch in batches {
        for _ in 0..count.next()? {
            known.budget.pay_for::<ProfileDelta>(1)?;
            let [pid, comm, kernel_stack, user_stack, samples] = &mut columns;
            batch.profile.push(ProfileDelta {
                pid: known.pid(pid.next()?)?,
                comm: known.string(comm.next()?)?,
                kernel_stack: known.stack_id(kernel_stack.next()?)?,
                user_stack: known.stack_id(user_stack.next()?)?,
                samples: samples.next()?,
            });
        }
    }
    count.end()?;
    all_read(&columns)
}
