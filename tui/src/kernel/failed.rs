//! Reads the system calls that fail.

use super::lifecycle::text;
use super::ring::Ring;
use crate::source::FailedCall;
use aya::Ebpf;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use syscope_shared::failed::Event;

/// Reads the `FAILED` ring.
pub struct Reader {
    ring: Ring,
}

impl Reader {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        Ok(Self { ring: Ring::open(programs, "FAILED")? })
    }

    /// Appends what failed since the last reading.
    pub fn read(&mut self, events: &mut Vec<FailedCall>) {
        while let Some(item) = self.ring.next() {
            match decode(&item) {
                Some(event) => events.push(event),
                None => tracing::error!(bytes = item.len(), "a failed call of unexpected size"),
            }
        }
    }
}

impl AsFd for Reader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// Decodes one event of the ring; `None` when it has another size.
pub fn decode(bytes: &[u8]) -> Option<FailedCall> {
    let event: Event = bytemuck::try_pod_read_unaligned(bytes).ok()?;
    Some(FailedCall {
        time_ns: event.time_ns,
        duration_ns: event.duration_ns,
        pid: event.pid,
        tid: event.tid,
        comm: text(&event.comm),
        nr: event.nr,
        errno: event.errno,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_what_failed() {
        let event = Event {
            time_ns: 5,
            duration_ns: 7,
            pid: 11,
            tid: 12,
            nr: 3,
            errno: 9,
            comm: *b"a\xffb\0rest of it  ",
        };
        let bytes = bytemuck::bytes_of(&event);
        let call = decode(bytes).expect("whole");
        assert_eq!((call.time_ns, call.duration_ns, call.pid, call.tid), (5, 7, 11, 12));
        assert_eq!((call.comm.as_str(), call.nr, call.errno), ("a\\xffb", 3, 9));
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len]), None);
        }
        assert_eq!(decode(&[bytes, b"x"].concat()), None);
    }
}
