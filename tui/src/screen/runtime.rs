//! The loop: what happens goes in, what changed is drawn.

use super::seeking::Seeking;
use super::signals::{Asked, Signals};
use super::terminal::{self, TerminalGuard};
use super::{Error, Options, ReplayOptions};
use crate::app::App;
use crate::app::time::{Replayed, told};
use crate::app::update::{Effect, Message};
use crate::capture::Capture;
use crate::source::record::{Recorder, Status};
use crate::source::{Batch, Control, Handle};
use crate::stderr;
use crate::ui::{self, theme::Theme};
use crossterm::event::EventStream;
use futures_util::StreamExt;
use jiff::tz::TimeZone;
use ratatui::Frame;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Frames come no closer than this: a held key must not fill a slow line.
const FRAME_GAP: Duration = Duration::from_millis(33);
/// While the timeline is played, it is told so often how time passes.
const PLAY_STEP: Duration = Duration::from_millis(40);
/// The terminal is asked for its size at least so often, where nothing tells it.
const SIZE_STEP: Duration = Duration::from_millis(500);
/// What takes longer than this to seek is said to take long.
const SLOW_SEEK: Duration = Duration::from_millis(100);

/// Where models of the past come from.
pub(super) enum Past {
    Capture(Arc<Capture>),
    Recorder(Recorder),
    None,
}

/// What the loop works with.
pub(super) struct Screen {
    pub(super) app: App,
    theme: Theme,
    pub(super) guard: TerminalGuard,
    pub(super) signals: Signals,
    /// Wishes to the source; a replay has none.
    pub(super) control: Option<mpsc::UnboundedSender<Control>>,
    pub(super) results: mpsc::UnboundedSender<Message>,
    pub(super) past: Past,
    /// Makes models of the past, from the first wish on.
    pub(super) seeking: Option<Seeking>,
    /// What the recorder did last.
    status: Status,
    pub(super) folder: PathBuf,
    inject_panic: bool,
    /// Nothing has come from the source yet.
    empty: bool,
    /// When the last frame was drawn.
    drawn: Option<Instant>,
    /// Until when the timeline was told how time passes; `None` while it is not played.
    pub(super) played: Option<Instant>,
    /// Since when an answer is waited for.
    sought: Option<Instant>,
}

/// What a screen is made of, but for the terminal.
struct Setup {
    app: App,
    theme: Theme,
    control: Option<mpsc::UnboundedSender<Control>>,
    past: Past,
    folder: PathBuf,
    inject_panic: bool,
}

/// Shows what the source delivers until the user has enough.
pub(super) async fn run(handle: Handle, options: Options) -> Result<(), Error> {
    let Handle { watched, batches, control } = handle;
    let mut app = App::new(watched, options.filter, TimeZone::system());
    app.records = options.recorder.is_some();
    let recorder = options.recorder;
    let setup = Setup {
        app,
        theme: Theme::new(options.colour),
        control: Some(control),
        past: recorder.clone().map_or(Past::None, Past::Recorder),
        folder: options.export_folder,
        inject_panic: options.inject_panic,
    };
    let ended = show(setup, Some(batches)).await;
    // The terminal is the user's again: what is told now stays on it.
    if let Some(recording) = recorder.and_then(|recorder| recorder.stop()) {
        stderr::tell(told(&recording));
    }
    ended
}

/// Replays a capture until the user has enough.
pub(super) async fn replay(capture: Capture, options: ReplayOptions) -> Result<(), Error> {
    let replayed = Replayed::new(&options.name, &capture);
    let timeline = super::timeline(&capture);
    let (filter, at_ns) = (options.filter, options.at_ns.unwrap_or(0));
    let mut app = App::replay(replayed, timeline, filter, TimeZone::system(), at_ns);
    app.time.play.set_speed(options.speed);
    app.start_playing();
    let setup = Setup {
        app,
        theme: Theme::new(options.colour),
        control: None,
        past: Past::Capture(Arc::new(capture)),
        folder: options.export_folder,
        inject_panic: options.inject_panic,
    };
    show(setup, None).await
}

async fn show(setup: Setup, batches: Option<mpsc::Receiver<Batch>>) -> Result<(), Error> {
    let (results, finished) = mpsc::unbounded_channel();
    let Setup { app, theme, control, past, folder, inject_panic } = setup;
    let mut screen = Screen {
        app,
        theme,
        signals: Signals::listen()?,
        guard: TerminalGuard::take()?,
        control,
        results,
        past,
        seeking: None,
        status: Status::default(),
        folder,
        inject_panic,
        empty: true,
        drawn: None,
        played: None,
        sought: None,
    };
    screen.ask_size().await?;
    let first = screen.app.seek();
    screen.perform(first).await?;
    screen.work(batches, finished).await
}

