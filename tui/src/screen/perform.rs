//! What the state asks for: done here, outside of it.

use super::runtime::{Past, Screen};
use super::seeking::Seeking;
use super::{Error, effects};
use crate::app::time::Recorded;
use crate::app::update::{Effect, Message};
use crate::history::Seeker;
use crate::model::Bounds;
use crate::source::Control;
use crate::source::record::Recorder;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

impl Screen {
    /// Does what the state asks for.
    pub(super) async fn perform(&mut self, effect: Option<Effect>) -> Result<(), Error> {
        match effect {
            None | Some(Effect::Quit) => {}
            // A source that has ended says so itself, by its last batch.
            Some(Effect::SetFilter(filter)) => {
                if let Some(control) = &self.control {
                    let _ = control.send(Control::Filter(filter));
                }
            }
            Some(Effect::Measure(closely)) => {
                if let Some(control) = &self.control {
                    let _ = control.send(Control::Measure(closely));
                }
            }
            Some(Effect::Export(export)) => {
                let (folder, time_zone) = (self.folder.clone(), self.app.time_zone.clone());
                self.beside(move || {
                    Message::Exported(effects::export(&export, &folder, &time_zone))
                });
            }
            Some(Effect::Seek(span)) => {
                if self.seeking.is_none() {
                    self.seeking = self.start_seeking()?;
                }
                if let Some(seeking) = &self.seeking {
                    seeking.wish(span);
                }
            }
            Some(Effect::StartRecording) => self.record(|recorder, path| {
                let path = path.and_then(|path| {
                    let wrong = |error| format!("{error}: {}", path.display());
                    recorder.start(&path).map_err(wrong)?;
                    Ok(path)
                });
                Recorded::Started(path)
            }),
            Some(Effect::StopRecording) => {
                self.record(|recorder, _| Recorded::Ended(recorder.stop()));
            }
            Some(Effect::SaveHistory) => self.record(|recorder, path| {
                let save = |path: PathBuf| {
                    recorder.save(&path).map_err(|error| format!("{error}: {}", path.display()))
                };
                Recorded::Saved(path.and_then(save))
            }),
            Some(Effect::Suspend) => self.suspend().await?,
        }
        Ok(())
    }

    fn start_seeking(&self) -> io::Result<Option<Seeking>> {
        let results = self.results.clone();
        match &self.past {
            Past::None => Ok(None),
            Past::Capture(capture) => {
                let capture = Arc::clone(capture);
                let make = move || Seeker::of_capture(capture, Bounds::LIVE);
                Seeking::start(make, results).map(Some)
            }
            Past::Recorder(recorder) => {
                let recorder = recorder.clone();
                Seeking::start(move || recorder.seeker(), results).map(Some)
            }
        }
    }

    /// Does what blocks beside the loop; it ends in a message.
    fn beside(&self, work: impl FnOnce() -> Message + Send + 'static) {
        let results = self.results.clone();
        tokio::task::spawn_blocking(move || {
            // Nobody waits for the answer when the program has ended.
            let _ = results.send(work());
        });
    }

    /// Has the recorder do something, with the path of a new file.
    fn record(
        &self,
        work: impl FnOnce(&Recorder, Result<PathBuf, String>) -> Recorded + Send + 'static,
    ) {
        let Past::Recorder(recorder) = &self.past else { return };
        let (recorder, folder) = (recorder.clone(), self.folder.clone());
        let time_zone = self.app.time_zone.clone();
        let live = self.app.live();
        let host = live.watched.host.clone();
        let time_ns = live.watched.realtime_offset_ns.saturating_add_unsigned(live.now_ns);
        self.beside(move || {
            let path = effects::capture_path(&folder, &host, time_ns, &time_zone);
            Message::Recorded(work(&recorder, path))
        });
    }

    /// Stops the whole job, as the terminal does on Ctrl-Z when it is not in raw mode: a parent in
    /// the same job (sudo, cargo) must stop too, or the shell would go on waiting.
    async fn suspend(&mut self) -> Result<(), Error> {
        self.guard.release()?;
        effects::stop_job()?;
        // The stop may come a moment after the call. Where nobody could bring the program back,
        // the kernel does not stop it, and no signal comes.
        self.signals.resumed(Duration::from_millis(200)).await;
        // The time in between was not played.
        self.played = None;
        self.retake()
    }

    /// Takes the terminal again, in whichever size it has now.
    pub(super) fn retake(&mut self) -> Result<(), Error> {
        self.guard.retake().map_err(|_| Error::TerminalGone)?;
        let size = self.guard.size()?;
        self.app.update(Message::Resize(size));
        Ok(())
    }
}
