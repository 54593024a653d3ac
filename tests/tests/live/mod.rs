//! The live source without anything above it: what it delivers, batch by batch.

use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use syscope::filter::Filter;
use syscope::kernel::Wanted;
use syscope::source::live::{self, Options};
use syscope::source::{Batch, Control, Handle};

/// All probes on a process and its descendants, whatever that costs.
pub fn options(pid: u32) -> Options {
    Options {
        wanted: Wanted::PANES,
        interval: Duration::from_millis(250),
        frequency_hz: 99,
        include_self: false,
        budget: None,
        debuginfod: None,
        filter: Filter::from_cli(&[pid], &[], true),
    }
}

/// A source whose batches are added up.
pub struct Live<T> {
    wish: Box<dyn Fn(Control)>,
    /// The sum so far.
    pub sum: Arc<Mutex<T>>,
    thread: JoinHandle<()>,
}

impl<T: Clone + Default + Send + 'static> Live<T> {
    /// Starts it; `add` adds each batch to the sum.
    pub fn start(options: Options, add: impl Fn(&mut T, Batch) + Send + 'static) -> Self {
        let Handle { control, mut batches, .. } = live::start(options).expect("root may watch");
        let sum = Arc::new(Mutex::new(T::default()));
        let shared = Arc::clone(&sum);
        let thread = thread::spawn(move || {
            while let Some(batch) = batches.blocking_recv() {
                add(&mut shared.lock().expect("nobody panics with it"), batch);
            }
        });
        let wish = Box::new(move |wish| control.send(wish).expect("it runs"));
        Self { wish, sum, thread }
    }

    /// Watches what this filter accepts from now on.
    #[allow(dead_code, reason = "not every test changes it")]
    pub fn filter(&self, filter: Filter) {
        (self.wish)(Control::Filter(filter));
    }

    /// Reads a last time, and gives the sum of all.
    pub fn stop(self) -> T {
        (self.wish)(Control::Stop);
        self.thread.join().expect("it only adds");
        self.sum.lock().expect("nobody panics with it").clone()
    }
}