impl Screen {
    async fn work(
        &mut self,
        mut batches: Option<mpsc::Receiver<Batch>>,
        mut finished: mpsc::UnboundedReceiver<Message>,
    ) -> Result<(), Error> {
        let mut input = EventStream::new();
        // From now on it says when the size changes; until now nobody did.
        self.ask_size().await?;
        let is_told = terminal::tells_its_size();
        let started = Instant::now();
        loop {
            if terminal::panicked() {
                return Err(Error::Panicked);
            }
            if !is_told {
                self.ask_size().await?;
            }
            let due = self.pass_time().await?;
            let size_due = (!is_told).then_some(SIZE_STEP);
            let wait = [self.draw()?, due, size_due].into_iter().flatten().min();
            let wait = wait.unwrap_or(Duration::from_secs(3600));
            let message = tokio::select! {
                biased;
                event = input.next() => match event {
                    Some(Ok(event)) => terminal::as_message(&event, started),
                    Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => None,
                    // The terminal is gone.
                    Some(Err(_)) | None => return Err(Error::TerminalGone),
                },
                asked = self.signals.next() => match asked {
                    Asked::End(number) => return Err(Error::Signal(number)),
                    Asked::Redraw => {
                        self.retake()?;
                        None
                    }
                },
                Some(result) = finished.recv() => Some(result),
                batch = next(&mut batches) => {
                    if batch.is_none() {
                        batches = None;
                    }
                    Some(batch.map_or(Message::Ended, |batch| Message::Batch(Box::new(batch))))
                }
                () = tokio::time::sleep(wait) => None,
            };
            let is_batch = matches!(message, Some(Message::Batch(_)));
            let effect = message.and_then(|message| self.app.update(message));
            if matches!(effect, Some(Effect::Quit)) {
                return Ok(());
            }
            self.perform(effect).await?;
            if is_batch {
                if std::mem::take(&mut self.empty) {
                    // The first that there is to see is shown at once.
                    self.drawn = None;
                }
                self.ask_recorder().await?;
            }
        }
    }

    async fn ask_size(&mut self) -> Result<(), Error> {
        let size = self.guard.size().map_err(|_| Error::TerminalGone)?;
        if size == self.app.size() {
            return Ok(());
        }
        let effect = self.app.update(Message::Resize(size));
        self.perform(effect).await
    }

    /// Tells the state how time passes, where it has to know; gives how long it can wait until the
    /// next time.
    async fn pass_time(&mut self) -> Result<Option<Duration>, Error> {
        let now = Instant::now();
        let mut due = None;
        if self.app.is_playing() {
            let since = now - *self.played.get_or_insert(now);
            if since >= PLAY_STEP {
                // Whole ms: what is left over counts the next time.
                let whole = Duration::from_millis(since.as_millis() as u64);
                self.played = self.played.map(|played| played + whole);
                let effect = self.app.update(Message::Elapsed(whole.as_millis() as u64));
                self.perform(effect).await?;
            }
            due = Some(PLAY_STEP.saturating_sub(since));
        } else {
            self.played = None;
        }
        if !self.app.time.is_seeking() {
            self.sought = None;
        } else if !self.app.time.slow {
            let since = now - *self.sought.get_or_insert(now);
            if since >= SLOW_SEEK {
                self.app.update(Message::SeekIsSlow);
            } else {
                due = Some(due.unwrap_or(SLOW_SEEK).min(SLOW_SEEK - since));
            }
        }
        Ok(due)
    }

    /// After a batch: what the recorder does, and which part of the past it still has.
    async fn ask_recorder(&mut self) -> Result<(), Error> {
        let status = match &self.past {
            Past::Recorder(recorder) => recorder.status(),
            // Nobody keeps anything.
            _ => Status { kept_from: self.app.time.timeline.end(), ..Status::default() },
        };
        if status == self.status {
            return Ok(());
        }
        self.status = status.clone();
        let effect = self.app.update(Message::Recorder(status));
        self.perform(effect).await
    }

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
        let (size, app, theme) = (self.app.size(), &mut self.app, &self.theme);
        let drawing = |frame: &mut Frame<'_>| {
            app.take_changed();
            app.refresh();
            ui::render(app, theme, frame.area(), frame.buffer_mut());
        };
        self.guard.draw(size, drawing).map_err(|_| Error::TerminalGone)?;
        self.drawn = Some(Instant::now());
        if self.inject_panic {
            panic!("a panic that was asked for");
        }
        Ok(None)
    }
}

/// The next batch; `None` when the source has ended. Without a source nothing ever comes.
async fn next(batches: &mut Option<mpsc::Receiver<Batch>>) -> Option<Batch> {
    match batches {
        Some(batches) => batches.recv().await,
        None => std::future::pending().await,
    }
}
