//! Recording, and saving the past.

use crate::app::time::Recorded;
use crate::app::update::{Effect, Message};
use crate::source::record::{Recording, Status};
use crate::ui::testing::*;
use std::path::PathBuf;

#[test]
fn a_recording_is_started_shown_and_ended() {
    let tape = tape(3);
    let mut app = lived(&tape, 120, 40);
    assert!(matches!(drive(&mut app, &tape, "R")[..], [Effect::StartRecording]));
    assert!(drive(&mut app, &tape, "R").is_empty(), "it has not begun yet");
    let path = PathBuf::from("/tmp/syscope-web1.syscope");
    app.update(Message::Recorded(Recorded::Started(Ok(path.clone()))));
    assert!(characters(&mut app).contains("recording to syscope-web1.syscope; R ends it"));
    let recording = Recording {
        path,
        span_ns: 12 * SECOND,
        batches: 48,
        bytes: 348_160,
        ..Recording::default()
    };
    let status = Status { recording: Some(recording.clone()), ..Status::default() };
    assert!(app.update(Message::Recorder(status.clone())).is_none());
    let screen = characters(&mut app);
    assert!(screen.contains("│ REC 00:12 340 KiB │"), "{screen}");
    assert!(matches!(drive(&mut app, &tape, "R")[..], [Effect::StopRecording]));
    app.update(Message::Recorded(Recorded::Ended(Some(recording.clone()))));
    let screen = characters(&mut app);
    assert!(!screen.contains("REC 00"), "{screen}");
    assert!(screen.contains("wrote /tmp/syscope-web1.syscope: 12.0s, 340 KiB"), "{screen}");

    // One that fails is ended by itself, once, and the reason is told.
    let failed = Recording {
        batches: 48,
        error: Some("No space left on device".to_owned()),
        lost: 3,
        ..recording
    };
    let status = Status { recording: Some(failed.clone()), ..status };
    assert!(matches!(app.update(Message::Recorder(status.clone())), Some(Effect::StopRecording)));
    assert!(app.update(Message::Recorder(status)).is_none());
    app.update(Message::Recorded(Recorded::Ended(Some(failed))));
    let notice = app.notice.clone().unwrap();
    assert!(notice.bad && notice.text.contains("No space left") && notice.text.contains("lost 3"));

    // One that failed at once has left no file to speak of.
    let error = Some("No space left on device".to_owned());
    let nothing = Recording { error, ..Recording::default() };
    app.update(Message::Recorded(Recorded::Ended(Some(nothing))));
    let notice = app.notice.clone().unwrap();
    assert!(notice.bad && notice.text == "nothing was recorded: No space left on device");
}

#[test]
fn the_past_is_saved() {
    let tape = tape(3);
    let mut app = lived(&tape, 120, 40);
    assert!(matches!(drive(&mut app, &tape, "W")[..], [Effect::SaveHistory]));
    let recording =
        Recording { path: "/x.syscope".into(), span_ns: SECOND, ..Recording::default() };
    app.update(Message::Recorded(Recorded::Saved(Ok(recording))));
    assert_eq!(app.notice.as_ref().unwrap().text, "wrote /x.syscope: 1.00s, 0 B");
    app.update(Message::Recorded(Recorded::Saved(Err("no".to_owned()))));
    assert_eq!(app.notice.as_ref().unwrap().text, "not saved: no");
    let mut app = replay(&tape, 1, 120, 40);
    assert!(drive(&mut app, &tape, "W R").is_empty());
}
