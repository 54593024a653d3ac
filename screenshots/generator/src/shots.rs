//! Which pictures there are, and the keys that lead to them.

use crate::picture;
use crate::theme::Theme;
use std::process::Command;

/// A picture.
pub struct Shot {
    /// Its file, without the ending.
    pub name: &'static str,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The keys that are pressed, as `syscope replay --keys` takes them: words between blanks.
    /// `at:72s` goes there in the recording.
    pub keys: &'static str,
    /// The terminal's colours.
    pub theme: Theme,
    /// It is also drawn as PNG.
    pub png: bool,
}

/// Name of what `syscope flame` writes.
pub const FLAME: &str = "flame";
/// What it shows: the compiler's stacks are deep, and the picture is to stay small.
const FLAME_OF: &str = "comm:sessiond or comm:ticketd or comm:ledger or comm:python3";

const WIDE: (u16, u16) = (120, 40);
const SMALL: (u16, u16) = (80, 24);

// The phases of the recording, as marked ranges. They fit `assets/demo.syscope` as it is: look at the
// timeline after recording it anew.
macro_rules! compiler {
    ($keys:literal) => {
        concat!("at:21s [ at:36.25s ] ", $keys)
    };
}
macro_rules! lock {
    ($keys:literal) => {
        concat!("at:45s [ at:60s ] ", $keys)
    };
}
macro_rules! disk {
    ($keys:literal) => {
        concat!("at:68s [ at:82s ] ", $keys)
    };
}

const fn shot(name: &'static str, keys: &'static str) -> Shot {
    Shot { name, size: WIDE, keys, theme: Theme::Dark, png: false }
}

/// All pictures of the screen.
#[rustfmt::skip]
pub const SHOTS: &[Shot] = &[
    Shot { png: true, ..shot("overview", disk!("")) },
    Shot { theme: Theme::Light, ..shot("overview-light", disk!("")) },
    Shot { size: (200, 60), ..shot("overview-200x60", disk!("")) },
    Shot { size: SMALL, ..shot("overview-80x24", disk!("")) },
    shot("timeline", compiler!("2")),
    Shot { png: true, ..shot("process", lock!("3 / ticketd Enter g Enter")) },
    Shot { size: SMALL, ..shot("process-80x24", lock!("3 / ticketd Enter g Enter")) },
    Shot { png: true, ..shot("flame-graph", "/ sessiond Space or Space ticketd Space or Space ledger Enter 4 z") },
    Shot { theme: Theme::Light, ..shot("flame-graph-light", "/ sessiond Space or Space ticketd Space or Space ledger Enter 4 z") },
    shot("flame-zoomed", "/ ledger Enter 4 z \\ fsync Enter Enter"),
    shot("functions", "4 z t"),
    shot("failed-opens", compiler!("2 x z")),
    shot("filter", compiler!("/ (cc1 Space or Space make)")),
    shot("help", "?"),
    shot("health", "i"),
];

/// Makes pictures of a capture.
pub struct Studio {
    syscope: String,
    capture: String,
    /// As `syscope --version` says it.
    version: String,
}

impl Studio {
    /// Pictures that this program makes of this capture.
    pub fn new(syscope: &str, capture: &str) -> Result<Self, String> {
        let version = output(syscope, &["--version"])?.trim().to_owned();
        Ok(Self { syscope: syscope.to_owned(), capture: capture.to_owned(), version })
    }

    /// A picture of the screen.
    pub fn svg(&self, shot: &Shot) -> Result<String, String> {
        let (columns, rows) = shot.size;
        let size = format!("{columns}x{rows}");
        let screen = self.output(&[
            "replay",
            &self.capture,
            "--keys",
            shot.keys,
            "--size",
            &size,
            "--color",
            "always",
        ])?;
        let title = format!("{}, {}, {size}, {}", self.version, shot.name, shot.theme.name());
        picture::svg(&screen, columns, shot.theme, &title)
            .map_err(|error| format!("{}: {error}", shot.name))
    }

    /// A flame graph to search and zoom in a browser.
    pub fn flame(&self) -> Result<String, String> {
        self.output(&["flame", "--quiet", "--from", &self.capture, "--filter", FLAME_OF, "-o", "-"])
    }

    fn output(&self, args: &[&str]) -> Result<String, String> {
        output(&self.syscope, args)
    }
}

/// What syscope prints. Nothing of who calls it, and where, is in its environment.
fn output(syscope: &str, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new(syscope);
    command.args(args).env_clear().env("TZ", "UTC").env("TERM", "xterm-256color");
    let output = command.output().map_err(|error| format!("{syscope} does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "syscope {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
