//! Which pictures there are, and the keys that lead to them.

use crate::picture;
use crate::theme::Theme;
use std::process::Command;
use syscope_tests::binary::syscope;

/// A picture.
pub struct Shot {
    /// Its file, without the ending.
    pub name: &'static str,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Where in the capture it begins.
    pub at: &'static str,
    /// The keys that are pressed there.
    pub keys: &'static str,
    /// The terminal's colours.
    pub theme: Theme,
    /// It is also drawn as PNG.
    pub png: bool,
}

/// Name of what `syscope flame` writes.
pub const FLAME: &str = "flame";

/// All pictures of the screen.
pub const SHOTS: &[Shot] = &[];

/// Makes pictures of a capture.
pub struct Studio {
    capture: String,
    /// As `syscope --version` says it.
    version: String,
}

impl Studio {
    /// Pictures of the capture in this file.
    pub fn new(capture: &str) -> Self {
        let version = Command::new(syscope()).arg("--version").output().expect("syscope starts");
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        Self { capture: capture.to_owned(), version }
    }

    /// A picture of the screen.
    pub fn svg(&self, shot: &Shot) -> Result<String, String> {
        let (columns, rows) = shot.size;
        let size = format!("{columns}x{rows}");
        let screen = output(&[
            "replay",
            &self.capture,
            "--at",
            shot.at,
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
        output(&["flame", "--quiet", "--from", &self.capture, "-o", "-"])
    }
}

/// What syscope prints, told with which colours and times a machine's user has them nothing.
fn output(args: &[&str]) -> Result<String, String> {
    let mut command = Command::new(syscope());
    command.args(args).env_clear().env("TZ", "UTC").env("TERM", "xterm-256color");
    let output = command.output().map_err(|error| format!("syscope does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "syscope {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
