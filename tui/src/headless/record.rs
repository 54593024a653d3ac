//! Recording without the screen: what `record` does.

use super::Sink;
use crate::launch::Launched;
use crate::source::record::Recording;
use crate::source::{Batch, Control, Handle, ProbeStatus, ProcessEvent};
use crate::stderr;
use crate::text;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::future::pending;
use std::io;
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// How to record.
#[derive(Debug)]
pub struct Options {
    /// How long; without it until an interrupt, or the end of the command.
    pub duration: Option<Duration>,
    /// Say on standard error how far it is.
    pub progress: bool,
    /// Say on standard error what was written.
    pub quiet: bool,
}

/// How a recording ended.
#[derive(Debug)]
pub struct Recorded {
    /// What was written.
    pub recording: Recording,
    /// The reader of the pipe went away.
    pub broken_pipe: bool,
    /// An interrupt (Ctrl-C) or a termination ended it.
    pub interrupted: bool,
    /// How the command ended.
    pub command: Option<WaitStatus>,
}

/// Writes what a source delivers. A command that waits is let go, recorded to its end, and waited for.
pub async fn record(
    handle: Handle,
    sink: Sink,
    command: Option<Launched>,
    options: Options,
) -> io::Result<Recorded> {
    // Before the command is let go: a signal that comes then must find somebody.
    let signals = Signals::new()?;
    Recorder::start(handle, sink, command, options)?.run(signals).await
}

/// The signals that ask for the end.
struct Signals {
    interrupts: tokio::signal::unix::Signal,
    terminations: tokio::signal::unix::Signal,
    hangups: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupts: signal(SignalKind::interrupt())?,
            terminations: signal(SignalKind::terminate())?,
            hangups: signal(SignalKind::hangup())?,
        })
    }
}

/// What the writing thread hands back.
struct Written {
    sink: Sink,
    /// The command became what it is; until then it was still syscope.
    executed: bool,
}

struct Recorder {
    control: mpsc::UnboundedSender<Control>,
    written: oneshot::Receiver<Written>,
    progress: watch::Receiver<Recording>,
    command: Option<Launched>,
    /// Resolves when the command has ended.
    command_end: oneshot::Receiver<WaitStatus>,
    command_status: Option<WaitStatus>,
    options: Options,
    end: Option<Instant>,
    stopping: bool,
    interrupted: bool,
}

impl Recorder {
    fn start(
        handle: Handle,
        sink: Sink,
        command: Option<Launched>,
        options: Options,
    ) -> io::Result<Self> {
        let Handle { batches, control, .. } = handle;
        let (written_in, written) = oneshot::channel();
        let (progress_in, progress) = watch::channel(sink.recording().clone());
        let pid = command.as_ref().map(Launched::pid);
        thread::Builder::new().name("capture".to_owned()).spawn(move || {
            let _ = written_in.send(write(sink, batches, &progress_in, pid));
        })?;
        let (ended_in, command_end) = oneshot::channel();
        if let Some(command) = &command {
            command.resume()?;
            command.on_end(move |status| _ = ended_in.send(status))?;
        }
        let end = options.duration.map(|duration| Instant::now() + duration);
        Ok(Self {
            control,
            written,
            progress,
            command,
            command_end,
            command_status: None,
            options,
            end,
            stopping: false,
            interrupted: false,
        })
    }

    async fn run(mut self, mut signals: Signals) -> io::Result<Recorded> {
        let mut written = None;
        while written.is_none() || self.command_runs() {
            tokio::select! {
                biased;
                done = &mut self.written, if written.is_none() => {
                    let done = done.map_err(|_| io::Error::other("the writing thread panicked"))?;
                    self.tell(&done.sink);
                    if !self.stopping && done.sink.recording().error.is_none() {
                        return Err(io::Error::other("the watching ended by itself"));
                    }
                    written = Some(done);
                }
                status = &mut self.command_end, if self.command_runs() => {
                    self.command_status = status.ok();
                    self.command = None;
                    self.stop();
                }
                _ = signals.interrupts.recv() => if self.interrupt(None) { break },
                _ = signals.terminations.recv() => if self.interrupt(Some(Signal::SIGTERM)) { break },
                _ = signals.hangups.recv() => if self.interrupt(Some(Signal::SIGHUP)) { break },
                () = until(self.end), if !self.stopping => self.stop(),
                Ok(()) = self.progress.changed(), if self.options.progress => self.show(),
            }
        }
        Ok(self.conclude(written))
    }

