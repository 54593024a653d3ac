//! Stacks whose frames are told: in a batch, or again after a key.

use crate::capture::Damage;
use crate::capture::column::{Column, all_read, put, put_delta};
use crate::capture::known::Known;
use crate::capture::messages;
use crate::capture::tell::Telling;
use crate::source::{ResolvedStack, StackId};
use std::sync::Arc;

/// Writes the stacks of a frame.
#[derive(Debug, Default)]
pub struct Writer {
    message: messages::Stacks,
    last_id: u64,
    last_node: u64,
}

impl Writer {
    /// Appends one stack; [`Writer::count`] follows.
    pub fn push(&mut self, stack: &ResolvedStack, told: &mut Telling) {
        put_delta(&mut self.message.id, &mut self.last_id, u64::from(stack.id.0));
        let node = told.node(&stack.frames);
        put_delta(&mut self.message.node, &mut self.last_node, node);
        told.stacks.insert(stack.id);
    }

    /// Says how many were appended for a batch.
    pub fn count(&mut self, stacks: usize) {
        put(&mut self.message.count, stacks as u64);
    }

    pub fn finish(self) -> messages::Stacks {
        self.message
    }
}

/// Reads the stacks of a frame, and gives them to `take` with the number of their batch.
pub fn read(
    message: &messages::Stacks,
    known: &mut Known,
    batches: usize,
    mut take: impl FnMut(usize, Arc<ResolvedStack>),
) -> Result<(), Damage> {
    let mut count = Column::new(&message.count);
    let (mut ids, mut nodes) = (Column::new(&message.id), Column::new(&message.node));
    for batch in 0..batches {
        for _ in 0..count.next()? {
            let id = StackId(ids.next_delta_u32()?);
            let frames = known.stack(nodes.next_delta()?)?;
            take(batch, Arc::new(ResolvedStack { id, frames }));
        }
    }
    all_read(&[count, ids, nodes])
}
