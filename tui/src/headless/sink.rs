//! A capture as it is written: from batches to a file or a pipe.

use crate::capture::{Encoder, Frame, Header, Writer};
use crate::model::Watched;
use crate::source::record::Recording;
use crate::source::{Batch, live};
use crate::text;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
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
            _ => {
                let mut options = OpenOptions::new();
                (options.write(true).create_new(true).mode(MODE).open(path), Kind::Created)
            }
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

    /// Begins the capture.
    fn begin(&mut self, header: &Header) -> io::Result<Writer<File>> {
        let file = self.file.try_clone()?;
        if self.kind == Kind::Replaced {
            file.set_len(0)?;
            file.set_permissions(Permissions::from_mode(MODE))?;
        }
        self.written = true;
        Writer::new(file, header)
    }

    /// Takes away the piece of a frame that may have been written when the disk was full.
    fn cut_to(&self, whole: u64) {
        if self.kind != Kind::Stream {
            // A reader copes with such a piece; without it, it has nothing to warn of.
            let _ = self.file.set_len(whole);
        }
    }

    /// Removes the file, if it was not there before.
    fn remove(&self) {
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

/// What a capture says about itself. The probes are filled in with the first batch.
pub fn header(watched: Watched, options: &live::Options, cmdlines: bool) -> Header {
    let args = std::env::args_os().map(|arg| text::from_bytes(arg.as_encoded_bytes()));
    Header {
        watched,
        recorder: env!("CARGO_PKG_VERSION").to_owned(),
        called: if cmdlines { args.collect() } else { Vec::new() },
        probes: Vec::new(),
        interval_ns: options.interval.as_nanos() as u64,
        filter: options.filter.text().to_owned(),
        cmdlines,
    }
}

/// Writes batches to an output. After an error it takes no more; what it wrote before is whole.
#[derive(Debug)]
pub struct Sink {
    output: Output,
    header: Header,
    encoder: Encoder,
    writer: Option<Writer<File>>,
    recording: Recording,
    /// Time that the batches span which it took in, in ns.
    span_ns: u64,
    /// Batches that it took in.
    batches: u64,
    /// Opens that were left out of frames.
    left_out: u64,
    broken_pipe: bool,
}

impl Sink {
    /// The header is written along with the first batch.
    pub fn new(output: Output, header: Header) -> Self {
        let recording = Recording { path: output.path.clone(), ..Recording::default() };
        let encoder = Encoder::new(header.cmdlines);
        Self {
            output,
            header,
            encoder,
            writer: None,
            recording,
            span_ns: 0,
            batches: 0,
            left_out: 0,
            broken_pipe: false,
        }
    }

    /// Takes the next batch in. Whether it can take more.
    pub fn push(&mut self, batch: &Batch) -> bool {
        if self.recording.error.is_some() {
            return false;
        }
        self.span_ns += batch.window_ns;
        self.batches += 1;
        let written = self.begin(batch).and_then(|()| {
            let frame = self.encoder.push(batch);
            self.write(frame)
        });
        self.note(written)
    }

    /// What is written so far.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// What it took in so far; the last second of it may not be written yet.
    pub fn progress(&self) -> Recording {
        Recording { span_ns: self.span_ns, batches: self.batches, ..self.recording.clone() }
    }

    /// The reader of the pipe has gone away: that is an end, and no error.
    pub fn broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// Writes what waits, and the end mark.
    pub fn finish(&mut self) {
        if self.recording.error.is_some() {
            return;
        }
        let frame = self.encoder.flush();
        let written = self.write(frame).and_then(|()| match self.writer.take() {
            Some(writer) => writer.finish().map(drop),
            None => Ok(()),
        });
        self.note(written);
    }

    /// Removes the file, if it was not there before.
    pub fn remove(&self) {
        self.output.remove();
    }

    fn begin(&mut self, first: &Batch) -> io::Result<()> {
        if self.writer.is_none() {
            let probes = first.health.probes.iter();
            self.header.probes = probes.map(|p| (p.name.to_owned(), p.status.clone())).collect();
            let writer = self.output.begin(&self.header)?;
            self.recording.bytes = writer.bytes();
            self.writer = Some(writer);
        }
        Ok(())
    }

    fn write(&mut self, frame: Option<Frame>) -> io::Result<()> {
        let (Some(frame), Some(writer)) = (frame, &mut self.writer) else { return Ok(()) };
        writer.write(&frame)?;
        self.left_out += frame.left_out;
        let recording = &mut self.recording;
        recording.bytes = writer.bytes();
        recording.batches += frame.ticks.len() as u64;
        recording.span_ns += frame.ticks.iter().map(|tick| tick.window_ns).sum::<u64>();
        if let Some(tick) = frame.ticks.last() {
            recording.lost = tick.lost + self.left_out;
        }
        Ok(())
    }

    fn note(&mut self, written: io::Result<()>) -> bool {
        let Err(error) = written else { return true };
        self.broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        self.output.cut_to(self.recording.bytes);
        self.recording.error = Some(error.to_string());
        false
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
    fn progress_counts_what_is_not_written_yet_and_the_recording_what_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.syscope");
        let mut sink = Sink::new(Output::file(&path, false).unwrap(), Header::default());
        let batch = Batch { time_ns: 250, window_ns: 250, ..Batch::default() };
        assert!(sink.push(&batch));
        let of = |recording: Recording| (recording.span_ns, recording.batches);
        assert_eq!((of(sink.progress()), of(sink.recording().clone())), ((250, 1), (0, 0)));
        sink.finish();
        assert_eq!((of(sink.progress()), of(sink.recording().clone())), ((250, 1), (250, 1)));
        assert!(crate::capture::Capture::open(&path).unwrap().complete);
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