    fn command_runs(&self) -> bool {
        self.command.is_some()
    }

    /// Has everything read a last time, and written.
    fn stop(&mut self) {
        self.stopping = true;
        // A send fails only when the source has ended by itself: the writing thread ends then, too.
        let _ = self.control.send(Control::Stop);
    }

    /// A signal asks for the end. While a command runs, it is the command's to end: an interrupt has
    /// reached it from the terminal, other signals are passed on. Whether to wait no longer, for this
    /// is the second one.
    fn interrupt(&mut self, pass_on: Option<Signal>) -> bool {
        if let Some(command) = &self.command {
            if let Some(signal) = pass_on {
                command.signal(signal);
            }
            return false;
        }
        self.stop();
        std::mem::replace(&mut self.interrupted, true)
    }

    /// Says how far it is.
    fn show(&mut self) {
        let recording = self.progress.borrow_and_update();
        stderr::progress(format_args!(
            "{} · {} batches · {} · lost {}",
            text::duration(recording.span_ns),
            text::count(recording.batches),
            text::bytes(recording.bytes),
            text::count(recording.lost),
        ));
    }

    /// Says what was written.
    fn tell(&self, sink: &Sink) {
        if self.options.progress {
            stderr::end_progress();
        }
        let failed = sink.recording().error.is_some() && !sink.broken_pipe();
        if failed || !self.options.quiet {
            stderr::tell(summary(sink.recording(), sink.broken_pipe()));
        }
        if self.command_runs() && !self.options.quiet {
            stderr::tell("waiting for the command to end");
        }
    }

    fn conclude(self, written: Option<Written>) -> Recorded {
        let (interrupted, command) = (self.interrupted, self.command_status);
        let Some(Written { sink, executed }) = written else {
            // Not waited for: what was written until now is whole, and has no end mark.
            let recording = self.progress.borrow().clone();
            stderr::tell("not waited for: the last second may be missing");
            return Recorded { recording, broken_pipe: false, interrupted, command };
        };
        let failed = matches!(command, Some(WaitStatus::Exited(_, 126 | 127)));
        if failed && !executed {
            sink.remove();
        }
        let broken_pipe = sink.broken_pipe();
        Recorded { recording: sink.recording().clone(), broken_pipe, interrupted, command }
    }
}

/// The writing thread: a slow disk holds up this one, and not the reading of the kernel.
fn write(
    mut sink: Sink,
    mut batches: mpsc::Receiver<Batch>,
    progress: &watch::Sender<Recording>,
    command: Option<u32>,
) -> Written {
    let mut executed = false;
    // Without that probe, or when it lost something, it cannot be known.
    let unknown = |batch: &Batch| {
        let probe = batch.health.probe("lifecycle");
        probe.is_none_or(|probe| probe.status != ProbeStatus::On || probe.lost() > 0)
    };
    let is_exec = |event: &ProcessEvent| match event {
        ProcessEvent::Exec { pid, .. } => Some(*pid) == command,
        _ => false,
    };
    while let Some(batch) = batches.blocking_recv() {
        executed |= batch.processes.iter().any(is_exec) || unknown(&batch);
        let more = sink.push(&batch);
        let _ = progress.send(sink.progress());
        if !more {
            break;
        }
    }
    sink.finish();
    Written { sink, executed }
}

/// What was written, in one line.
pub fn summary(recording: &Recording, broken_pipe: bool) -> String {
    let path = text::visible(&recording.path.to_string_lossy()).into_owned();
    let holds = format!(
        "{}, {} batches, {}, lost {}",
        text::duration(recording.span_ns),
        recording.batches,
        text::bytes(recording.bytes),
        recording.lost
    );
    match &recording.error {
        Some(error) if !broken_pipe && recording.batches == 0 => {
            format!("nothing was recorded: cannot write {path}: {error}")
        }
        Some(error) if !broken_pipe => format!(
            "the recording ended early: cannot write {path}: {error}; it is whole up to there: \
             {holds}"
        ),
        _ => format!("wrote {path}: {holds}"),
    }
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => pending().await,
    }
}
