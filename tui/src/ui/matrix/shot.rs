//! A replay of a capture in memory, driven by keys.

use crate::app::App;
use crate::app::script;
use crate::app::time::Replayed;
use crate::app::update::{Effect, Message};
use crate::capture::{Capture, Encoder, Header, Writer};
use crate::filter::Filter;
use crate::history::{Seeker, Timeline};
use crate::model::Bounds;
use crate::screen::seeking;
use crate::source::{Batch, ProbeStatus};
use crate::ui::testing::{self, SECOND, watched};
use jiff::tz::TimeZone;
use ratatui::layout::Size;
use std::sync::Arc;

/// The sizes that every pane is drawn in.
pub(super) const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 60), (40, 10)];

/// The bytes of a capture of these batches.
pub(super) fn recorded(batches: &[Batch]) -> Vec<u8> {
    let health = &batches.last().expect("something was recorded").health;
    let probes = health.probes.iter().map(|p| (p.name.to_owned(), ProbeStatus::On)).collect();
    let header = Header {
        watched: watched(),
        recorder: "0.1.0".to_owned(),
        called: ["syscope", "record", "-o", "incident.syscope"].map(str::to_owned).to_vec(),
        probes,
        interval_ns: SECOND / 4,
        cmdlines: true,
        ..Header::default()
    };
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    let mut encoder = Encoder::new(true);
    for batch in batches {
        encoder.push(batch).iter().for_each(|frame| writer.write(frame).unwrap());
    }
    encoder.flush().iter().for_each(|frame| writer.write(frame).unwrap());
    writer.finish().unwrap()
}

/// A screen that replays a capture, paused at its end, with the counters of all of it.
pub(super) struct Shot {
    pub app: App,
    seeker: Seeker,
}

impl Shot {
    pub fn of(bytes: &[u8], (width, height): (u16, u16)) -> Self {
        let capture = Capture::from_bytes("incident.syscope", Arc::from(bytes)).unwrap();
        let replayed = Replayed::new("incident.syscope", &capture);
        let ticks = capture.frames.iter().flat_map(|frame| frame.ticks.iter().copied());
        let timeline = Timeline::new(ticks);
        let all = Filter::default();
        let app = App::replay(replayed, timeline, all, TimeZone::UTC, u64::MAX);
        let seeker = Seeker::of_capture(Arc::new(capture), Bounds::LIVE);
        let mut shot = Self { app, seeker };
        shot.app.update(Message::Resize(Size { width, height }));
        let effect = shot.app.seek();
        shot.settle(effect);
        shot
    }

    /// Presses the keys of a script.
    pub fn press(mut self, keys: &str) -> Self {
        for key in keys.split_whitespace().flat_map(script::keys) {
            let effect = self.app.update(Message::Key(key));
            self.settle(effect);
        }
        self
    }

    /// The screen: its characters, and its styles.
    pub fn screen(mut self) -> String {
        testing::screen(&mut self.app)
    }

    fn settle(&mut self, mut effect: Option<Effect>) {
        loop {
            effect = match effect {
                Some(Effect::Seek(span)) => {
                    let sought = seeking::answer(&mut self.seeker, span);
                    self.app.update(Message::Seeked(Box::new(sought)))
                }
                // There is no source that could filter.
                Some(Effect::SetFilter(_)) | None => return,
                Some(other) => panic!("a replay asks for {other:?}"),
            };
        }
    }
}

/// The screen after these keys in all sizes.
pub(super) fn in_all_sizes(bytes: &[u8], keys: &str) -> String {
    let shot = |size: (u16, u16)| {
        let screen = Shot::of(bytes, size).press(keys).screen();
        format!("=== {}x{}\n{screen}", size.0, size.1)
    };
    SIZES.map(shot).join("\n")
}
