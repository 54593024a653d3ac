//! Watching without the screen: what `report`, `flame` and `record` have in common.

mod output;
mod record;
mod sink;

pub use output::{Output, OutputError};
pub use record::{Options as RecordOptions, Recorded, record, summary};
pub use sink::{Sink, header};

use crate::filter::Filter;
use crate::model::{Bounds, Model};
use crate::source::live::{self, StartError};
use crate::source::record::Recording;
use crate::source::{Batch, Control, Handle};
use crate::stderr;
use crate::text;
use std::io::{self, IsTerminal};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

/// What was seen, and how the watching ended.
#[derive(Debug)]
pub struct Watch {
    /// Everything that was seen.
    pub model: Model,
    /// An interrupt (Ctrl-C) or a termination ended it before its time.
    pub interrupted: bool,
    /// What was recorded of it, where that was wanted.
    pub recording: Option<Recording>,
}

/// Why watching failed.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The live source could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The system refused something else.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Watches for `duration`, or until an interrupt. Says on standard error when watching has begun,
/// and on a terminal how far it is, unless `quiet`. Everything goes into `output` too, if there is one.
pub fn watch(
    options: &live::Options,
    duration: Duration,
    quiet: bool,
    output: Option<Output>,
) -> Result<Watch, WatchError> {
    let whom = whom(&options.filter);
    let handle = live::start(options.clone())?;
    let sink =
        output.map(|output| Sink::new(output, header(handle.watched.clone(), options, true)));
    if !quiet {
        let span = text::duration(duration.as_nanos() as u64);
        stderr::tell(format_args!("watching {whom} for {span} (Ctrl-C ends it early)"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let progress = !quiet && io::stderr().is_terminal();
    Ok(runtime.block_on(collect(handle, duration, progress, sink))?)
}

/// Whom a filter lets watch, for people.
pub(crate) fn whom(filter: &Filter) -> String {
    if filter.is_empty() {
        "every process".to_owned()
    } else {
        format!("what matches `{}`", text::visible(filter.text()))
    }
}

async fn collect(
    mut handle: Handle,
    duration: Duration,
    progress: bool,
    mut sink: Option<Sink>,
) -> io::Result<Watch> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut model = Model::new(handle.watched.clone(), Bounds::REPORT);
    let end = Instant::now() + duration;
    let mut stopping = false;
    let mut interrupted = false;
    loop {
        tokio::select! {
            biased;
            batch = handle.batches.recv() => match batch {
                Some(batch) => {
                    // An error ends the recording alone; it is told with what was recorded.
                    sink.as_mut().map(|sink| sink.push(&batch));
                    take(&mut model, batch, end, progress);
                }
                None => break,
            },
            // A second one does not wait for symbols any more.
            _ = interrupts.recv() => if std::mem::replace(&mut interrupted, true) { break },
            _ = terminations.recv() => if std::mem::replace(&mut interrupted, true) { break },
            () = tokio::time::sleep_until(end), if !stopping => {
                stopping = true;
                stop(&handle);
            }
        }
        if interrupted && !stopping {
            stopping = true;
            stop(&handle);
        }
    }
    if progress {
        stderr::end_progress();
    }
    let recording = sink.map(|mut sink| {
        sink.finish();
        sink.recording().clone()
    });
    Ok(Watch { model, interrupted, recording })
}

fn stop(handle: &Handle) {
    // A send fails only when the source has ended by itself: the channel of batches says so too.
    let _ = handle.control.send(Control::Stop);
}

fn take(model: &mut Model, batch: Batch, end: Instant, progress: bool) {
    model.fold(batch);
    if !progress {
        return;
    }
    let left = end.saturating_duration_since(Instant::now());
    let state = if left.is_zero() {
        "looking up symbols".to_owned()
    } else {
        format!("{:.0} s left", left.as_secs_f64().ceil())
    };
    stderr::progress(format_args!(
        "{state} · {} syscalls · {} opens · {} samples · lost {}",
        text::count(model.syscalls.total.calls),
        text::count(model.opens.total),
        text::count(model.profile.total),
        text::count(model.health.lost()),
    ));
}
