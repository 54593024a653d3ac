//! The part of a frame that is not compressed: what the timeline shows.

use super::column::{Column, all_read, put, put_delta};
use super::limits::BATCHES_MAX;
use super::messages;
use super::{Damage, Tick};
use prost::Message;

/// What is read from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clear {
    pub ticks: Vec<Tick>,
    /// File opens that were left out of the frame.
    pub left_out: u64,
    /// Anything else that was left out.
    pub left_out_other: u64,
}

/// The bytes of a clear part.
pub fn write(ticks: &[Tick], left_out: u64, left_out_other: u64) -> Vec<u8> {
    let mut message = messages::Clear { left_out, left_out_other, ..Default::default() };
    let (mut last_ns, mut lost) = (0, 0);
    for tick in ticks {
        put_delta(&mut message.time_ns, &mut last_ns, tick.time_ns);
        put(&mut message.window_ns, tick.window_ns);
        put(&mut message.calls, tick.calls);
        put(&mut message.errors, tick.errors);
        put(&mut message.opens, tick.opens);
        put(&mut message.blocked_ns, tick.blocked_ns);
        put(&mut message.runqueue_ns, tick.runqueue_ns);
        put(&mut message.samples, tick.samples);
        put(&mut message.forks, tick.forks);
        put_delta(&mut message.lost, &mut lost, tick.lost);
    }
    message.encode_to_vec()
}

/// Reads a clear part.
pub fn read(bytes: &[u8]) -> Result<Clear, Damage> {
    let message = messages::Clear::decode(bytes).map_err(|error| Damage(error.to_string()))?;
    let mut time_ns = Column::new(&message.time_ns);
    let mut lost = Column::new(&message.lost);
    let mut columns = [
        &message.window_ns,
        &message.calls,
        &message.errors,
        &message.opens,
        &message.blocked_ns,
        &message.runqueue_ns,
        &message.samples,
        &message.forks,
    ]
    .map(|column| Column::new(column));
    let mut ticks = Vec::new();
    while !time_ns.is_empty() {
        if ticks.len() as u64 == BATCHES_MAX {
            return Err(Damage("it has too many batches".to_owned()));
        }
        let mut row = [0; 8];
        for (value, column) in row.iter_mut().zip(&mut columns) {
            *value = column.next()?;
        }
        let [window_ns, calls, errors, opens, blocked_ns, runqueue_ns, samples, forks] = row;
        ticks.push(Tick {
            time_ns: time_ns.next_delta()?,
            window_ns,
            calls,
            errors,
            opens,
            blocked_ns,
            runqueue_ns,
            samples,
            forks,
            lost: lost.next_delta()?,
        });
    }
    all_read(&columns)?;
    all_read(&[lost])?;
    Ok(Clear { ticks, left_out: message.left_out, left_out_other: message.left_out_other })
}
