//! Where a capture goes: a file for its owner alone, or a pipe.

use crate::capture::{Header, Writer};
use crate::invoker::create_private;
use crate::text;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Only its owner may read a capture: paths and command lines are in it.
const MODE: u32 = 0o600;

/// Where a capture goes. A file that it made and that nothing was written to goes away with it.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    file: File,
    kind: Kind,
    written: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A file that was not there before.
    Created,
    /// A file that was, and that is to be replaced. What it holds stays until there is a header.
    Replaced,
    /// A pipe or a device.
    Stream,
}

/// Why there is no place for a capture.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file exists already.
    #[error("{} exists already: choose another name, or remove it", text::visible(&.0.to_string_lossy()))]
    Exists(PathBuf),
    /// A terminal can do nothing with it.
    #[error("a recording is no text for a terminal: send it into a file or a pipe")]
    Terminal,
    /// The system refuses.
    #[error("cannot write {}: {error}", text::visible(&path.to_string_lossy()))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Output {
    /// A file, which must be new unless `replace` says otherwise.
    pub fn file(path: &Path, replace: bool) -> Result<Self, OutputError> {
        let named = |error| OutputError::Io { path: path.to_owned(), error };
        let (file, kind) = match fs::metadata(path) {
            // To open a pipe waits for its reader, for ever if none comes.
            Ok(found) if found.file_type().is_fifo() || found.file_type().is_socket() => {
                let hint = "it is a pipe or a socket: write to standard output with `-o -`";
                return Err(named(io::Error::other(hint)));
            }
            Ok(found) if found.file_type().is_char_device() => {
                (OpenOptions::new().write(true).open(path), Kind::Stream)
            }
            Ok(found) if found.is_dir() => (Err(io::ErrorKind::IsADirectory.into()), Kind::Stream),
            Ok(_) if replace => (OpenOptions::new().write(true).open(path), Kind::Replaced),
            _ => (create_private(path), Kind::Created),
        };
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OutputError::Exists(path.to_owned()),
            _ => named(error),
        })?;
        Ok(Self { path: path.to_owned(), file, kind, written: false })
    }

    /// Standard output, which must be no terminal.
    pub fn stdout() -> Result<Self, OutputError> {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Err(OutputError::Terminal);
        }
        let path = PathBuf::from("standard output");
        match stdout.as_fd().try_clone_to_owned() {
            Ok(fd) => Ok(Self { path, file: fd.into(), kind: Kind::Stream, written: false }),
            Err(error) => Err(OutputError::Io { path, error }),
        }
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins the capture.
    pub(super) fn begin(&mut self, header: &Header) -> io::Result<Writer<File>> {
        let file = self.file.try_clone()?;
        if self.kind == Kind::Replaced {
            file.set_len(0)?;
            file.set_permissions(Permissions::from_mode(MODE))?;
        }
        self.written = true;
        Writer::new(file, header)
    }

    /// Takes away the piece of a frame that may have been written when the disk was full.
    pub(super) fn cut_to(&self, whole: u64) {
        if self.kind != Kind::Stream {
            // A reader copes with such a piece; without it, it has nothing to warn of.
            let _ = self.file.set_len(whole);
        }
    }

    /// Removes the file, if it was not there before.
    pub(super) fn remove(&self) {
        if self.kind == Kind::Created {
            // That it cannot be removed says nothing new to who reads why it should have been.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.written {
            self.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_new_file_is_its_owners_and_goes_away_when_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.syscope");
        let output = Output::file(&path, false).unwrap();
        assert_eq!(mode(&path), 0o600);
        drop(output);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_exists_is_refused_or_stays_whole_until_there_is_something_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.syscope");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let error = Output::file(&path, false).unwrap_err();
        assert!(matches!(error, OutputError::Exists(_)), "{error}");
        let mut output = Output::file(&path, true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        output.begin(&Header::default()).unwrap();
        drop(output);
        assert_eq!(mode(&path), 0o600);
        assert!(!fs::read(&path).unwrap().starts_with(b"old"));
    }

    #[test]
    fn a_link_to_nowhere_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("x.syscope"), folder.path().join("target"));
        symlink(&target, &path).unwrap();
        assert!(matches!(Output::file(&path, false), Err(OutputError::Exists(_))));
        assert!(!target.exists());
    }

    #[test]
    fn what_cannot_be_written_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let missing = folder.path().join("no/such/x");
        for (path, reason) in [
            (folder.path(), "is a directory"),
            (missing.as_path(), "No such file or directory"),
            (pipe.as_path(), "-o -"),
        ] {
            let error = Output::file(path, true).unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot write {}: ", path.display())), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    }
}
