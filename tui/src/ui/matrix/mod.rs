//! Every pane in every state at every size, drawn from captures: batches are encoded, the capture is
//! opened as a file is, and replayed. The snapshots hold text and styles.

mod captures;
mod shot;
mod small;
mod tests;
