//! Standard output, written by a thread of its own: a reader that is slow or stands still must keep
//! neither the kernel's events waiting nor an interrupt.

use crate::stderr;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use tokio::sync::oneshot;

/// Bytes that may wait for the reader of standard output.
const WAITING_MAX: usize = 32 * 1024 * 1024;

/// What the thread writes, in this order.
enum Piece {
    Lines(Vec<u8>),
    /// A line for standard error.
    Note(String),
}

/// The way to standard output.
pub struct Output {
    pieces: Option<mpsc::Sender<Piece>>,
    waiting: Arc<AtomicUsize>,
    ended: oneshot::Receiver<io::Result<()>>,
    is_terminal: bool,
}

impl Output {
    /// Starts the thread that writes.
    pub fn start() -> io::Result<Self> {
        let (pieces, to_write) = mpsc::channel();
        let (ended_in, ended) = oneshot::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&waiting);
        thread::Builder::new().name("output".to_owned()).spawn(move || {
            // Nobody hears of it any more where the program has stopped to wait for it.
            let _ = ended_in.send(write_all(&to_write, &left));
        })?;
        let is_terminal = io::stdout().is_terminal();
        Ok(Self { pieces: Some(pieces), waiting, ended, is_terminal })
    }

    /// Bytes that may be added now.
    pub fn room(&self) -> usize {
        WAITING_MAX.saturating_sub(self.waiting.load(Ordering::Relaxed))
    }

    /// Has whole lines written.
    pub fn write(&self, lines: Vec<u8>) {
        if !lines.is_empty() {
            self.waiting.fetch_add(lines.len(), Ordering::Relaxed);
            self.send(Piece::Lines(lines));
        }
    }

    /// Says something on standard error; where standard output is a terminal, not in the middle of a
    /// line.
    pub fn note(&self, line: String) {
        if self.is_terminal { self.send(Piece::Note(line)) } else { stderr::tell(line) }
    }

    /// Whether the reader of standard output has gone away. A pipe tells without being written to.
    pub fn is_closed(&self) -> bool {
        let stdout = io::stdout();
        let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
        poll(&mut fds, PollTimeout::ZERO).is_ok()
            && fds[0].revents().is_some_and(|events| events.intersects(gone))
    }

    /// No more is to come.
    pub fn finish(&mut self) {
        self.pieces = None;
    }

    /// Waits until all is written (after [`Output::finish`]), or nothing can be written any more. To
    /// be awaited once to its end.
    pub async fn ended(&mut self) -> io::Result<()> {
        (&mut self.ended).await.unwrap_or_else(|_| Err(io::Error::other("its writer has ended")))
    }

    fn send(&self, piece: Piece) {
        // Fails only when the thread has ended: `ended` says why.
        let _ = self.pieces.as_ref().map(|pieces| pieces.send(piece));
    }
}

fn write_all(pieces: &mpsc::Receiver<Piece>, waiting: &AtomicUsize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for piece in pieces {
        match piece {
            Piece::Lines(lines) => {
                out.write_all(&lines)?;
                out.flush()?;
                waiting.fetch_sub(lines.len(), Ordering::Relaxed);
            }
            Piece::Note(line) => stderr::tell(line),
        }
    }
    Ok(())
}
