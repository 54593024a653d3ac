//! Which pictures there are, and the keys that lead to them.

use crate::palette::{DARK, LIGHT, Palette};
use crate::svg::svg;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use syscope_tests::binary::syscope;
use syscope_tests::terminal::Terminal;

const ENTER: &str = "\r";
const ESC: &str = "\x1b";

/// How long syscope watches before the first picture: rates need some seconds to settle.
const SETTLE: Duration = Duration::from_secs(6);
/// How long a key may take to show on a busy machine: a few frames.
const FRAMES: Duration = Duration::from_millis(1500);

/// Where pictures are made.
pub struct Studio {
    folder: PathBuf,
    /// PID of the load, the root of all that may be shown.
    load: String,
    /// As `syscope --version` says it.
    version: String,
    /// The end of the kernel's name after its version: who built it is nobody's business.
    kernel_build: String,
}

impl Studio {
    /// Pictures of the process with this PID and its descendants, into a folder.
    pub fn new(folder: PathBuf, load: &str) -> Self {
        let version = Command::new(syscope()).arg("--version").output().expect("syscope starts");
        let version = String::from_utf8(version.stdout).expect("plain text").trim().to_owned();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").expect("it has a name");
        let kernel_build =
            kernel.trim().trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        Self { folder, load: load.to_owned(), version, kernel_build: kernel_build.to_owned() }
    }

    /// All four panes, in three sizes and on both backgrounds.
    pub fn overviews(&self) {
        let mut terminal = self.start(120, 40);
        self.picture(&terminal, "overview", &DARK);
        self.picture(&terminal, "overview-light", &LIGHT);
        terminal.resize(200, 60);
        sleep(FRAMES);
        self.picture(&terminal, "overview-200x60", &DARK);
        terminal.press("q");
        terminal.end();
    }

    /// What an 80×24 terminal shows.
    pub fn small(&self) {
        let mut terminal = self.start(80, 24);
        self.picture(&terminal, "overview-80x24", &DARK);
        terminal.press(&format!("1g{ENTER}"));
        sleep(FRAMES);
        self.picture(&terminal, "process-80x24", &DARK);
        terminal.press("q");
        terminal.end();
    }

    /// Everything about one process.
    pub fn process(&self) {
        let mut terminal = self.start(120, 40);
        terminal.press(&format!("/redis-server{ENTER}"));
        sleep(FRAMES);
        terminal.press(&format!("1g{ENTER}"));
        sleep(FRAMES);
        self.picture(&terminal, "process", &DARK);
        terminal.press("q");
        terminal.end();
    }

    /// The flame graph alone, zoomed into a function, and as a list of functions.
    pub fn flame(&self) {
        let mut terminal = self.start(120, 40);
        terminal.press("4z");
        sleep(FRAMES);
        self.picture(&terminal, "flame-graph", &DARK);
        self.picture(&terminal, "flame-graph-light", &LIGHT);
        terminal.press(&format!("\\index_folder{ENTER}"));
        sleep(FRAMES);
        terminal.press(ENTER);
        sleep(FRAMES);
        self.picture(&terminal, "flame-zoomed", &DARK);
        terminal.press(&format!("{ESC}t"));
        sleep(FRAMES);
        self.picture(&terminal, "functions", &DARK);
        terminal.press("q");
        terminal.end();
    }

    /// A filter while it is typed, and the pages: help, health.
    pub fn filter_and_pages(&self) {
        let mut terminal = self.start(120, 40);
        terminal.press("/(comm:redis* or python)");
        sleep(FRAMES);
        self.picture(&terminal, "filter", &DARK);
        terminal.press(&format!("{ENTER}?"));
        sleep(FRAMES);
        self.picture(&terminal, "help", &DARK);
        terminal.press(&format!("{ESC}i"));
        sleep(FRAMES);
        self.picture(&terminal, "health", &DARK);
        terminal.press("q");
        terminal.end();
    }

    fn start(&self, columns: u16, rows: u16) -> Terminal {
        let args = ["-p", &self.load, "--follow-forks"];
        let terminal = Terminal::start(&args, &self.folder, columns, rows);
        terminal.wait_for_text("Syscalls");
        sleep(SETTLE);
        terminal
    }

    fn picture(&self, terminal: &Terminal, name: &str, palette: &Palette) {
        let screen = terminal.screen();
        let (rows, columns) = screen.size();
        let title = format!("{}, {name}, {columns}×{rows}, {}", self.version, palette.name);
        let svg = svg(&screen, palette, &title, &self.kernel_build);
        let path = self.folder.join(format!("{name}.svg"));
        fs::write(&path, svg).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        println!("{}", path.display());
    }
}
