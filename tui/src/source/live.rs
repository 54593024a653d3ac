//! The live source: a thread that reads the kernel once a tick and sends batches.

mod budget;
mod collector;
mod gone;
mod naming;
mod pending;
mod settle;

use super::{Batch, Control, Handle, procfs};
use crate::filter::Filter;
use crate::kernel::{AttachError, Kernel, Settings, Waker, Wanted, give_memory_back};
use crate::symbols;
use collector::Collector;
use futures_util::future::select_all;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// The first batch comes sooner than an interval after the start: an empty screen tells nothing.
const FIRST_TICK: Duration = Duration::from_millis(10);
/// When the memory that the start has used is given back, and how often what is free later.
const FIRST_TIDY: Duration = Duration::from_secs(2);
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// Batches that may wait for the side above before ticks are skipped.
const WAITING_BATCHES: usize = 4;
/// How long the last batch waits for symbols that are still being looked up, or fetched.
const LAST_SYMBOLS: Duration = Duration::from_secs(30);

/// How to watch.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which probes to attach.
    pub wanted: Wanted,
    /// Time between two batches.
    pub interval: Duration,
    /// Samples a second and CPU.
    pub frequency_hz: u64,
    /// Observe syscope itself too.
    pub include_self: bool,
    /// What to watch, from the first event on.
    pub filter: Filter,
    /// Share of the machine's CPU time that watching may take; `None`: whatever it takes.
    pub budget: Option<f64>,
    /// Fetch debug files that are not on this machine.
    pub debuginfod: Option<symbols::Debuginfod>,
}

/// Why the live source could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The probes could not be attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// Something else of the system refused.
    #[error("cannot start to watch: {0}")]
    Io(#[from] io::Error),
}

/// Attaches the probes and starts to read them on a thread of its own. When this returns, what
/// happens on the machine is being counted.
pub fn start(options: Options) -> Result<Handle, StartError> {
    let (batches_in, batches) = mpsc::channel(WAITING_BATCHES);
    let (control, control_out) = mpsc::unbounded_channel();
    let (started_in, started) = std::sync::mpsc::channel();
    let interval = options.interval;
    // Kernel and runtime are made on the thread that uses them: neither has to move.
    std::thread::Builder::new().name("collector".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let made = runtime.map_err(StartError::from).and_then(|runtime| {
            let collector = collect(&options)?;
            Ok((runtime, collector))
        });
        match made {
            Ok((runtime, collector)) => {
                let _ = started_in.send(Ok(collector.watched.clone()));
                runtime.block_on(run(collector, interval, &batches_in, control_out));
            }
            Err(error) => drop(started_in.send(Err(error))),
        }
    })?;
    let ended = || io::Error::other("the collector ended");
    let watched = started.recv().map_err(|_| ended())??;
    Ok(Handle { watched, batches, control })
}

fn collect(options: &Options) -> Result<Collector, StartError> {
    // Before anything is watched, which is no matter of the machine's.
    let symbols = symbols::Worker::start(
        options.debuginfod.clone(),
        crate::kernel::newest_program,
        symbols::ReaderKind::Process,
    )?;
    let settings = Settings {
        wanted: options.wanted,
        frequency_hz: options.frequency_hz,
        own: own(options.include_self, &symbols),
        now_ns: procfs::monotonic_ns(),
    };
    let (mut before, mut start_ns) = (Vec::new(), 0);
    let kernel = Kernel::attach(&settings, || {
        before = procfs::scan();
        let plan = collector::plan(&options.filter, &before);
        // From now on counters count: what is counted is within the time that was watched.
        start_ns = procfs::monotonic_ns();
        plan
    })?;
    let watched = procfs::watched(start_ns, options.frequency_hz)?;
    Ok(Collector::new(kernel, symbols, watched, options, before))
}

/// Processes of syscope's that are not observed; 0: none.
fn own(include_self: bool, symbols: &symbols::Worker) -> [u32; 2] {
    match include_self {
        true => [0; 2],
        false => [std::process::id(), symbols.reader().unwrap_or(0)],
    }
}

async fn run(
    mut collector: Collector,
    interval: Duration,
    batches: &mpsc::Sender<Batch>,
    mut control: mpsc::UnboundedReceiver<Control>,
) {
    let wakers = collector.wakers();
    let mut ticks = interval_at(Instant::now() + FIRST_TICK.min(interval), interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut due = Instant::now() + FIRST_TICK;
    let mut tidy = Instant::now() + FIRST_TIDY;
    loop {
        tokio::select! {
            biased;
            wish = control.recv() => match wish {
                Some(Control::Filter(filter)) => collector.set_filter(filter),
                Some(Control::Measure(closely)) => collector.measure_closely(closely),
                Some(Control::Stop) => return stop(&mut collector, batches).await,
                None => return,
            },
            at = ticks.tick() => {
                let missed = (at - due).as_nanos() / interval.as_nanos();
                collector.skipped_ticks += missed as u64;
                due = at + interval;
                // The side above has not taken the last ones: what is counted waits in the kernel.
                match batches.try_reserve() {
                    Ok(permit) => permit.send(collector.tick()),
                    Err(mpsc::error::TrySendError::Full(())) => {
                        collector.skipped_ticks += 1;
                        collector.read_rings();
                    }
                    Err(mpsc::error::TrySendError::Closed(())) => return,
                }
                if Instant::now() >= tidy {
                    give_memory_back();
                    tidy = Instant::now() + TIDY_EVERY;
                }
            }
            () = any_ready(&wakers) => collector.read_rings(),
        }
    }
}

/// Waits until a ring asks to be read.
async fn any_ready(wakers: &[Waker]) {
    if wakers.is_empty() {
        return std::future::pending().await;
    }
    select_all(wakers.iter().map(|waker| Box::pin(waker.ready()))).await;
}

/// Reads a last time, and waits for the symbols of all that was seen.
async fn stop(collector: &mut Collector, batches: &mpsc::Sender<Batch>) {
    collector.seed_some(Duration::MAX);
    if batches.send(collector.tick()).await.is_err() {
        return;
    }
    let patience = Instant::now() + LAST_SYMBOLS;
    while collector.walks_pending() > 0 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while collector.symbols_pending() > 0 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let _ = batches.send(collector.what_came_late()).await;
}
