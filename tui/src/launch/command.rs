//! `syscope launch`: waits to be watched, then becomes the command.

use crate::invoker::Invoker;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, raise};
use nix::unistd::{AccessFlags, access, getppid};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Exit status for a command that was not found, as shells have it.
const NOT_FOUND: u8 = 127;
/// Exit status for one that cannot be executed.
const NOT_EXECUTABLE: u8 = 126;

/// Why there is no command.
#[derive(Debug, thiserror::Error)]
pub enum BecomeError {
    /// There is no such program.
    #[error("there is no command {}", crate::text::visible(&.0.to_string_lossy()))]
    NotFound(OsString),
    /// It may not be executed, or cannot.
    #[error("cannot execute {}: {error}", crate::text::visible(&command.to_string_lossy()))]
    NotExecutable {
        /// The command.
        command: OsString,
        /// Why.
        error: io::Error,
    },
    /// The privileges of root cannot be given up.
    #[error("cannot become the user who called sudo: {0}")]
    User(String),
    /// Whoever wanted the command is gone, or something else of the system refused.
    #[error("cannot start the command: {0}")]
    System(#[from] io::Error),
}

impl BecomeError {
    /// The exit status.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::NotFound(_) => NOT_FOUND,
            Self::NotExecutable { .. } => NOT_EXECUTABLE,
            Self::User(_) | Self::System(_) => 1,
        }
    }
}

/// Becomes the command, after it was continued by `parent`; returns only when that failed.
pub fn become_command(parent: u32, command: &[OsString]) -> BecomeError {
    match prepare(parent, command) {
        Ok(mut ready) => {
            let (mut error, command) = (ready.exec(), command[0].clone());
            if error.kind() == io::ErrorKind::NotFound {
                // It was there a moment ago.
                error = io::Error::other("the interpreter that it names is not there");
            }
            BecomeError::NotExecutable { command, error }
        }
        Err(error) => error,
    }
}

fn prepare(parent: u32, command: &[OsString]) -> Result<Command, BecomeError> {
    let invoker = Invoker::of_sudo().map_err(BecomeError::User)?;
    if let Some(invoker) = &invoker {
        invoker.become_it().map_err(BecomeError::User)?;
    }
    let (name, arguments) = command.split_first().expect("the command line asks for one");
    let program = find(name)?;
    let mut ready = Command::new(program);
    ready.arg0(name).args(arguments);
    if let Some(invoker) = &invoker {
        ready.envs(invoker.environment());
    }
    // After the change of user, which takes it back. Should syscope end before the command is let go,
    // nobody would ever continue it.
    set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from)?;
    if getppid().as_raw().cast_unsigned() != parent {
        return Err(io::Error::other("nobody waits for it any more").into());
    }
    raise(Signal::SIGSTOP).map_err(io::Error::from)?;
    // From here on it is watched: nothing but what must be done.
    set_pdeathsig(None).map_err(io::Error::from)?;
    Ok(ready)
}

/// The program of this name, as a shell finds it: in the folders of PATH, unless it names a folder
/// itself. That it is there is found out before anything is watched.
fn find(name: &OsStr) -> Result<PathBuf, BecomeError> {
    if name.is_empty() {
        return Err(BecomeError::NotFound(name.to_owned()));
    }
    if name.as_encoded_bytes().contains(&b'/') {
        return runnable(Path::new(name)).map_err(|error| failed(name, error));
    }
    let folders = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let mut refused = None;
    for folder in env::split_paths(&folders) {
        match runnable(&folder.join(name)) {
            Ok(program) => return Ok(program),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                refused.get_or_insert(error);
            }
            Err(_) => {}
        }
    }
    let error = refused.unwrap_or_else(|| io::ErrorKind::NotFound.into());
    Err(failed(name, error))
}

fn runnable(program: &Path) -> io::Result<PathBuf> {
    if program.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    access(program, AccessFlags::X_OK)?;
    Ok(program.to_owned())
}

fn failed(name: &OsStr, error: io::Error) -> BecomeError {
    let command = name.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => BecomeError::NotFound(command),
        _ => BecomeError::NotExecutable { command, error },
    }
}
