//! Writing a capture.

use super::container::{Kind, START_LEN, file_start, pack_clear};
use super::limits::CLEAR_MAX;
use super::{Frame, Header, VERSION, header};
use std::io::{self, Write};

/// Writes a capture to a file or a pipe. Whole frames only reach the file, in one write each.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    pub fn new(mut out: W, header: &Header) -> io::Result<Self> {
        let clear = header::write(header);
        if clear.len() > CLEAR_MAX as usize {
            let what = "the command line is longer than a capture's header can hold";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let start: [u8; START_LEN] = file_start(VERSION);
        let bytes = [&start[..], &pack_clear(Kind::Header, &clear)].concat();
        out.write_all(&bytes)?;
        Ok(Self { out, bytes: bytes.len() as u64 })
    }

    /// Appends a frame.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.append(&frame.bytes)
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes the end mark, which says that nothing is missing, and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.append(&pack_clear(Kind::End, &[]))?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}
