//! The terminal: taken over, and given back however the program ends.

use crate::app::update::Message;
use crate::symbols;
use crossterm::event::{DisableMouseCapture, EnableMouseCapture, Event, KeyEventKind};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use std::fs::File;
use std::io::{self, BufWriter, Stdout, stdout};
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Bytes that are gathered before they are written. A frame is flushed when it is whole, and most are far
/// smaller: so each is one write, where standard output by itself makes one of each KiB.
const FRAME_BYTES: usize = 64 * 1024;

/// The terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Some thread has panicked.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Takes the terminal over, for as long as it lives.
pub struct TerminalGuard {
    /// Never dropped: its own drop writes to standard error when the terminal is gone, and that
    /// panics where standard error is that same terminal.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl TerminalGuard {
    /// Takes the terminal over.
    pub fn take() -> io::Result<Self> {
        install_panic_hook();
        // Made before the terminal is changed: it asks for the size, and may fail.
        let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, stdout()));
        // Of a fixed size, which follows the events that tell it: else each frame asks for it, which takes three
        // system calls.
        let viewport = Viewport::Fixed(Rect::from((Position::ORIGIN, bounded(backend.size()?))));
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport })?;
        let guard = Self { terminal: ManuallyDrop::new(terminal) };
        enter()?;
        Ok(guard)
    }

    /// Asks how large it is.
    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size().map(bounded)
    }

    /// Draws a frame of this size.
    pub fn draw(&mut self, size: Size, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        if self.terminal.get_frame().area().as_size() != size {
            self.terminal.resize(Rect::from((Position::ORIGIN, size)))?;
        }
        self.terminal.draw(draw).map(|_| ())
    }

    /// Gives it back for a while.
    pub fn release(&mut self) -> io::Result<()> {
        restore()
    }

    /// Takes it over again; all of it must be drawn anew.
    pub fn retake(&mut self) -> io::Result<()> {
        enter()?;
        // `Terminal::clear` would ask where the cursor is and wait for the answer, which the reader
        // of the keys may take away.
        let size = self.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        // Nothing is left to tell when the terminal itself is gone.
        let _ = restore();
    }
}

/// Whether a signal tells when the size changes. It goes to processes of the terminal's own session (`SIGWINCH`,
/// ioctl_tty(2)); `setsid` starts a program in another, which has no controlling terminal to open.
pub fn tells_its_size() -> bool {
    File::open("/dev/tty").is_ok()
}

/// What of a terminal of this size is drawn on: anything may say that it has billions of cells, and each takes
/// memory.
pub fn bounded(size: Size) -> Size {
    Size { width: size.width.min(2048), height: size.height.min(1024) }
}

/// What the state is to know of a terminal's event.
pub fn as_message(event: &Event, started: Instant) -> Option<Message> {
    match *event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(key)),
        Event::Mouse(mouse) => Some(Message::Mouse(mouse, started.elapsed().as_millis() as u64)),
        Event::Resize(width, height) => Some(Message::Resize(bounded(Size { width, height }))),
        _ => None,
    }
}

/// Whether some thread has panicked since the terminal was taken over.
pub fn panicked() -> bool {
    PANICKED.load(Ordering::SeqCst)
}

/// Raw mode is entered anew each time: after a stop from outside the shell may have changed it. It is
/// left first, for whoever believes it is entered already does nothing.
fn enter() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    disable_raw_mode()?;
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableMouseCapture, cursor::Hide)
}

/// Gives the terminal back, once: what was not taken is not touched.
pub fn restore() -> io::Result<()> {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let screen = execute!(stdout(), DisableMouseCapture, LeaveAlternateScreen, cursor::Show);
    // Even where the screen could not be told: the two fail on their own.
    disable_raw_mode().and(screen)
}

/// A panic's message must not be written into the alternate screen, where nobody would see it.
fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if symbols::panic_is_caught() {
                return previous(info);
            }
            PANICKED.store(true, Ordering::SeqCst);
            let _ = restore();
            previous(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::tests::panic_in_a_look_up;

    #[test]
    fn a_panic_of_a_look_up_leaves_the_terminal_alone() {
        install_panic_hook();
        panic_in_a_look_up();
        assert!(!panicked());
    }
}
