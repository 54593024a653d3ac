//! Where the bytes of a capture are: in a file, of which parts are read when they are needed, or in
//! memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// The bytes of a capture.
#[derive(Debug)]
pub struct Bytes {
    place: Place,
    len: u64,
}

#[derive(Debug)]
enum Place {
    File(File),
    Memory(Arc<[u8]>),
}

impl Bytes {
    /// Those of a file, as many as it has now.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if !metadata.is_file() {
            let what = "it is no regular file; a capture is read here and there, so save it first";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { place: Place::File(file), len })
    }

    pub fn of_memory(bytes: Arc<[u8]>) -> Self {
        Self { len: bytes.len() as u64, place: Place::Memory(bytes) }
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    /// As many bytes from `offset` as there are, and no more than `len`.
    pub fn read_up_to(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let there = self.len.saturating_sub(offset);
        self.read_exact(offset, usize::try_from(there).unwrap_or(usize::MAX).min(len))
    }

    /// So many bytes from `offset`.
    pub fn read_exact(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        // Before memory is taken for them.
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the capture ends before"));
        }
        match &self.place {
            Place::File(file) => {
                let mut bytes = vec![0; len];
                file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes)
            }
            Place::Memory(bytes) => Ok(bytes[offset as usize..][..len].to_vec()),
        }
    }
}
