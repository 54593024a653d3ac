//! Where the fields of CPython's structures are, by version.

use std::fmt;
use syscope_shared::python::Layout;

/// A version as `Py_Version` has it (`PY_VERSION_HEX`): 0x030b07f0 is 3.11.7, and 0 what is older than that
/// variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub u32);

impl Version {
    /// Major and minor number.
    pub fn series(self) -> (u32, u32) {
        (self.0 >> 24, self.0 >> 16 & 0xff)
    }

    /// It is no alpha or beta: its structures are those of its series.
    fn is_settled(self) -> bool {
        matches!(self.0 >> 4 & 0xf, 0xc | 0xf)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("before 3.11");
        }
        let (major, minor) = self.series();
        write!(f, "{major}.{minor}.{}", self.0 >> 8 & 0xff)
    }
}

/// Offsets of fields, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offsets {
    /// What the BPF programs need.
    pub layout: Layout,
    /// What names are read with.
    pub objects: Objects,
}

/// Offsets in objects, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Objects {
    /// `PyObject.ob_type`
    pub kind: u32,
    /// `PyCodeObject.co_filename`
    pub filename: u32,
    /// `PyCodeObject.co_qualname`
    pub qualname: u32,
    /// `PyCodeObject.co_linetable`
    pub linetable: u32,
    /// `PyCodeObject.co_firstlineno`
    pub first_line: u32,
    /// `PyCodeObject.co_code_adaptive`: the instructions.
    pub instructions: u32,
    /// `PyBytesObject.ob_size`
    pub bytes_size: u32,
    /// `PyBytesObject.ob_sval`
    pub bytes_data: u32,
    /// `PyASCIIObject.length`
    pub text_length: u32,
    /// `PyASCIIObject.state`
    pub text_state: u32,
    /// `sizeof(PyASCIIObject)`: where the characters of plain text are.
    pub ascii_data: u32,
    /// `sizeof(PyCompactUnicodeObject)`: where those of other text are.
    pub compact_data: u32,
}

/// 3.11, as its headers have it on 64-bit machines.
const V3_11: Offsets = Offsets {
    layout: Layout {
        interpreters: 40,
        next_interpreter: 0,
        threads: 16,
        next_thread: 8,
        thread_id: 152,
        frame: 56,
        c_frames: 1,
        c_frame_frame: 8,
        c_frame_previous: 16,
        entries: 1,
        code: 32,
        previous: 48,
        instruction: 56,
        owner: 68,
        first_line: 72,
    },
    objects: Objects {
        kind: 8,
        filename: 112,
        qualname: 128,
        linetable: 136,
        first_line: 72,
        instructions: 184,
        bytes_size: 16,
        bytes_data: 32,
        text_length: 16,
        text_state: 32,
        ascii_data: 48,
        compact_data: 72,
    },
};

/// 3.12, likewise.
const V3_12: Offsets = Offsets {
    layout: Layout {
        interpreters: 40,
        next_interpreter: 0,
        threads: 72,
        next_thread: 8,
        thread_id: 136,
        frame: 56,
        c_frames: 1,
        c_frame_frame: 0,
        c_frame_previous: 8,
        entries: 0,
        code: 0,
        previous: 8,
        instruction: 56,
        owner: 70,
        first_line: 68,
    },
    objects: Objects {
        kind: 8,
        filename: 112,
        qualname: 128,
        linetable: 136,
        first_line: 68,
        instructions: 192,
        bytes_size: 16,
        bytes_data: 32,
        text_length: 16,
        text_state: 32,
        ascii_data: 40,
        compact_data: 56,
    },
};

/// Bytes of `_PyRuntime.debug_offsets` that are read: the whole of 3.13's.
pub(super) const DEBUG_OFFSETS: usize = 73 * 8;
/// Its first field.
const COOKIE: [u8; 8] = *b"xdebugpy";
/// Bytes that a structure can have at most: a layout that says more is none.
const STRUCTURE_MAX: u64 = 1 << 20;

/// The offsets of a version. `runtime` are the first bytes of its `_PyRuntime`, which tell them from 3.13
/// on. `None`: nothing is known of this version, or of how it was built.
pub(super) fn of(version: Version, runtime: &[u8]) -> Option<Offsets> {
    match version.series() {
        _ if !version.is_settled() => None,
        (3, 11) => Some(V3_11),
        (3, 12) => Some(V3_12),
        (3, 13) => of_3_13(version, runtime),
        _ => None,
    }
}

/// Places of the structures in `_Py_DebugOffsets` of 3.13, in words of 8 bytes. The first field of each is
/// its size, which no other may reach.
mod place {
    pub(super) const VERSION: usize = 1;
    pub(super) const FREE_THREADED: usize = 2;
    pub(super) const RUNTIME: usize = 3;
    pub(super) const INTERPRETER: usize = 6;
    pub(super) const THREAD: usize = 19;
    pub(super) const FRAME: usize = 28;
    pub(super) const CODE: usize = 34;
    pub(super) const OBJECT: usize = 44;
    pub(super) const BYTES: usize = 64;
    pub(super) const UNICODE: usize = 67;
}

fn of_3_13(version: Version, runtime: &[u8]) -> Option<Offsets> {
    let runtime = runtime.get(..DEBUG_OFFSETS)?;
    let words: Vec<u64> = runtime.chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
    // Without the lock that all threads share, objects look different.
    if runtime[..8] != COOKIE
        || words[place::VERSION] != u64::from(version.0)
        || words[place::FREE_THREADED] != 0
    {
        return None;
    }
    let field = |structure: usize, number: usize| {
        let (size, offset) = (words[structure], words[structure + number]);
        (size <= STRUCTURE_MAX && offset < size).then_some(offset as u32)
    };
    let first_line = field(place::CODE, 5)?;
    let ascii_data = u32::try_from(words[place::UNICODE + 3]).ok().filter(|size| *size <= 1024)?;
    Some(Offsets {
        layout: Layout {
            interpreters: field(place::RUNTIME, 2)?,
            next_interpreter: field(place::INTERPRETER, 2)?,
            threads: field(place::INTERPRETER, 3)?,
            next_thread: field(place::THREAD, 2)?,
            thread_id: field(place::THREAD, 5)?,
            frame: field(place::THREAD, 4)?,
            code: field(place::FRAME, 2)?,
            previous: field(place::FRAME, 1)?,
            instruction: field(place::FRAME, 3)?,
            owner: field(place::FRAME, 5)?,
            first_line,
            ..Layout::default()
        },
        objects: Objects {
            kind: field(place::OBJECT, 1)?,
            filename: field(place::CODE, 1)?,
            qualname: field(place::CODE, 3)?,
            linetable: field(place::CODE, 4)?,
            first_line,
            instructions: field(place::CODE, 9)?,
            bytes_size: field(place::BYTES, 1)?,
            bytes_data: field(place::BYTES, 2)?,
            text_length: field(place::UNICODE, 2)?,
            text_state: field(place::UNICODE, 1)?,
            ascii_data,
            // Two more fields: the length of its UTF-8, and where that is.
            compact_data: ascii_data + 16,
        },
    })
}
