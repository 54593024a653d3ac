//! `syscope trace`: one event a line, as it happens.
//!
//! Batches come often; the lines of each are made here and written by a thread of its own, so that a
//! reader who stands still costs lines, which are counted, and nothing else.

mod clock;
mod event;
mod json;
mod lost;
mod output;
mod stream;
mod text;

pub use stream::Format;

use crate::filter::Filter;
use crate::headless::whom;
use crate::kernel::Wanted;
use crate::source::live::{self, StartError};
use crate::source::procfs;
use crate::source::{Batch, Control, Handle, Health, ProbeStatus};
use crate::stderr;
use crate::text::visible;
use clock::Clock;
use jiff::tz::TimeZone;
use output::Output;
use std::io::{self, IsTerminal};
use std::time::Duration;
use stream::Stream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// Time between two batches: half of what a person takes for at once.
pub const INTERVAL: Duration = Duration::from_millis(50);
/// Time between two lines on a terminal that say how much is lost by now.
const NOTICE: Duration = Duration::from_secs(1);

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// File opens.
    Opens,
    /// Programs that start.
    Exec,
    /// System calls that fail.
    SyscallsFailed,
}

impl Kind {
    /// What has to be attached.
    pub fn wanted(self) -> Wanted {
        match self {
            Self::Opens => Wanted::OPENS,
            Self::Exec => Wanted::EXECS,
            Self::SyscallsFailed => Wanted::FAILED_CALLS,
        }
    }

    /// The probes whose losses are losses of such events; the first is the one that sends them.
    fn probes(self) -> &'static [&'static str] {
        match self {
            // Opens are seen by the programs of the syscalls probe.
            Self::Opens => &["opens", "syscalls"],
            Self::Exec => &["lifecycle"],
            Self::SyscallsFailed => &["syscalls"],
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Opens => "opens",
            Self::Exec => "programs started",
            Self::SyscallsFailed => "failed system calls",
        }
    }
}

/// What to print, and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which events.
    pub kind: Kind,
    /// How.
    pub format: Format,
    /// How long; `None`: until interrupted.
    pub duration: Option<Duration>,
    /// Nothing on standard error but what was lost.
    pub quiet: bool,
    /// PIDs of the only processes that there can be events of; it ends when they have. Empty: there
    /// may always be others.
    pub only: Vec<u32>,
}

/// Why tracing failed.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The live source could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The probe that is needed cannot run.
    #[error("cannot trace {what}: the {probe} probe is off: {reason}")]
    Off {
        /// What was to be printed.
        what: &'static str,
        /// The probe.
        probe: &'static str,
        /// Why.
        reason: String,
    },
    /// Standard output takes no more.
    #[error("cannot write to standard output: {0}")]
    Output(#[source] io::Error),
    /// The collector ended by itself.
    #[error("the reading of the kernel ended unexpectedly; --log FILE tells more")]
    Ended,
    /// The system refused something else.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Prints events until an interrupt, the end of the time, or nobody reads them any more: all of them
/// are normal ends.
pub fn run(live: live::Options, options: &Options) -> Result<(), TraceError> {
    let filter = live.filter.clone();
    let handle = live::start(live)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let tracer = Tracer::new(handle, &filter, options)?;
        // Said when an interrupt is a normal end already.
        if !options.quiet {
            stderr::tell(format_args!("watching {} {}", whom(&filter), until(options.duration)));
        }
        tracer.run().await
    })
}

fn until(duration: Option<Duration>) -> String {
    duration.map_or("(Ctrl-C ends it)".to_owned(), |duration| {
        let span = crate::text::duration(duration.as_nanos() as u64);
        format!("for {span} (Ctrl-C ends it early)")
    })
}

/// How the printing came to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// All that happened until then is read.
    Read,
    /// Nobody reads standard output any more.
    Closed,
    /// The user is not willing to wait.
    Now,
}

struct Tracer<'a> {
    handle: Handle,
    options: &'a Options,
    filtered: bool,
    stream: Stream,
    output: Output,
    signals: [Signal; 2],
    health: Health,
    noticed: (Instant, u64),
}

impl<'a> Tracer<'a> {
    fn new(handle: Handle, filter: &Filter, options: &'a Options) -> io::Result<Self> {
        let clock = Clock::new(handle.watched.realtime_offset_ns, TimeZone::system());
        let stream = Stream::new(options.kind, options.format, filter.clone(), clock);
        let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        Ok(Self {
            handle,
            options,
            filtered: !filter.is_empty(),
            stream,
            output: Output::start()?,
            signals,
            health: Health::default(),
            noticed: (Instant::now(), 0),
        })
    }

