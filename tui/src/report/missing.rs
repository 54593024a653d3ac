//! What is missing in the capture that a report is made from.

use crate::capture::Capture;
use crate::history::Losses;
use crate::text::{bytes, count};
use serde::Serialize;
use std::fmt::{self, Display};

/// What is missing in a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// It was ended in an orderly way: nothing is missing behind its end.
    pub complete: bool,
    /// Bytes at its end that are no whole frame.
    pub cut_bytes: u64,
    /// Stretches that cannot be read.
    pub damaged: u64,
    /// Bytes of those.
    pub damaged_bytes: u64,
    /// Batches that are there and cannot be read.
    pub damaged_batches: u64,
    /// Names and stacks that were in what is missing.
    pub unknown: u64,
    /// File opens and other entries that the recording left out: their batches were too large.
    pub left_out: u64,
}

impl Missing {
    /// What is missing, with what was lost on the way to a model; `None` when all is there.
    pub fn of(capture: &Capture, losses: &Losses) -> Option<Self> {
        let missing = Self {
            complete: capture.complete,
            cut_bytes: capture.cut_bytes,
            damaged: capture.damaged + losses.frames,
            damaged_bytes: capture.damaged_bytes,
            damaged_batches: losses.batches,
            unknown: losses.unknown,
            left_out: capture.left_out(),
        };
        (missing != Self { complete: true, ..Self::default() }).then_some(missing)
    }
}

impl Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.complete {
            let cut = match self.cut_bytes {
                0 => String::new(),
                n => format!(", in the middle of a frame ({})", bytes(n)),
            };
            parts.push(format!("it was cut off at its end{cut}"));
        } else if self.cut_bytes > 0 {
            parts.push(format!("{} at its end are not understood", bytes(self.cut_bytes)));
        }
        if self.damaged > 0 {
            let bytes = match self.damaged_bytes {
                0 => String::new(),
                n => format!(" ({})", bytes(n)),
            };
            parts.push(format!("damaged places: {}{bytes}", count(self.damaged)));
        }
        if self.damaged_batches > 0 {
            parts.push(format!("batches in them: {}", count(self.damaged_batches)));
        }
        if self.unknown > 0 {
            parts.push(format!("names and stacks that were told there: {}", count(self.unknown)));
        }
        if self.left_out > 0 {
            let left_out = count(self.left_out);
            parts.push(format!("left out when it was recorded, for it was too much: {left_out}"));
        }
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_missing() {
        let whole = Missing { complete: true, ..Missing::default() };
        for (missing, text) in [
            (Missing { complete: false, ..whole }, "it was cut off at its end"),
            (
                Missing { complete: false, cut_bytes: 812, ..whole },
                "it was cut off at its end, in the middle of a frame (812 B)",
            ),
            (
                Missing { damaged: 2, damaged_bytes: 812, damaged_batches: 4, unknown: 1, ..whole },
                "damaged places: 2 (812 B); batches in them: 4; names and stacks that were told \
                 there: 1",
            ),
            (
                Missing { left_out: 7, ..whole },
                "left out when it was recorded, for it was too much: 7",
            ),
        ] {
            assert_eq!(missing.to_string(), text);
        }
    }
}
