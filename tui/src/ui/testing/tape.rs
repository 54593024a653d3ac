//! A recording made by hand, and screens of it.

use super::*;
use crate::app::time::{Replayed, Sought};
use crate::capture::{Header, Tick};
use crate::history::{Losses, SeekError, Span, Timeline};
use crate::model::{Bounds, Model};

/// Batches, and models of any part of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    pub batches: Vec<Batch>,
    /// The oldest tick that is kept.
    pub kept_from: u64,
}

/// Two batches of a quarter of a second, then one a second: 812 and 813 go on, in tick 12 seven
/// events are lost, in tick 20 process 990 makes many calls.
pub(crate) fn tape(batches: u64) -> Tape {
    let mut tape = Tape { batches: vec![first_batch(), second_batch()], kept_from: 0 };
    tape.batches.extend((2..batches).map(later_batch));
    tape
}

/// The batch of a tick from 2 on.
pub(crate) fn later_batch(tick: u64) -> Batch {
    let mut health = health();
    health.probes[1].ring_full = if tick >= 12 { 7 } else { 0 };
    let busy = if tick == 20 { 90_000 } else { 30 };
    Batch {
        time_ns: START + SECOND / 2 + (tick - 1) * SECOND,
        window_ns: SECOND,
        syscalls: vec![
            calls(813, 232, 1_000 + 100 * (tick % 5), 180_000, &[]),
            calls(990, 0, busy, 52_000, &[]),
        ],
        opens: vec![open(813, "nginx", &format!("/srv/www/{tick}"), tick * 1_000, Ok(17))],
        offcpu: vec![waits(813, WaitState::Interruptible, (20, 11), 40 * (tick % 7), 4)],
        waiting: Some(sleepers()),
        profile: vec![samples(813, "nginx", 10, 0, 60 + 20 * (tick % 9))],
        health,
        ..Batch::default()
    }
}

impl Tape {
    /// The model of a span, as the real seeker makes it.
    pub(crate) fn seek(&self, span: Span) -> Sought {
        let model = match span.start < self.kept_from {
            true => Err(SeekError::Forgotten),
            false => Ok(Arc::new(self.model(span))),
        };
        Sought { span, model, losses: Losses::default() }
    }

    fn model(&self, span: Span) -> Model {
        let mut model = Model::new(watched(), Bounds::LIVE);
        let end = self.batches.len().min(span.end as usize);
        let start = end.min(span.start as usize);
        self.batches[..start].iter().cloned().for_each(|batch| model.fold(batch));
        model.clear();
        self.batches[start..end].iter().cloned().for_each(|batch| model.fold(batch));
        model
    }

    pub(crate) fn timeline(&self) -> Timeline {
        Timeline::new(self.batches.iter().map(Tick::of))
    }
}

/// What a capture of the tape says about itself.
pub(crate) fn replayed() -> Replayed {
    Replayed {
        name: "incident.syscope".to_owned(),
        header: Header {
            watched: watched(),
            recorder: "0.1.0".to_owned(),
            called: ["syscope", "record", "-o", "incident.syscope"].map(str::to_owned).to_vec(),
            interval_ns: SECOND,
            cmdlines: true,
            ..Header::default()
        },
        complete: true,
        ..Replayed::default()
    }
}

/// A replay of a tape, so many seconds from its start.
pub(crate) fn replay(tape: &Tape, seconds: u64, width: u16, height: u16) -> App {
    replay_of(replayed(), tape, seconds, width, height)
}

/// A replay of a tape that says this about itself.
pub(crate) fn replay_of(
    replayed: Replayed,
    tape: &Tape,
    seconds: u64,
    width: u16,
    height: u16,
) -> App {
    let at_ns = seconds * SECOND;
    let mut app = App::replay(replayed, tape.timeline(), Filter::default(), TimeZone::UTC, at_ns);
    app.update(Message::Resize(Size { width, height }));
    let first = app.seek();
    settle(&mut app, tape, first);
    app.refresh();
    app
}

/// A live screen that has seen the tape.
pub(crate) fn lived(tape: &Tape, width: u16, height: u16) -> App {
    let mut app = app(width, height);
    app.records = true;
    tape.batches.iter().cloned().for_each(|batch| feed(&mut app, batch));
    app.refresh();
    app
}

/// Presses keys and answers what is sought; gives the other effects.
pub(crate) fn drive(app: &mut App, tape: &Tape, keys: &str) -> Vec<Effect> {
    let keys = keys.split(' ').flat_map(script::keys);
    let mut others = Vec::new();
    for key in keys {
        let effect = app.update(Message::Key(key));
        others.extend(settle(app, tape, effect));
    }
    others
}

/// Lets time pass.
pub(crate) fn pass(app: &mut App, tape: &Tape, ms: u64) {
    let effect = app.update(Message::Elapsed(ms));
    assert!(settle(app, tape, effect).is_none());
}

/// Answers what is sought; gives any other effect back.
pub(crate) fn settle(app: &mut App, tape: &Tape, mut effect: Option<Effect>) -> Option<Effect> {
    while let Some(Effect::Seek(span)) = effect {
        effect = app.update(Message::Seeked(Box::new(tape.seek(span))));
    }
    effect
}
