//! The process that reads symbols: how it starts and ends.

use super::ReaderKind;
use super::layers::folder_prefix;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// How long an answer is waited for: a file on a network that hangs never comes.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// One that runs.
#[derive(Debug)]
pub(super) struct Running {
    /// No other one has it.
    pub(super) number: u64,
    pub(super) socket: UnixStream,
    /// `None` where it is a thread.
    process: Option<Child>,
    pub(super) has_answered: bool,
}

impl Running {
    /// Its PID; 0 where it is a thread.
    pub(super) fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    pub(super) fn start(kind: ReaderKind, number: u64) -> io::Result<Self> {
        let (socket, other) = UnixStream::pair()?;
        socket.set_read_timeout(Some(MAX_WAIT))?;
        socket.set_write_timeout(Some(MAX_WAIT))?;
        let process = match kind {
            ReaderKind::Process => Some(spawn(other)?),
            #[cfg(any(test, fuzzing))]
            ReaderKind::Thread => {
                let thread = thread::Builder::new().name(super::THREAD_NAME.to_owned());
                thread
                    .stack_size(super::STACK)
                    .spawn(move || super::serve::serve(&other, |_| Ok(()), || ()))?;
                None
            }
        };
        Ok(Self { number, socket, process, has_answered: false })
    }

    pub(super) fn end(self) -> Option<ExitStatus> {
        drop(self.socket);
        let mut process = self.process?;
        // It may be ending by itself, and how tells what was too much.
        for _ in 0..20 {
            if let Ok(Some(ended)) = process.try_wait() {
                remove_folders(process.id());
                return Some(ended);
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = process.kill();
        // Where a file hangs, so does it, and nobody waits for that.
        let _ = thread::Builder::new().spawn(move || {
            let _ = process.wait();
            remove_folders(process.id());
        });
        None
    }
}

/// Removes the folders that a reader had, if a file ended it while it had one.
fn remove_folders(pid: u32) {
    let prefix = folder_prefix(pid);
    let folders = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for folder in folders.filter(|it| it.file_name().to_string_lossy().starts_with(&prefix)) {
        // Anybody can make one of this name.
        let is_ours = folder.metadata().is_ok_and(|it| it.is_dir() && it.uid() == own_uid());
        if is_ours {
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }
}

fn own_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// The process; it is in a process group of its own, so that the terminal's Ctrl-C is not for it.
fn spawn(socket: UnixStream) -> io::Result<Child> {
    let mut reader = Command::new("/proc/self/exe");
    reader.arg0("syscope").args(["read-symbols", "--parent", &process::id().to_string()]);
    reader.current_dir("/").process_group(0);
    reader.stdin(OwnedFd::from(socket)).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}
