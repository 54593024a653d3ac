//! The file that is recorded: written on a thread of its own, for a slow disk must not hold up what is
//! watched.

use super::Recording;
use super::watched::OnlyWatched;
use crate::capture::{Frame, Header, Writer};
use crate::invoker::create_private;
use crate::sums;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

/// Frames that may wait for the disk: about a minute.
const WAITING_FRAMES: usize = 64;

/// What the writing thread says.
#[derive(Debug, Default)]
struct Progress {
    bytes: AtomicU64,
    batches: AtomicU64,
    span_ns: AtomicU64,
    error: OnceLock<String>,
}

impl Progress {
    fn wrote(&self, frame: &Frame, bytes: u64) {
        let span_ns = sums::sum(frame.ticks.iter().map(|tick| tick.window_ns));
        self.bytes.store(bytes, Ordering::Relaxed);
        self.batches.fetch_add(frame.ticks.len() as u64, Ordering::Relaxed);
        self.span_ns.fetch_add(span_ns, Ordering::Relaxed);
    }

    /// What is known of a recording, with what is written of it.
    fn of(&self, recording: &Recording) -> Recording {
        Recording {
            bytes: self.bytes.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            span_ns: self.span_ns.load(Ordering::Relaxed),
            error: self.error.get().cloned(),
            ..recording.clone()
        }
    }
}

/// A file that is being recorded.
#[derive(Debug)]
pub struct Output {
    recording: Recording,
    /// Opens and others that are not in it, for their batches were too large.
    left_out: u64,
    /// Events and stacks that were lost before it began.
    lost_before: u64,
    frames: SyncSender<Frame>,
    progress: Arc<Progress>,
    thread: JoinHandle<()>,
}

impl Output {
    /// Creates the file and writes the header.
    pub fn start(path: &Path, header: &Header, lost_before: u64) -> io::Result<Self> {
        let file = create_private(path)?;
        let remove = || _ = std::fs::remove_file(path);
        let same = file.try_clone().inspect_err(|_| remove())?;
        let writer = Writer::new(file, header).inspect_err(|_| remove())?;
        let progress = Arc::new(Progress::default());
        progress.bytes.store(writer.bytes(), Ordering::Relaxed);
        let (frames, waiting) = sync_channel(WAITING_FRAMES);
        let theirs = Arc::clone(&progress);
        // Without a filter all is watched, and what is filtered later was watched before.
        let only = (!header.filter.is_empty()).then(|| OnlyWatched::new(header.cmdlines));
        let thread = thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || write(writer, &waiting, &theirs, &same, only))
            .inspect_err(|_| remove())?;
        let recording = Recording { path: path.to_owned(), ..Recording::default() };
        Ok(Self { recording, left_out: 0, lost_before, frames, progress, thread })
    }

    /// Has a frame written. False where it had no room; what could not be written after an error is no
    /// gap, for nothing follows it.
    pub fn send(&mut self, frame: &Frame) -> bool {
        let sent = self.frames.try_send(frame.clone());
        let batches = frame.ticks.len() as u64;
        if sent.is_err() {
            self.recording.missing += batches;
        }
        self.left_out += frame.left_out;
        if let Some(tick) = frame.ticks.last() {
            self.recording.lost = tick.lost.saturating_sub(self.lost_before) + self.left_out;
        }
        !matches!(sent, Err(TrySendError::Full(_)))
    }

    /// How far it is.
    pub fn recording(&self) -> Recording {
        self.progress.of(&self.recording)
    }

    /// Waits until all is written.
    pub fn finish(self) -> Recording {
        let Self { recording, frames, progress, thread, .. } = self;
        drop(frames);
        if thread.join().is_err() {
            let _ = progress.error.set("the writing thread panicked".to_owned());
        }
        let recording = progress.of(&recording);
        if recording.error.is_some() && recording.batches == 0 {
            // A header alone would only be in the way; that it cannot be removed either says nothing new.
            let _ = std::fs::remove_file(&recording.path);
        }
        recording
    }
}

/// `file` is that of the writer.
fn write(
    mut writer: Writer<File>,
    frames: &Receiver<Frame>,
    progress: &Progress,
    file: &File,
    mut only: Option<OnlyWatched>,
) {
    let mut failed = Ok(());
    while let Ok(frame) = frames.recv() {
        failed = match &mut only {
            Some(only) => only
                .frames(&frame)
                .and_then(|parts| parts.iter().try_for_each(|part| writer.write(part))),
            None => writer.write(&frame),
        };
        if failed.is_err() {
            // A reader copes with the piece of a frame that may be there; without, it need not warn.
            let _ = file.set_len(progress.bytes.load(Ordering::Relaxed));
            break;
        }
        progress.wrote(&frame, writer.bytes());
    }
    if let Err(error) = failed.and_then(|()| {
        let bytes = writer.bytes();
        writer.finish().map(|_| progress.bytes.store(bytes, Ordering::Relaxed))
    }) {
        // The channel closes with this thread: what comes later counts as missing.
        let _ = progress.error.set(error.to_string());
    }
}
