//! Replay without a terminal: a script has the keys, and what is on the screen then is the result.
//!
//! No clock, no thread, no time zone but UTC: the same capture, keys and size give the same screen.

use super::{ColourChoice, ReplayOptions, ansi, seeking};
use crate::app::App;
use crate::app::script::{self, Step};
use crate::app::time::{Recorded, Replayed, Sought};
use crate::app::update::{Effect, Message};
use crate::capture::Capture;
use crate::history::{Seeker, Span, Timeline};
use crate::model::Bounds;
use crate::ui::{self, theme::Theme};
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use std::sync::Arc;

/// Replays a capture to a script (see [`script::parse`]), from its end unless the options say
/// otherwise, paused, on a screen of this size. Gives the screen: text with colour codes, or without
/// any where the options want no colours.
///
/// # Errors
///
/// When the script is not understood.
pub fn scripted(
    capture: Capture,
    options: &ReplayOptions,
    size: Size,
    keys: &str,
) -> Result<String, script::ScriptError> {
    let steps = script::parse(keys)?;
    let replayed = Replayed::new(&options.name, &capture);
    let timeline = super::timeline(&capture);
    let mut seeker = Seeker::of_capture(Arc::new(capture), Bounds::LIVE);
    let seek = |span| seeking::answer(&mut seeker, span);
    let mut app = app(replayed, timeline, options);
    play(&mut app, size, &steps, seek);
    Ok(shot(&mut app, options.colour))
}

fn app(replayed: Replayed, timeline: Timeline, options: &ReplayOptions) -> App {
    let at_ns = options.at_ns.unwrap_or(u64::MAX);
    let mut app = App::replay(replayed, timeline, options.filter.clone(), TimeZone::UTC, at_ns);
    app.time.play.set_speed(options.speed);
    app
}

/// Does what the steps say, to their end or until the program is ended.
fn play(app: &mut App, size: Size, steps: &[Step], mut seek: impl FnMut(Span) -> Sought) {
    app.update(Message::Resize(size));
    let effect = app.seek();
    settle(app, effect, &mut seek);
    for step in steps {
        let effect = match *step {
            Step::Press(key) => app.update(Message::Key(key)),
            Step::Wait(ms) if app.is_playing() => app.update(Message::Elapsed(ms)),
            Step::Wait(_) => None,
            Step::At(ns) => app.seek_to(ns),
        };
        if matches!(effect, Some(Effect::Quit)) {
            return;
        }
        settle(app, effect, &mut seek);
    }
}

/// Does what the state asks for, at once, until it asks for nothing more.
fn settle(app: &mut App, mut effect: Option<Effect>, seek: &mut impl FnMut(Span) -> Sought) {
    while let Some(asked) = effect {
        const NOT_HERE: &str = "a script writes no files";
        effect = match asked {
            Effect::Seek(span) => app.update(Message::Seeked(Box::new(seek(span)))),
            Effect::Export(_) => app.update(Message::Exported(Err(NOT_HERE.to_owned()))),
            Effect::SaveHistory => {
                app.update(Message::Recorded(Recorded::Saved(Err(NOT_HERE.to_owned()))))
            }
            // There is no source, no recorder and no shell.
            Effect::SetFilter(_)
            | Effect::Measure(_)
            | Effect::StartRecording
            | Effect::StopRecording
            | Effect::Suspend
            | Effect::Quit => None,
        };
    }
}

/// The screen as text.
fn shot(app: &mut App, colour: ColourChoice) -> String {
    app.refresh();
    let mut buffer = Buffer::empty(app.layout.screen);
    let area = buffer.area;
    ui::render(app, &Theme::new(colour), area, &mut buffer);
    ansi::text(&buffer, colour != ColourChoice::Never)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Encoder, Writer};
    use crate::ui::testing::*;

    /// A capture of a tape, as it would be in a file.
    fn capture(tape: &Tape) -> Capture {
        let mut encoder = Encoder::new(true);
        let mut writer = Writer::new(Vec::new(), &replayed().header).unwrap();
        for batch in &tape.batches {
            if let Some(frame) = encoder.push(batch) {
                writer.write(&frame).unwrap();
            }
        }
        if let Some(frame) = encoder.flush() {
            writer.write(&frame).unwrap();
        }
        Capture::from_bytes("incident.syscope", writer.finish().unwrap().into()).unwrap()
    }

    fn run(keys: &str, colour: ColourChoice) -> String {
        let options =
            ReplayOptions { name: "incident.syscope".to_owned(), colour, ..Default::default() };
        let size = Size { width: 120, height: 40 };
        scripted(capture(&tape(32)), &options, size, keys).unwrap()
    }

    #[test]
    fn a_script_gives_the_same_screen_every_time() {
        let keys = "Home [ > ] 3 Enter Esc / nginx Enter at:5500ms 4 t j Space wait:2s";
        let screen = run(keys, ColourChoice::Always);
        assert_eq!(screen, run(keys, ColourChoice::Always));
        assert_eq!(screen.lines().count(), 40);
        assert!(screen.contains("\x1b[0;"));
        assert!(!run(keys, ColourChoice::Never).contains('\x1b'));
    }

    #[test]
    fn a_capture_shows_what_its_batches_show() {
        let tape = tape(32);
        for keys in ["", "< , ,", "Home [ > ]", "< [ . . . ] 3 Enter", "2 Enter Enter", "4 t", "i"]
        {
            let mut app = replay(&tape, 99, 120, 40);
            drive(&mut app, &tape, keys);
            let expected = characters(&mut app);
            let screen = run(keys, ColourChoice::Never);
            assert_eq!(screen.trim_end(), expected.trim_end(), "{keys}");
        }
    }

    #[test]
    fn time_passes_only_while_it_plays() {
        let header = |keys| run(keys, ColourChoice::Never).lines().nth(1).unwrap().to_owned();
        assert!(header("at:5500ms wait:3s").contains("│ 00:05 / 00:30 │"));
        assert!(
            header("at:5500ms Space wait:3s").contains("REPLAY │ "),
            "{}",
            header("at:5500ms Space wait:3s")
        );
        assert!(header("at:5500ms + Space wait:3s").contains("│ 00:11 / 00:30 │"));
        assert!(header("at:5500ms Space wait:99s").contains("REPLAY paused │"));
        assert!(header("at:5500ms q at:9s").contains("│ 00:05 /"), "the end is the end");
    }

    #[test]
    fn a_script_leaves_nothing_behind() {
        let screen = run("4 e", ColourChoice::Never);
        assert!(screen.contains("not exported: a script writes no files"), "{screen}");
    }
}
