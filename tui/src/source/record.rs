//! A tee between a source and what is above it: every batch goes into the history, and into a file
//! while one is being recorded.

mod file;
mod strangers;
mod watched;

use super::{Batch, Handle};
use crate::capture::{Encoder, Frame, Header, Writer};
use crate::history::{Bound, Ring, Seeker, Store, Stored};
use crate::invoker::create_private;
use crate::model::{Bounds, Watched};
use file::Output;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
pub use strangers::Strangers;
use tokio::sync::mpsc;
use watched::OnlyWatched;

/// Batches that may wait for the side above.
const WAITING_BATCHES: usize = 4;

/// A file that is being recorded, or was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// The file.
    pub path: PathBuf,
    /// Time it spans so far, in ns.
    pub span_ns: u64,
    /// Batches in it.
    pub batches: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Events and stacks that were lost while it was recorded.
    pub lost: u64,
    /// Batches that are missing in it, for the disk was too slow.
    pub missing: u64,
    /// Why it ended early: the disk is full, and the like. What was written before is whole.
    pub error: Option<String>,
}

/// What the recorder does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Number of the oldest tick of the history.
    pub kept_from: u64,
    /// Bytes of the history.
    pub kept_bytes: u64,
    /// The file that is being recorded.
    pub recording: Option<Recording>,
}

/// The history of a running source, and the file that is recorded. Clones are the same recorder.
#[derive(Clone, Debug)]
pub struct Recorder {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    header: Header,
    encoder: Encoder,
    ring: Ring,
    output: Option<Output>,
    /// When the last batch ended, in ns.
    last_ns: u64,
    /// Events and stacks that were lost until then.
    lost: u64,
    /// The filter of the last batch.
    filter: String,
    /// There was a filter, now or before: the history has names of processes that nobody watched.
    filtered: bool,
}

/// Puts a recorder behind a source.
pub fn tee(handle: Handle, header: Header, bound: Bound) -> io::Result<(Handle, Recorder)> {
    let Handle { watched, mut batches, control } = handle;
    let recorder = Recorder::new(header, bound);
    let (forward, forwarded) = mpsc::channel(WAITING_BATCHES);
    let tee = recorder.clone();
    thread::Builder::new().name("recorder".to_owned()).spawn(move || {
        while let Some(batch) = batches.blocking_recv() {
            tee.push(&batch);
            if forward.blocking_send(batch).is_err() {
                return;
            }
        }
    })?;
    Ok((Handle { watched, batches: forwarded, control }, recorder))
}

