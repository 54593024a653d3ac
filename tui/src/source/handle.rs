//! The two ends between a source and what is above it.

use super::Batch;
use crate::filter::Filter;
use crate::model::Watched;
use tokio::sync::mpsc;

/// What the side above asks of a source.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// Watch only what this filter accepts. The source keeps the kernel's part of it true as
    /// processes come and go; [`super::Health::pushed_down`] says what the kernel applies.
    Filter(Filter),
    /// Measure what the BPF programs take without a pause, for somebody looks at it; or now and then only.
    Measure(bool),
    /// Read everything one last time, wait for the symbols that are still being looked up, send
    /// the last batch and close.
    Stop,
}

/// A running source, seen from above. Dropping it stops the source.
#[derive(Debug)]
pub struct Handle {
    /// What is watched.
    pub watched: Watched,
    /// Batches, one a tick; closed when the source has ended.
    pub batches: mpsc::Receiver<Batch>,
    /// Wishes to the source; a send fails only when the source has ended.
    pub control: mpsc::UnboundedSender<Control>,
}
