//! File opens.

use crate::capture::Damage;
use crate::capture::column::{Column, all_read, put, put_signed};
use crate::capture::known::Known;
use crate::capture::messages;
use crate::capture::tell::Telling;
use crate::source::resolution::{DURATION_NS, START_NS};
use crate::source::{Batch, OpenEvent, OpenPath};

/// Writes the opens of a frame.
#[derive(Debug, Default)]
pub struct Writer {
    message: messages::Opens,
    ends: Ends,
}

/// When the last open of each process ended, by the number of its PID: the next mostly begins soon
/// after.
#[derive(Debug, Default)]
struct Ends {
    by_pid: Vec<u64>,
    last_us: u64,
}

impl Ends {
    /// The time that the next open of this process is told from: the end of its last one, or of the
    /// last of any process.
    fn of(&self, pid: u64) -> u64 {
        let end = usize::try_from(pid).ok().and_then(|pid| self.by_pid.get(pid));
        end.copied().filter(|end| *end != 0).unwrap_or(self.last_us)
    }

    /// An open of this process ended. `pid` numbers a PID of the frame.
    fn set(&mut self, pid: u64, open: &OpenEvent) {
        let end_us = open.time_ns.wrapping_add(open.duration_ns) / START_NS;
        let pid = pid as usize;
        if self.by_pid.len() <= pid {
            self.by_pid.resize(pid + 1, 0);
        }
        self.by_pid[pid] = end_us;
        self.last_us = end_us;
    }
}

impl Writer {
    pub fn push(&mut self, opens: &[OpenEvent], told: &mut Telling) {
        let message = &mut self.message;
        put(&mut message.count, opens.len() as u64);
        for open in opens {
            let pid = told.pid(open.pid);
            put(&mut message.pid, pid);
            let start_us = open.time_ns / START_NS;
            put_signed(&mut message.gap_us, start_us.wrapping_sub(self.ends.of(pid)) as i64);
            put(&mut message.duration, open.duration_ns / DURATION_NS);
            self.ends.set(pid, open);
            put_signed(&mut message.tid, i64::from(open.tid) - i64::from(open.pid));
            put(&mut message.comm, told.string(&open.comm));
            put(&mut message.path, told.string(&open.path.text));
            let OpenPath { unresolved, cut, unreadable, .. } = open.path;
            let flags = u64::from(unresolved) | u64::from(cut) << 1 | u64::from(unreadable) << 2;
            put(&mut message.path_flags, flags);
            put(&mut message.flags, u64::from(open.flags));
            put(&mut message.mode, u64::from(open.mode));
            let result = match open.result {
                Ok(fd) => u64::from(fd) << 1,
                Err(errno) => u64::from(errno) << 1 | 1,
            };
            put(&mut message.result, result);
        }
    }

    pub fn finish(self) -> messages::Opens {
        self.message
    }
}

/// Reads the opens of a frame.
pub fn read(
    message: &messages::Opens,
    known: &mut Known,
    batches: &mut [Batch],
) -> Result<(), Damage> {
    let mut count = Column::new(&message.count);
    let mut columns = [
        &message.gap_us,
        &message.duration,
        &message.pid,
        &message.tid,
        &message.comm,
        &message.path,
        &message.path_flags,
        &message.flags,
        &message.mode,
        &message.result,
    ]
    .map(|column| Column::new(column));
    let mut ends = Ends::default();
    for batch in batches {
        for _ in 0..count.next()? {
            known.budget.pay_for::<OpenEvent>(1)?;
            batch.opens.push(next(&mut columns, &mut ends, known)?);
        }
    }
    count.end()?;
    all_read(&columns)
}

fn next(
    columns: &mut [Column<'_>; 10],
    ends: &mut Ends,
    known: &mut Known,
) -> Result<OpenEvent, Damage> {
    let [gap_us, duration, pid, tid, comm, path, path_flags, flags, mode, result] = columns;
    let number = pid.next()?;
    let pid = known.pid(number)?;
    let start_us = ends.of(number).wrapping_add(gap_us.next_signed()? as u64);
    let time_ns = start_us.checked_mul(START_NS);
    let duration_ns = duration.next()?.checked_mul(DURATION_NS);
    let tid =
        i64::from(pid).checked_add(tid.next_signed()?).and_then(|tid| u32::try_from(tid).ok());
    let path_flags = path_flags.next()?;
    let result = result.next()?;
    let value =
        u32::try_from(result >> 1).map_err(|_| Damage("a result is too large".to_owned()))?;
    let too_large = || Damage("a time is too large".to_owned());
    let open = OpenEvent {
        time_ns: time_ns.ok_or_else(too_large)?,
        duration_ns: duration_ns.ok_or_else(too_large)?,
        pid,
        tid: tid.ok_or_else(|| Damage("a TID is too large".to_owned()))?,
        comm: known.string(comm.next()?)?,
        path: OpenPath {
            text: known.string(path.next()?)?,
            unresolved: path_flags & 1 != 0,
            cut: path_flags & 2 != 0,
            unreadable: path_flags & 4 != 0,
        },
        flags: flags.next_u32()?,
        mode: mode.next_u32()?,
        result: if result & 1 == 0 { Ok(value) } else { Err(value) },
    };
    ends.set(number, &open);
    Ok(open)
}
