//! Reads the opens probe.

use super::lifecycle::text;
use super::ring::Ring;
use crate::source::{OpenEvent, OpenPath};
use crate::text::from_bytes;
use aya::Ebpf;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use syscope_shared::opens::{BASE_CUT, BASE_WALKED, Event, PATH_CUT, PATH_UNREADABLE, RING_BYTES};

/// Bytes in front of each event in the ring (`BPF_RINGBUF_HDR_SZ`).
const HEADER: usize = 8;

/// Reads the `OPENS` ring.
pub struct Reader {
    ring: Ring,
    /// Bytes that were read at once, at most, since somebody asked.
    most: usize,
}

impl Reader {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        Ok(Self { ring: Ring::open(programs, "OPENS")?, most: 0 })
    }

    /// Appends what was opened since the last reading.
    pub fn read(&mut self, events: &mut Vec<OpenEvent>) {
        let mut bytes = 0;
        while let Some(item) = self.ring.next() {
            bytes += item.len() + HEADER;
            match decode(&item) {
                Some(event) => events.push(event),
                None => tracing::error!(bytes = item.len(), "an open event of unexpected size"),
            }
        }
        self.most = self.most.max(bytes);
    }

    /// How full the ring was at most when it was read, since this was asked last, from 0.0 to 1.0.
    pub fn fill(&mut self) -> f32 {
        (std::mem::take(&mut self.most) as f32 / RING_BYTES as f32).min(1.0)
    }
}

impl AsFd for Reader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// Decodes one event of the ring; `None` when it is too short for what it says it holds.
pub fn decode(bytes: &[u8]) -> Option<OpenEvent> {
    let (head, tail) = bytes.split_at_checked(size_of::<Event>())?;
    let event: Event = bytemuck::pod_read_unaligned(head);
    let (path, rest) = tail.split_at_checked(event.path_len as usize)?;
    let base = rest.get(..event.base_len as usize)?;
    let result = match event.result {
        error if error < 0 => Err(error.unsigned_abs()),
        fd => Ok(fd.unsigned_abs()),
    };
    Some(OpenEvent {
        time_ns: event.time_ns,
        duration_ns: event.duration_ns,
        pid: event.pid,
        tid: event.tid,
        comm: text(&event.comm),
        path: resolve(path, base, event.marks),
        flags: event.flags,
        mode: event.mode,
        result,
    })
}

fn resolve(path: &[u8], base: &[u8], marks: u32) -> OpenPath {
    let relative = !path.is_empty() && path[0] != b'/';
    let walked = marks & BASE_WALKED != 0;
    let mut full = Vec::new();
    if relative && (walked || marks & BASE_CUT != 0) {
        // The components come innermost first, each with a NUL behind it.
        for component in base.split(|byte| *byte == 0).rev().filter(|c| !c.is_empty()) {
            full.push(b'/');
            full.extend_from_slice(component);
        }
        if !walked && !full.is_empty() {
            full.splice(0..1, *b"...");
            full.insert(3, b'/');
        }
        if walked || !full.is_empty() {
            full.push(b'/');
        }
    }
    full.extend_from_slice(strip_dot(path, walked));
    OpenPath {
        text: from_bytes(&full),
        unresolved: relative && !walked,
        cut: marks & PATH_CUT != 0,
        unreadable: marks & PATH_UNREADABLE != 0,
    }
}

/// `./x` in a known directory is `x` in it; the path is otherwise left as the program gave it.
fn strip_dot(path: &[u8], walked: bool) -> &[u8] {
    match path {
        [b'.', b'/', rest @ ..] if walked && !rest.is_empty() && rest[0] != b'/' => rest,
        b"." if walked => b"",
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(path: &[u8], base: &[u8], marks: u32) -> Vec<u8> {
        let head = Event {
            result: -2,
            marks,
            path_len: path.len() as u32,
            base_len: base.len() as u32,
            ..Event::default()
        };
        [bytemuck::bytes_of(&head), path, base].concat()
    }

    fn path(bytes: &[u8]) -> String {
        decode(bytes).unwrap().path.text
    }

    #[test]
    fn a_relative_path_stands_behind_its_base() {
        assert_eq!(path(&event(b"x.c", b"src\0home\0", BASE_WALKED)), "/home/src/x.c");
        assert_eq!(path(&event(b"./x.c", b"src\0", BASE_WALKED)), "/src/x.c");
        assert_eq!(path(&event(b"x.c", b"", BASE_WALKED)), "/x.c");
        assert_eq!(path(&event(b"../x.c", b"src\0", BASE_WALKED)), "/src/../x.c");
        assert_eq!(path(&event(b"/etc/x", b"", 0)), "/etc/x");
    }

    #[test]
    fn an_unknown_base_is_marked() {
        let open = decode(&event(b"x.c", b"", BASE_CUT)).unwrap();
        assert_eq!((open.path.text.as_str(), open.path.unresolved), ("x.c", true));
        let open = decode(&event(b"x.c", b"in\0", BASE_CUT)).unwrap();
        assert_eq!((open.path.text.as_str(), open.path.unresolved), (".../in/x.c", true));
    }

    #[test]
    fn an_event_cut_short_is_refused() {
        let whole = event(b"x.c", b"src\0", BASE_WALKED);
        for len in 0..whole.len() {
            assert_eq!(decode(&whole[..len]), None);
        }
        assert_eq!(decode(&whole).unwrap().result, Err(2));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_find_more_than_is_there(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..600),
            lengths in proptest::option::of((0u32..300, 0u32..300)),
        ) {
            // Lengths of chance alone are nearly always more than there are bytes.
            if let (Some((path, base)), Some(head)) = (lengths, bytes.get_mut(..size_of::<Event>())) {
                let mut event: Event = bytemuck::pod_read_unaligned(head);
                (event.path_len, event.base_len) = (path, base);
                head.copy_from_slice(bytemuck::bytes_of(&event));
            }
            if let Some(open) = decode(&bytes) {
                let tail = bytes.len() - size_of::<Event>();
                // Of each byte `\xNN` at most, `...` for what is missing, and slashes in between.
                prop_assert!(open.path.text.len() <= 4 * tail + 5, "{open:?}");
                prop_assert!(open.comm.len() <= 4 * syscope_shared::COMM_LEN, "{open:?}");
            }
        }

        #[test]
        fn a_path_is_what_its_parts_say(
            path in "[a-z]{1,8}(/[a-z]{1,8}){0,3}",
            base in proptest::collection::vec("[a-z]{1,8}", 0..5),
        ) {
            let components: String = base.iter().rev().map(|name| format!("{name}\0")).collect();
            let bytes = event(path.as_bytes(), components.as_bytes(), BASE_WALKED);
            let expected = base.iter().fold(String::new(), |full, name| format!("{full}/{name}"));
            prop_assert_eq!(decode(&bytes).unwrap().path.text, format!("{}/{}", expected, path));
        }
    }
}
