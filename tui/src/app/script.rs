//! Keys as words: what a script, and a test, presses.

use crate::text;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::SignedDuration;

/// One step of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key is pressed.
    Press(KeyEvent),
    /// So many ms of play time pass.
    Wait(u64),
    /// The position is so many ns after the start.
    At(u64),
}

/// A script that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}`: a time is wanted there, as in wait:2s or at:500ms")]
pub struct ScriptError(String);

/// Keys that have names.
const NAMED: [(&str, KeyCode); 18] = [
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("S-Tab", KeyCode::BackTab),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("PgDn", KeyCode::PageDown),
    ("PgUp", KeyCode::PageUp),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("Space", KeyCode::Char(' ')),
    ("Back", KeyCode::Backspace),
    ("Backspace", KeyCode::Backspace),
    ("Del", KeyCode::Delete),
    ("Delete", KeyCode::Delete),
    ("F1", KeyCode::F(1)),
];

/// The keys of one word: a name (`Enter`, `C-u` for Ctrl-U), or else its characters, typed.
pub fn keys(word: &str) -> Vec<KeyEvent> {
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    if let Some((_, code)) = NAMED.iter().find(|(name, _)| *name == word) {
        return vec![plain(*code)];
    }
    let mut rest = word.strip_prefix("C-").unwrap_or("").chars();
    if let (Some(c), None) = (rest.next(), rest.next()) {
        return vec![KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)];
    }
    word.chars().map(|c| plain(KeyCode::Char(c))).collect()
}

/// Understands a script: words separated by blanks. `wait:2s` lets 2 s of play time pass, `at:12s`
/// goes to 12 s after the start, anything else are [`keys`].
pub fn parse(script: &str) -> Result<Vec<Step>, ScriptError> {
    let mut steps = Vec::new();
    for word in script.split_whitespace() {
        let time = |text| time_ns(text).ok_or_else(|| ScriptError(text::visible(word).into()));
        if let Some(text) = word.strip_prefix("wait:") {
            steps.push(Step::Wait(time(text)? / 1_000_000));
        } else if let Some(text) = word.strip_prefix("at:") {
            steps.push(Step::At(time(text)?));
        } else {
            steps.extend(keys(word).into_iter().map(Step::Press));
        }
    }
    Ok(steps)
}

/// `5` and `2.5` are seconds; else as jiff reads it: `250ms`, `1m30s`.
fn time_ns(text: &str) -> Option<u64> {
    let seconds = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let with_unit = if seconds { format!("{text}s") } else { text.to_owned() };
    let duration: SignedDuration = with_unit.parse().ok()?;
    u64::try_from(duration.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_keys_and_times() {
        let press = |code, modifiers| Step::Press(KeyEvent::new(code, modifiers));
        let c = |c| press(KeyCode::Char(c), KeyModifiers::NONE);
        let steps = parse("/ ng Enter  C-u at:1.5 wait:250ms C-").unwrap();
        assert_eq!(
            steps,
            [
                c('/'),
                c('n'),
                c('g'),
                press(KeyCode::Enter, KeyModifiers::NONE),
                press(KeyCode::Char('u'), KeyModifiers::CONTROL),
                Step::At(1_500_000_000),
                Step::Wait(250),
                c('C'),
                c('-'),
            ]
        );
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn a_time_that_is_none_is_named() {
        for wrong in ["wait:", "at:soon", "wait:-1s", "at:99999999999999999999s"] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("wait:2s"), "{error}");
        }
    }
}