    async fn run(mut self) -> Result<(), TraceError> {
        self.output.write(self.stream.head());
        let end = self.print().await?;
        if end == End::Closed {
            return Ok(());
        }
        self.output.write(self.stream.end());
        self.output.finish();
        let end = if end == End::Read { self.write_the_rest().await? } else { end };
        if end != End::Closed {
            self.say_what_was_lost(end);
        }
        Ok(())
    }

    /// Prints batches until the end.
    async fn print(&mut self) -> Result<End, TraceError> {
        let deadline = self.options.duration.map(|duration| Instant::now() + duration);
        let at_deadline = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now));
        tokio::pin!(at_deadline);
        let mut stopping = false;
        loop {
            let [interrupt, termination] = &mut self.signals;
            let stop = tokio::select! {
                biased;
                _ = interrupt.recv() => true,
                _ = termination.recv() => true,
                written = self.output.ended() => return closed_or_failed(written),
                batch = self.handle.batches.recv() => {
                    match batch {
                        Some(batch) => self.take(batch)?,
                        None if stopping => return Ok(End::Read),
                        None => return Err(TraceError::Ended),
                    }
                    if self.output.is_closed() {
                        return Ok(End::Closed);
                    }
                    false
                }
                () = &mut at_deadline, if deadline.is_some() && !stopping => true,
            };
            if stop && stopping {
                return Ok(End::Now);
            }
            let stop = stop || (!stopping && self.all_have_ended());
            if stop {
                stopping = true;
                // A send fails only when the source has ended by itself: the batches say so too.
                let _ = self.handle.control.send(Control::Stop);
            }
        }
    }

    /// No event can come any more but those that were not read yet.
    fn all_have_ended(&self) -> bool {
        let only = &self.options.only;
        let ended = !only.is_empty() && !only.iter().any(|pid| procfs::exists(*pid));
        if ended && !self.options.quiet {
            self.output.note("what was asked for (-p) has ended".to_owned());
        }
        ended
    }

    fn take(&mut self, batch: Batch) -> Result<(), TraceError> {
        if self.health.probes.is_empty() {
            self.check(&batch.health)?;
        }
        self.health = batch.health.clone();
        let lines = self.stream.lines(batch, self.output.room());
        self.output.write(lines);
        let (at, told) = self.noticed;
        let lost = self.stream.lost();
        if lost.total() > told && at.elapsed() >= NOTICE && io::stderr().is_terminal() {
            self.noticed = (Instant::now(), lost.total());
            self.output.note(format!("lost so far: {lost}"));
        }
        Ok(())
    }

    /// Refuses to go on without the probe that is needed.
    fn check(&self, health: &Health) -> Result<(), TraceError> {
        let off = |name| match health.probe(name).map(|probe| &probe.status) {
            Some(ProbeStatus::Off(reason)) => Some(visible(reason).into_owned()),
            _ => None,
        };
        let (what, probe) = (self.options.kind.plural(), self.options.kind.probes()[0]);
        if let Some(reason) = off(probe) {
            return Err(TraceError::Off { what, probe, reason });
        }
        if self.filtered
            && let Some(reason) = off("lifecycle")
        {
            self.output.note(format!(
                "processes that start from now on have no names to filter by: the lifecycle \
                 probe is off: {reason}"
            ));
        }
        Ok(())
    }

    /// Waits for the reader of standard output, or until the user does not want to wait.
    async fn write_the_rest(&mut self) -> Result<End, TraceError> {
        let [interrupt, termination] = &mut self.signals;
        tokio::select! {
            biased;
            written = self.output.ended() => match written {
                Ok(()) => Ok(End::Read),
                error => closed_or_failed(error),
            },
            _ = interrupt.recv() => Ok(End::Now),
            _ = termination.recv() => Ok(End::Now),
        }
    }

    fn say_what_was_lost(&self, end: End) {
        let (what, printed, lost) =
            (self.options.kind.plural(), self.stream.printed(), self.stream.lost());
        if lost.total() > 0 {
            stderr::tell(format_args!("{printed} {what}, and {} lost: {lost}", lost.total()));
        } else if !self.options.quiet {
            stderr::tell(format_args!("{printed} {what}, none lost"));
        }
        if end == End::Now {
            stderr::tell("ended before all of it was written to standard output");
        }
        if self.filtered && self.options.kind != Kind::Exec {
            let unheard = self.health.probe("lifecycle").map_or(0, |probe| probe.lost());
            for (count, what) in [
                (unheard, "starts, execs or ends of processes were lost"),
                (self.health.read_errors, "times the kernel's list of processes could not be kept"),
            ] {
                if count > 0 {
                    stderr::tell(format_args!("{count} {what}: the filter may have missed events"));
                }
            }
        }
    }
}

/// The writer has ended while there was more to come.
fn closed_or_failed(written: io::Result<()>) -> Result<End, TraceError> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(TraceError::Output(error)),
        _ => Ok(End::Closed),
    }
}

#[cfg(test)]
mod tests;
