//! The loop: what happens goes in, what changed is drawn.

use super::terminal::{self, TerminalGuard};
use super::{Error, Options, effects};
use crate::app::App;
use crate::app::update::{Effect, Message};
use crate::source::{Batch, Control, Handle};
use crate::ui::{self, theme::Theme};
use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_util::StreamExt;
use ratatui::Frame;
use ratatui::layout::Size;
use std::io;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Frames come no closer than this: a held key must not fill a slow line.
const FRAME_GAP: Duration = Duration::from_millis(33);

/// Signals that end the program, and the one that brings it back.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    resume: Signal,
}

/// What a signal asks for.
enum Asked {
    End(i32),
    Redraw,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            resume: signal(SignalKind::from_raw(libc::SIGCONT))?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::End(libc::SIGHUP),
            _ = self.terminate.recv() => Asked::End(libc::SIGTERM),
            _ = self.interrupt.recv() => Asked::End(libc::SIGINT),
            _ = self.resume.recv() => Asked::Redraw,
        }
    }
}

/// What the loop works with.
struct Screen {
    app: App,
    theme: Theme,
    guard: TerminalGuard,
    signals: Signals,
    control: mpsc::UnboundedSender<Control>,
    results: mpsc::UnboundedSender<Message>,
    options: Options,
    /// When the last frame was drawn.
    drawn: Option<Instant>,
}

/// Shows what the source delivers until the user has enough.
pub(super) async fn run(handle: Handle, options: Options) -> Result<(), Error> {
    let Handle { watched, mut batches, control } = handle;
    let time_zone = jiff::tz::TimeZone::system();
    let app = App::new(watched, options.filter.clone(), time_zone);
    let (results, mut finished) = mpsc::unbounded_channel();
    let mut screen = Screen {
        app,
        theme: Theme::new(options.colour),
        signals: Signals::listen()?,
        guard: TerminalGuard::take()?,
        control,
        results,
        options,
        drawn: None,
    };
    let size = screen.guard.terminal().size()?;
    screen.app.update(Message::Resize(size));
    let mut input = EventStream::new();
    let started = Instant::now();
    let mut open = true;
    loop {
        if terminal::panicked() {
            return Err(Error::Panicked);
        }
        let due = screen.draw()?;
        let wait = due.unwrap_or(Duration::from_secs(3600));
        let message = tokio::select! {
            biased;
            event = input.next() => match event {
                Some(Ok(event)) => as_message(&event, started),
                Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => None,
                // The terminal is gone.
                Some(Err(_)) | None => return Err(Error::TerminalGone),
            },
            asked = screen.signals.next() => match asked {
                Asked::End(number) => return Err(Error::Signal(number)),
                Asked::Redraw => {
                    screen.retake()?;
                    None
                }
            },
            Some(result) = finished.recv() => Some(result),
            batch = batches.recv(), if open => {
                open = batch.is_some();
                Some(batch.map_or(Message::Ended, |batch: Batch| Message::Batch(Box::new(batch))))
            }
            () = tokio::time::sleep(wait) => None,
        };
        let effect = message.and_then(|message| screen.app.update(message));
        match effect {
            Some(Effect::Quit) => return Ok(()),
            Some(effect) => screen.perform(effect).await?,
            None => {}
        }
    }
}

/// What the state is to know of a terminal's event.
fn as_message(event: &Event, started: Instant) -> Option<Message> {
    match *event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(key)),
        Event::Mouse(mouse) => Some(Message::Mouse(mouse, started.elapsed().as_millis() as u64)),
        Event::Resize(width, height) => Some(Message::Resize(Size { width, height })),
        _ => None,
    }
}

impl Screen {
    /// Draws, if there is something new and the last frame is long enough ago; else says in how
    /// long it will be.
    fn draw(&mut self) -> Result<Option<Duration>, Error> {
        let since = self.drawn.map_or(FRAME_GAP, |drawn| drawn.elapsed());
        if !self.app.is_changed() {
            return Ok(None);
        }
        if since < FRAME_GAP {
            return Ok(Some(FRAME_GAP - since));
        }
        let (app, theme) = (&mut self.app, &self.theme);
        let drawing = |frame: &mut Frame<'_>| {
            // The terminal may be of a new size before the event that says so has come.
            let size = frame.area().as_size();
            if size != app.size() {
                app.update(Message::Resize(size));
            }
            app.take_changed();
            app.refresh();
            ui::render(app, theme, frame.area(), frame.buffer_mut());
        };
        self.guard.terminal().draw(drawing).map_err(|_| Error::TerminalGone)?;
        self.drawn = Some(Instant::now());
        if self.options.inject_panic {
            panic!("a panic that was asked for");
        }
        Ok(None)
    }

    async fn perform(&mut self, effect: Effect) -> Result<(), Error> {
        match effect {
            Effect::Quit => {}
            // A source that has ended says so itself, by its last batch.
            Effect::SetFilter(filter) => _ = self.control.send(Control::Filter(filter)),
            Effect::Export(export) => {
                let (results, folder) = (self.results.clone(), self.options.export_folder.clone());
                let time_zone = self.app.time_zone.clone();
                tokio::task::spawn_blocking(move || {
                    let result = effects::export(&export, &folder, &time_zone);
                    // Nobody waits for the answer when the program has ended.
                    let _ = results.send(Message::Exported(result));
                });
            }
            Effect::Suspend => self.suspend().await?,
        }
        Ok(())
    }

    /// Stops the whole job, as the terminal does on Ctrl-Z when it is not in raw mode: a parent in
    /// the same job (sudo, cargo) must stop too, or the shell would go on waiting.
    async fn suspend(&mut self) -> Result<(), Error> {
        self.guard.release()?;
        effects::stop_job()?;
        // The stop may come a moment after the call. Where nobody could bring the program back,
        // the kernel does not stop it, and no signal comes.
        let patience = Duration::from_millis(200);
        let _ = tokio::time::timeout(patience, self.signals.resume.recv()).await;
        self.retake()
    }

    fn retake(&mut self) -> Result<(), Error> {
        self.guard.retake().map_err(|_| Error::TerminalGone)?;
        let size = self.guard.terminal().size()?;
        self.app.update(Message::Resize(size));
        Ok(())
    }
}
