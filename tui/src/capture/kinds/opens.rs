//! File opens.

use crate::capture::Damage;
use crate::capture::column::{Column, all_read, put, put_delta, put_signed};
use crate::capture::known::Known;
use crate::capture::messages;
use crate::capture::tell::Telling;
use crate::source::{Batch, OpenEvent, OpenPath};

/// Writes the opens of a frame.
#[derive(Debug, Default)]
pub struct Writer {
    message: messages::Opens,
    last_ns: u64,
}

impl Writer {
    pub fn push(&mut self, opens: &[OpenEvent], told: &mut Telling) {
        let message = &mut self.message;
        put(&mut message.count, opens.len() as u64);
        for open in opens {
            put_delta(&mut message.time_ns, &mut self.last_ns, open.time_ns);
            put(&mut message.duration_ns, open.duration_ns);
            put(&mut message.pid, told.pid(open.pid));
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
        &message.time_ns,
        &message.duration_ns,
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
    for batch in batches {
        for _ in 0..count.next()? {
            known.budget.pay_for::<OpenEvent>(1)?;
            batch.opens.push(next(&mut columns, known)?);
        }
    }
    count.end()?;
    all_read(&columns)
}

fn next(columns: &mut [Column<'_>; 10], known: &mut Known) -> Result<OpenEvent, Damage> {
    let [time_ns, duration_ns, pid, tid, comm, path, path_flags, flags, mode, result] = columns;
    let pid = known.pid(pid.next()?)?;
    let tid =
        i64::from(pid).checked_add(tid.next_signed()?).and_then(|tid| u32::try_from(tid).ok());
    let path_flags = path_flags.next()?;
    let result = result.next()?;
    let value =
        u32::try_from(result >> 1).map_err(|_| Damage("a result is too large".to_owned()))?;
    Ok(OpenEvent {
        time_ns: time_ns.next_delta()?,
        duration_ns: duration_ns.next()?,
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
    })
}
