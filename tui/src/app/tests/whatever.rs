//! Whatever comes, in whatever order.

use super::*;
use crate::app::App;
use crate::app::pane::Pane;
use crate::app::update::{Effect, Message};
use crate::source::record::Status;
use crate::source::{Batch, ProcessEvent};
use crate::ui::testing::*;
use crate::ui::theme::Theme;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEventKind};
use proptest::prelude::*;
use ratatui::layout::Size;

fn any_event() -> impl Strategy<Value = (u8, u8, u16, u16)> {
    (0_u8..66, any::<u8>(), 0_u16..90, 0_u16..45)
}

fn apply(app: &mut App, tape: &mut Tape, (kind, key, x, y): (u8, u8, u16, u16), at_ms: u64) {
    const KEYS: &[u8] = b"q?12341234zhjklggGG/\\fFsrrccetnNi  npid:comm!x*or(,,..<<>>[[]]+-RW  ";
    const CODES: &[KeyCode] = &[
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Char('ä'),
        KeyCode::Char('日'),
    ];
    let code = match kind {
        0..=24 => KeyCode::Char(KEYS[usize::from(key) % KEYS.len()] as char),
        _ => CODES[usize::from(key) % CODES.len()],
    };
    let modifiers = if kind % 10 == 9 { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
    let message = match kind {
        0..=44 => Message::Key(KeyEvent::new(code, modifiers)),
        45..=48 => Message::Resize(Size { width: x, height: y }),
        49..=52 => {
            let down = MouseEventKind::Down(MouseButton::Left);
            Message::Mouse(mouse(down, x, y), at_ms)
        }
        53 => Message::Mouse(mouse(MouseEventKind::ScrollUp, x, y), at_ms),
        54 => Message::Mouse(mouse(MouseEventKind::ScrollDown, x, y), at_ms),
        55 => Message::Batch(Box::new(first_batch())),
        56 => Message::Batch(Box::new(Batch {
            processes: vec![ProcessEvent::Exit { time_ns: START, pid: 813 }],
            health: health_without("opens"),
            ..second_batch()
        })),
        57 => Message::Ended,
        58 => Message::Mouse(mouse(MouseEventKind::Drag(MouseButton::Left), x, y), at_ms),
        59 => Message::Mouse(mouse(MouseEventKind::Up(MouseButton::Left), x, y), at_ms),
        60 | 61 if app.is_playing() => Message::Elapsed(u64::from(key) * 100),
        62 => {
            tape.kept_from = app.time.timeline.end().min(tape.kept_from + u64::from(key % 4));
            Message::Recorder(Status { kept_from: tape.kept_from, ..Status::default() })
        }
        63 => Message::SeekIsSlow,
        _ => Message::Batch(Box::new(later_batch(app.time.timeline.end().max(2)))),
    };
    if let Message::Batch(batch) = &message {
        tape.batches.push((**batch).clone());
    }
    let effect = app.update(message);
    // Now and then an answer is late.
    match effect {
        Some(Effect::Seek(_)) if key % 5 == 0 => {}
        effect => _ = settle(app, tape, effect),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_the_screen_can_be_drawn(
        events in prop::collection::vec(any_event(), 1..80),
        of_capture in any::<bool>(),
    ) {
        let mut tape = tape(24);
        let mut app = if of_capture { replay(&tape, 9, 80, 24) } else { lived(&tape, 80, 24) };
        for (at, event) in events.into_iter().enumerate() {
            if of_capture && matches!(event.0, 55..=57 | 62 | 64..) {
                continue;
            }
            apply(&mut app, &mut tape, event, at as u64 * 150);
            let buffer = draw(&mut app, &Theme::new(Default::default()));
            for pane in Pane::ALL {
                let (table, len) = (app.view().table(pane), app.derived.len(pane));
                if app.layout.panes[pane.index()].is_some() {
                    prop_assert!(table.cursor < len.max(1), "{pane:?}: {table:?} of {len}");
                    prop_assert!(table.offset <= table.cursor, "{pane:?}: {table:?}");
                }
            }
            for cell in buffer.content() {
                prop_assert!(!cell.symbol().chars().any(char::is_control));
            }
            let (low, high) = app.time.limits();
            prop_assert!(low <= high);
            if let Some(span) = app.time.wanted() {
                prop_assert!(span.start <= span.end && span.end <= app.time.timeline.end());
            }
            prop_assert_eq!(app.shows_timeline(), app.time.position().is_some());
        }
    }
}
