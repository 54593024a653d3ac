//! Debug files from a server, for who asks for them (`--debuginfod`): never otherwise, for it tells the
//! server which programs run here.
//!
//! They are fetched by `debuginfod-find` of elfutils, which distributions have and keep up to date: it
//! has the cache that gdb and others share, proxies, the checks of certificates and, in later versions,
//! of signatures. A client of our own would bring some thirty crates, and TLS into a program of root;
//! this one runs as the user who called sudo.

use super::queue::Shared;
use super::reader::is_debug_file;
use crate::invoker::Invoker;
use std::env;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Name of the thread.
pub(super) const THREAD_NAME: &str = "debuginfod";
/// The variable that lists the servers, as all clients have it.
const URLS: &str = "DEBUGINFOD_URLS";
/// The client.
const PROGRAM: &str = "debuginfod-find";
/// Bytes of the path that it prints.
const MAX_PATH: u64 = 4_096;
/// How often it is looked after.
const PAUSE: Duration = Duration::from_millis(20);

/// How to fetch debug files.
#[derive(Clone, Debug)]
pub struct Debuginfod {
    program: PathBuf,
    /// Servers, and what else differs from our environment.
    environment: Vec<(OsString, OsString)>,
    limits: Limits,
}

/// What fetching may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Time for one file.
    pub(super) file: Duration,
    /// Time for all of them.
    pub(super) total: Duration,
    /// Bytes of one, as the server says.
    pub(super) bytes: u64,
}

const LIMITS: Limits =
    Limits { file: Duration::from_secs(90), total: Duration::from_secs(600), bytes: 2 << 30 };

impl Debuginfod {
    /// As the environment says; otherwise, why nothing can be fetched.
    pub fn from_environment() -> Result<Self, String> {
        if env::var_os(URLS).is_none_or(|urls| urls.is_empty()) {
            let sudo = "sudo takes it away: sudo --preserve-env=DEBUGINFOD_URLS syscope ...";
            return Err(format!("--debuginfod needs the servers in {URLS} ({sudo})"));
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let program = env::split_paths(&path).map(|folder| folder.join(PROGRAM));
        let program = program.into_iter().find(|program| program.is_file());
        let program = program.ok_or_else(|| {
            format!("--debuginfod needs {PROGRAM} (Debian: apt install debuginfod)")
        })?;
        Ok(Self { program, environment: Vec::new(), limits: LIMITS })
    }

    #[cfg(test)]
    pub(super) fn with(program: PathBuf, environment: &[(&str, &str)], limits: Limits) -> Self {
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        Self { program, environment: environment.collect(), limits }
    }

    /// The file for a build id; `None` where no server has it within the time.
    fn fetch(&self, build_id: &str, left: Duration, shared: &Shared) -> Option<PathBuf> {
        let until = Instant::now() + self.limits.file.min(left);
        let mut client = self.start(build_id).ok()?;
        let status = loop {
            match client.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < until && !shared.is_stopped() => sleep(PAUSE),
                _ => break None,
            }
        };
        if !status.is_some_and(|status| status.success()) {
            let _ = client.kill();
            let _ = client.wait();
            tracing::info!(build_id, "no debug file was fetched");
            return None;
        }
        let mut path = Vec::new();
        client.stdout.take()?.take(MAX_PATH).read_to_end(&mut path).ok()?;
        let path = PathBuf::from(OsString::from_vec(path.trim_ascii_end().to_vec()));
        is_debug_file(&path, build_id).then_some(path)
    }

    fn start(&self, build_id: &str) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        if let Some(invoker) = Invoker::of_sudo().map_err(io::Error::other)? {
            invoker.runs(&mut command);
        }
        // The user may want less; what takes longer is ended.
        for (name, limit) in [
            ("DEBUGINFOD_TIMEOUT", self.limits.file.as_secs().max(1)),
            ("DEBUGINFOD_MAXTIME", self.limits.file.as_secs().max(1)),
            ("DEBUGINFOD_MAXSIZE", self.limits.bytes),
        ] {
            if env::var_os(name).is_none() {
                command.env(name, limit.to_string());
            }
        }
        command.env_remove("DEBUGINFOD_PROGRESS").env_remove("DEBUGINFOD_VERBOSE");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["debuginfo", build_id]).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
    }
}

/// Whom to ask for files: the thread that fetches them.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) sender: SyncSender<Arc<str>>,
    pub(super) shared: Arc<Shared>,
}

impl Wanted {
    /// Asks for the file of a build id, unless too many wait already.
    pub(super) fn ask(&self, build_id: &Arc<str>) -> bool {
        self.shared.fetch_began();
        let asked = self.sender.try_send(Arc::clone(build_id)).is_ok();
        if !asked {
            self.shared.fetches_told(1);
        }
        asked
    }
}

/// Works until nobody wants a file any more.
pub(super) fn run(how: &Debuginfod, wanted: &Receiver<Arc<str>>, shared: &Shared) {
    let mut left = how.limits.total;
    for build_id in wanted {
        let began = Instant::now();
        let path = if left.is_zero() || shared.is_stopped() {
            None
        } else {
            how.fetch(&build_id, left, shared)
        };
        left = left.saturating_sub(began.elapsed());
        shared.fetched(build_id, path);
    }
}
