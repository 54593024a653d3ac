//! A capture as it is written: from batches to a file or a pipe.

use super::Output;
use crate::capture::{Encoder, Frame, Header, Writer};
use crate::filter::Filter;
use crate::model::Watched;
use crate::source::record::{Recording, Strangers};
use crate::source::{Batch, live};
use crate::text;
use std::fs::File;
use std::io;

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
    strangers: Strangers,
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
        let recording = Recording { path: output.path().to_owned(), ..Recording::default() };
        let encoder = Encoder::new(header.cmdlines);
        // It was parsed before: what cannot be understood filters nothing.
        let strangers = Strangers::new(Filter::parse(&header.filter).unwrap_or_default());
        Self {
            output,
            header,
            strangers,
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
            let frame = self.encoder.push(&self.strangers.leave_out(batch));
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
        if self.recording.batches == 0 {
            // A header alone would only be in the way of the next try.
            self.output.remove();
        } else {
            self.output.cut_to(self.recording.bytes);
        }
        self.recording.error = Some(error.to_string());
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Capture;

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
        assert!(Capture::open(&path).unwrap().complete);
    }
}
