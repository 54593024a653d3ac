//! Reads the lifecycle probe.

use super::Reading;
use super::ring::Ring;
use crate::source::ProcessEvent;
use crate::text::from_bytes;
use aya::Ebpf;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use syscope_shared::lifecycle::{EXEC, EXIT, Event, FORK};

/// Reads the `LIFECYCLE` ring.
pub struct Reader {
    ring: Ring,
}

impl Reader {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        Ok(Self { ring: Ring::open(programs, "LIFECYCLE")? })
    }

    /// Appends what happened since the last reading.
    pub fn read(&mut self, reading: &mut Reading) {
        while let Some(item) = self.ring.next() {
            match decode(&item) {
                Some((event, exec_id)) => {
                    if matches!(event, ProcessEvent::Exec { .. }) {
                        reading.execs.push((reading.processes.len(), exec_id));
                    }
                    reading.processes.push(event);
                }
                None => tracing::error!(bytes = item.len(), "a lifecycle event not understood"),
            }
        }
    }
}

impl AsFd for Reader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// Decodes one event of the ring, with the id of the program that runs after it; `None` when it is
/// none.
pub fn decode(bytes: &[u8]) -> Option<(ProcessEvent, u32)> {
    let (head, tail) = bytes.split_at_checked(size_of::<Event>())?;
    let event: Event = bytemuck::pod_read_unaligned(head);
    let (time_ns, pid, comm) = (event.time_ns, event.pid, text(&event.comm));
    let decoded = match event.kind {
        FORK => ProcessEvent::Fork { time_ns, pid, parent: event.parent, comm },
        EXEC => {
            let cmdline = tail.get(..event.cmdline_len as usize)?;
            let cut = event.cmdline_total > event.cmdline_len;
            ProcessEvent::Exec { time_ns, pid, comm, cmdline: join(cmdline, cut) }
        }
        EXIT => ProcessEvent::Exit { time_ns, pid },
        _ => return None,
    };
    Some((decoded, event.exec_id))
}

/// A NUL-padded name as text.
pub fn text(comm: &[u8]) -> String {
    let end = comm.iter().position(|byte| *byte == 0).unwrap_or(comm.len());
    from_bytes(&comm[..end])
}

/// NUL-separated arguments, joined by spaces.
fn join(arguments: &[u8], cut: bool) -> String {
    let arguments = arguments.strip_suffix(&[0]).unwrap_or(arguments);
    let mut line = arguments.split(|byte| *byte == 0).map(from_bytes).collect::<Vec<_>>().join(" ");
    if cut {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_exec_carries_its_command_line() {
        let line = b"ls\0-l\0/tmp\0";
        let head = Event {
            kind: EXEC,
            pid: 7,
            exec_id: 3,
            cmdline_len: line.len() as u32,
            cmdline_total: 600,
            comm: *b"ls\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            ..Event::default()
        };
        let bytes = [bytemuck::bytes_of(&head), line].concat();
        let (ProcessEvent::Exec { comm, cmdline, .. }, 3) = decode(&bytes).unwrap() else {
            panic!()
        };
        assert_eq!((comm.as_str(), cmdline.as_str()), ("ls", "ls -l /tmp…"));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
    }

    #[test]
    fn an_event_of_no_known_kind_is_refused() {
        assert_eq!(decode(bytemuck::bytes_of(&Event::default())), None);
        assert_eq!(decode(b""), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_find_more_than_is_there(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
            kind_and_length in proptest::option::of((FORK..=EXIT + 1, 0u32..300)),
        ) {
            // A kind of chance alone is nearly never one that there is.
            if let (Some((kind, len)), Some(head)) =
                (kind_and_length, bytes.get_mut(..size_of::<Event>()))
            {
                let mut event: Event = bytemuck::pod_read_unaligned(head);
                (event.kind, event.cmdline_len) = (kind, len);
                head.copy_from_slice(bytemuck::bytes_of(&event));
            }
            let tail = bytes.len().saturating_sub(size_of::<Event>());
            match decode(&bytes) {
                Some((ProcessEvent::Exec { comm, cmdline, .. }, _)) => {
                    // Of each byte `\xNN` at most, and `…` for what was cut.
                    prop_assert!(cmdline.len() <= 4 * tail + '…'.len_utf8(), "{cmdline:?}");
                    prop_assert!(comm.len() <= 4 * syscope_shared::COMM_LEN, "{comm:?}");
                }
                Some((ProcessEvent::Fork { comm, .. }, _)) => {
                    prop_assert!(comm.len() <= 4 * syscope_shared::COMM_LEN, "{comm:?}");
                }
                _ => {}
            }
        }
    }
}