impl Recorder {
    fn new(header: Header, bound: Bound) -> Self {
        let shared = Shared {
            encoder: Encoder::new(header.cmdlines),
            last_ns: header.watched.start_ns,
            filtered: !header.filter.is_empty(),
            filter: header.filter.clone(),
            header,
            ring: Ring::new(bound),
            output: None,
            lost: 0,
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// What it does now.
    pub fn status(&self) -> Status {
        let shared = self.lock();
        Status {
            kept_from: shared.ring.first(),
            kept_bytes: shared.ring.bytes(),
            recording: shared.output.as_ref().map(Output::recording),
        }
    }

    /// Starts to record to a new file, from the next batch on.
    ///
    /// # Errors
    ///
    /// When the file exists or cannot be created, or one is being recorded already.
    pub fn start(&self, path: &Path) -> io::Result<()> {
        let mut shared = self.lock();
        if let Some(output) = &shared.output {
            let path = output.recording().path;
            return Err(io::Error::other(format!("recording to {} already", path.display())));
        }
        // Batches from before belong to the history alone.
        shared.flush();
        shared.encoder.begin_key();
        let header = Header { filter: shared.filter.clone(), ..shared.header_from(shared.last_ns) };
        let output = Output::start(path, &header, shared.lost)?;
        shared.output = Some(output);
        Ok(())
    }

    /// Ends the recording and says what it holds; `None` when there is none.
    pub fn stop(&self) -> Option<Recording> {
        let output = {
            let mut shared = self.lock();
            shared.flush();
            shared.output.take()?
        };
        Some(output.finish())
    }

    /// Writes the history to a new file. Blocks; not to be called where a screen waits.
    ///
    /// # Errors
    ///
    /// When the file exists or cannot be written; then there is none.
    pub fn save(&self, path: &Path) -> io::Result<Recording> {
        let (frames, mut header, filtered) = {
            let mut shared = self.lock();
            shared.flush();
            let frames: Vec<Frame> = shared.ring.frames().cloned().collect();
            let start = frames.first().and_then(|frame| frame.ticks.first());
            let start_ns = start.map_or(shared.last_ns, |t| t.time_ns.saturating_sub(t.window_ns));
            (frames, shared.header_from(start_ns), shared.filtered)
        };
        if frames.is_empty() {
            return Err(io::Error::other("nothing is kept yet"));
        }
        let only = filtered.then(|| OnlyWatched::new(header.cmdlines));
        header.filter = watched::filter_of(&frames[0])?;
        let file = create_private(path)?;
        write_all(file, path, &header, &frames, only).inspect_err(|_| {
            // What could not be written whole is of no use; that it cannot be removed either says
            // nothing new.
            let _ = std::fs::remove_file(path);
        })
    }

    /// Models of the history. Blocks; not to be called where a screen waits.
    pub fn seeker(&self) -> Seeker {
        Seeker::new(Box::new(self.clone()), Bounds::LIVE)
    }

    fn push(&self, batch: &Batch) {
        let mut shared = self.lock();
        shared.last_ns = batch.time_ns;
        shared.lost = batch.health.lost();
        if shared.filter != batch.health.filter {
            shared.filter.clone_from(&batch.health.filter);
            shared.filtered = true;
        }
        if shared.header.probes.is_empty() {
            let of = |probe: &super::ProbeHealth| (probe.name.to_owned(), probe.status.clone());
            shared.header.probes = batch.health.probes.iter().map(of).collect();
        }
        let frame = shared.encoder.push(batch);
        shared.take(frame);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic elsewhere ends the program; until then the history is still good.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn flush(&mut self) {
        let frame = self.encoder.flush();
        self.take(frame);
    }

    fn take(&mut self, frame: Option<Frame>) {
        let Some(frame) = frame else { return };
        if let Some(output) = &mut self.output
            && !output.send(&frame)
        {
            // What comes next must not refer to what is missing.
            self.encoder.begin_key();
        }
        self.ring.push(frame);
    }

    /// The header of a capture that begins later than the watch.
    fn header_from(&self, start_ns: u64) -> Header {
        let watched = Watched { start_ns, ..self.header.watched.clone() };
        Header { watched, ..self.header.clone() }
    }
}

fn write_all(
    file: std::fs::File,
    path: &Path,
    header: &Header,
    frames: &[Frame],
    mut only: Option<OnlyWatched>,
) -> io::Result<Recording> {
    let mut writer = Writer::new(file, header)?;
    for frame in frames {
        match &mut only {
            Some(only) => only.frames(frame)?.iter().try_for_each(|part| writer.write(part))?,
            None => writer.write(frame)?,
        }
    }
    let bytes = writer.bytes();
    writer.finish()?;
    let ticks = || frames.iter().flat_map(|frame| &frame.ticks);
    let left_out: u64 = frames.iter().map(|frame| frame.left_out).sum();
    let lost = |tick: Option<&crate::capture::Tick>| tick.map_or(0, |tick| tick.lost);
    Ok(Recording {
        path: path.to_owned(),
        span_ns: ticks().map(|tick| tick.window_ns).sum(),
        batches: ticks().count() as u64,
        bytes,
        lost: lost(ticks().last()).saturating_sub(lost(ticks().next())) + left_out,
        missing: 0,
        error: None,
    })
}

impl Store for Recorder {
    fn watched(&self) -> Watched {
        self.lock().header.watched.clone()
    }

    fn first(&self) -> u64 {
        self.lock().ring.first()
    }

    fn key_before(&self, tick: u64) -> Option<u64> {
        self.lock().ring.key_before(tick)
    }

    fn frame_of(&self, tick: u64) -> io::Result<Option<Stored>> {
        let mut shared = self.lock();
        if tick >= shared.ring.end() {
            shared.flush();
        }
        Ok(shared.ring.stored(tick))
    }
}

#[cfg(test)]
mod tests;
