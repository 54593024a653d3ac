//! Recording to a file, and saving what is kept of the past.

use crate::app::App;
use crate::app::update::Effect;
use crate::source::record::{Recording, Status};
use crate::text;
use std::path::PathBuf;

/// What became of a wish to the recorder.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// A recording to this file has begun, or not.
    Started(Result<PathBuf, String>),
    /// The recording has ended; `None`: there was none.
    Ended(Option<Recording>),
    /// What is kept of the past is in a file now, or not.
    Saved(Result<Recording, String>),
}

impl App {
    /// Starts to record, or ends that.
    pub(in crate::app) fn toggle_recording(&mut self) -> Option<Effect> {
        if !self.records {
            self.say("here nothing can be recorded", true);
            return None;
        }
        if std::mem::replace(&mut self.awaits_recorder, true) {
            return None;
        }
        Some(match self.time.recording {
            Some(_) => Effect::StopRecording,
            None => Effect::StartRecording,
        })
    }

    /// Writes what is kept of the past to a file.
    pub(in crate::app) fn save_history(&mut self) -> Option<Effect> {
        if !self.records {
            self.say("here nothing of the past is kept", true);
            return None;
        }
        self.say("writing what is kept of the past…", false);
        Some(Effect::SaveHistory)
    }

    /// Takes notice of what the recorder does. A recording that failed is ended, so that it is told.
    pub(in crate::app) fn take_status(&mut self, status: Status) -> Option<Effect> {
        self.time.forget_before(status.kept_from);
        let failed = status.recording.as_ref().is_some_and(|recording| recording.error.is_some());
        self.time.recording = status.recording;
        self.changed = true;
        let end = failed && !std::mem::replace(&mut self.awaits_recorder, true);
        end.then_some(Effect::StopRecording)
    }

    pub(in crate::app) fn take_recorded(&mut self, recorded: Recorded) {
        match recorded {
            Recorded::Started(result) => {
                self.awaits_recorder = false;
                match result {
                    Ok(path) => {
                        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                        self.say(format!("recording to {file}; R ends it"), false);
                        self.time.recording = Some(Recording { path, ..Recording::default() });
                    }
                    Err(reason) => self.say(format!("not recorded: {reason}"), true),
                }
            }
            Recorded::Ended(recording) => {
                self.awaits_recorder = false;
                self.time.recording = None;
                if let Some(recording) = recording {
                    self.say(told(&recording), recording.error.is_some());
                }
            }
            Recorded::Saved(Ok(recording)) => self.say(told(&recording), false),
            Recorded::Saved(Err(reason)) => self.say(format!("not saved: {reason}"), true),
        }
    }
}

/// What a file holds, in a sentence.
pub fn told(recording: &Recording) -> String {
    let Recording { path, span_ns, bytes, lost, missing, error, .. } = recording;
    if let Some(error) = error
        && recording.batches == 0
    {
        return format!("nothing was recorded: {error}");
    }
    let mut said = match error {
        None => format!("wrote {}", path.display()),
        Some(error) => format!("the recording ended early: {error}; {}", path.display()),
    };
    said.push_str(&format!(": {}, {}", text::duration(*span_ns), text::bytes(*bytes)));
    if *lost > 0 {
        said.push_str(&format!(", lost {}", text::count(*lost)));
    }
    if *missing > 0 {
        said.push_str(&format!(", {missing} batches missing: the disk was too slow"));
    }
    said
}
