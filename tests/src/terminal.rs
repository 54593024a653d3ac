//! syscope on a terminal: a pseudo-terminal with an emulator behind it that knows what a person
//! would see.

use crate::binary::syscope;
use crate::wait::poll;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// How long anything may take to appear on screen.
const PATIENCE: Duration = Duration::from_secs(12);

/// What came out of the program.
struct Output {
    emulator: vt100::Parser,
    bytes: Vec<u8>,
}

/// Keys, and what the terminal itself answers.
type Keyboard = Arc<Mutex<Box<dyn Write + Send>>>;

/// A program on a terminal. Dropping it ends it.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keyboard: Keyboard,
    output: Arc<Mutex<Output>>,
    /// The program's side, kept open so that its settings can be asked for after its end.
    tty: File,
    child: Box<dyn Child + Send + Sync>,
    before: Termios,
}

impl Terminal {
    /// `syscope` with these arguments, in a folder, on a terminal of so many columns and rows.
    pub fn start(args: &[&str], cwd: &Path, columns: u16, rows: u16) -> Self {
        let mut command = CommandBuilder::new(syscope());
        command.args(args);
        Self::start_command(command, cwd, columns, rows)
    }

    /// Any command.
    pub fn start_command(mut command: CommandBuilder, cwd: &Path, columns: u16, rows: u16) -> Self {
        command.cwd(cwd);
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a pseudo-terminal");
        let name = pair.master.tty_name().expect("it has a name");
        let tty = File::options().read(true).write(true).open(name).expect("it is ours");
        let before = tcgetattr(&tty).expect("it is a terminal");
        let output = Output {
            emulator: vt100::Parser::new(at_least_one(rows), at_least_one(columns), 1000),
            bytes: Vec::new(),
        };
        let output = Arc::new(Mutex::new(output));
        let reader = pair.master.try_clone_reader().expect("a descriptor is left");
        let keyboard = pair.master.take_writer().expect("it is the first");
        let keyboard = Arc::new(Mutex::new(keyboard));
        let child = pair.slave.spawn_command(command).expect("the program starts");
        read_into(reader, Arc::clone(&output), Arc::clone(&keyboard));
        Self { master: pair.master, keyboard, output, tty, child, before }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        let mut keyboard = self.keyboard.lock().expect("nobody panics with it");
        keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Makes the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        // The emulator first: what the program draws for the new size must meet it.
        self.output().emulator.set_size(at_least_one(rows), at_least_one(columns));
        self.master.resize(size(columns, rows)).expect("a terminal can be resized");
    }

    /// Says that the terminal has another size; the emulator keeps its own.
    pub fn claim_size(&self, columns: u16, rows: u16) {
        self.master.resize(size(columns, rows)).expect("a terminal can be resized");
    }

    /// The screen's text, a row a line.
    pub fn text(&self) -> String {
        let output = self.output();
        let screen = output.emulator.screen();
        let columns = screen.size().1.get();
        screen.rows(0, columns).collect::<Vec<_>>().join("\n")
    }

    /// The screen with its colours, as it is now.
    pub fn screen(&self) -> vt100::Screen {
        self.output().emulator.screen().clone()
    }

    /// Waits until the screen is as it should be.
    ///
    /// # Panics
    ///
    /// With the screen, if it never is.
    pub fn wait_for(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        poll(PATIENCE, || Some(self.text()).filter(|text| is(text)))
            .unwrap_or_else(|| panic!("never on screen: {what}. The screen:\n{}", self.text()))
    }

    /// Waits until a text is on screen.
    pub fn wait_for_text(&self, text: &str) -> String {
        self.wait_for(text, |screen| screen.contains(text))
    }

    /// Whether the emulator shows the alternate screen, that of full-screen programs.
    pub fn on_alternate_screen(&self) -> bool {
        self.output().emulator.screen().alternate_screen()
    }

    /// PID of the program.
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("it was started")
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).expect("it runs");
    }

    /// Waits for the program's end.
    pub fn end(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = poll(PATIENCE, || child.try_wait().expect("it is a child"));
        let status =
            status.unwrap_or_else(|| panic!("it does not end. The screen:\n{}", self.text()));
        // What it wrote last may still be on its way to the emulator.
        thread::sleep(Duration::from_millis(100));
        status
    }

    /// Checks that the terminal is as it was before the program started.
    pub fn assert_restored(&self) {
        self.assert_settings_restored();
        let output = self.output();
        let screen = output.emulator.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was not left");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse");
        assert_eq!(screen.fgcolor(), vt100::Color::Default, "the colour of text");
        // Not only what this emulator understands: the bytes themselves, in this order.
        let [entered, left] = ["\x1b[?1049h", "\x1b[?1049l"].map(|code| last(&output.bytes, code));
        assert!(entered.is_some(), "it never was on the alternate screen");
        assert!(left > entered, "entered at {entered:?}, left at {left:?}");
        let [hidden, shown] = ["\x1b[?25l", "\x1b[?25h"].map(|code| last(&output.bytes, code));
        assert!(shown >= hidden, "cursor hidden at {hidden:?}, shown at {shown:?}");
    }

    /// Checks that the terminal's settings (echo, line by line, …) are as they were before.
    pub fn assert_settings_restored(&self) {
        let after = tcgetattr(&self.tty).expect("it is a terminal");
        assert_eq!(self.before, after, "the terminal's settings");
    }

    /// Whether the terminal hands over lines and echoes, as a shell expects it.
    pub fn is_cooked(&self) -> bool {
        use nix::sys::termios::LocalFlags;
        let now = tcgetattr(&self.tty).expect("it is a terminal");
        now.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO)
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().expect("the reader does not panic")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_into(mut reader: Box<dyn Read + Send>, output: Arc<Mutex<Output>>, keyboard: Keyboard) {
    thread::spawn(move || {
        let mut buffer = [0; 64 * 1024];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            let Ok(mut output) = output.lock() else { break };
            output.emulator.process(&buffer[..count]);
            output.bytes.extend_from_slice(&buffer[..count]);
            // Where the cursor is, a terminal has to answer.
            if last(&buffer[..count], "\x1b[6n").is_some()
                && let Ok(mut keyboard) = keyboard.lock()
            {
                let (row, column) = output.emulator.screen().cursor_position();
                let _ = write!(keyboard, "\x1b[{};{}R", row + 1, column + 1);
            }
        }
    });
}

fn last(bytes: &[u8], code: &str) -> Option<usize> {
    bytes.windows(code.len()).rposition(|window| window == code.as_bytes())
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn at_least_one(length: u16) -> NonZeroU16 {
    NonZeroU16::new(length).expect("a terminal has room")
}
