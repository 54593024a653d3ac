//! Waits that ended.

use super::{state_number, state_of};
use crate::capture::Damage;
use crate::capture::column::{Column, all_read, put};
use crate::capture::known::Known;
use crate::capture::messages;
use crate::capture::tell::Telling;
use crate::source::{Batch, OffcpuDelta};

/// Writes the waits of a frame.
#[derive(Debug, Default)]
pub struct Writer {
    message: messages::Offcpu,
}

impl Writer {
    pub fn push(&mut self, deltas: &[OffcpuDelta], told: &mut Telling) {
        let message = &mut self.message;
        put(&mut message.count, deltas.len() as u64);
        for delta in deltas {
            put(&mut message.pid, told.pid(delta.pid));
            put(&mut message.state, state_number(delta.state));
            put(&mut message.kernel_stack, told.stack_id(delta.kernel_stack));
            put(&mut message.user_stack, told.stack_id(delta.user_stack));
            put(&mut message.blocked_ns, delta.blocked_ns);
            put(&mut message.runqueue_ns, delta.runqueue_ns);
            put(&mut message.waits, delta.waits);
        }
    }

    pub fn finish(self) -> messages::Offcpu {
        self.message
    }
}

/// Reads the waits of a frame.
pub fn read(
    message: &messages::Offcpu,
    known: &mut Known,
    batches: &mut [Batch],
) -> Result<(), Damage> {
    let mut count = Column::new(&message.count);
    let mut columns = [
        &message.pid,
        &message.state,
        &message.kernel_stack,
        &message.user_stack,
        &message.blocked_ns,
        &message.runqueue_ns,
        &message.waits,
    ]
    .map(|column| Column::new(column));
    for batch in batches {
        for _ in 0..count.next()? {
            known.budget.pay_for::<OffcpuDelta>(1)?;
            let [pid, state, kernel_stack, user_stack, blocked_ns, runqueue_ns, waits] =
                &mut columns;
            batch.offcpu.push(OffcpuDelta {
                pid: known.pid(pid.next()?)?,
                state: state_of(state.next()?)?,
                kernel_stack: known.stack_id(kernel_stack.next()?)?,
                user_stack: known.stack_id(user_stack.next()?)?,
                blocked_ns: blocked_ns.next()?,
                runqueue_ns: runqueue_ns.next()?,
                waits: waits.next()?,
            });
        }
    }
    count.end()?;
    all_read(&columns)
}
