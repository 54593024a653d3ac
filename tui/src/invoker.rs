//! The user who called sudo.

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgid, setgroups, setuid};
use std::env;
use std::ffi::{CString, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

/// The user who called sudo: a command that needs no privilege must not get root's.
#[derive(Debug)]
pub struct Invoker {
    uid: Uid,
    gid: Gid,
    /// Name and home folder; not every user is in the list of users.
    named: Option<(String, PathBuf)>,
}

impl Invoker {
    /// The user who called sudo, as sudo says; `None` without sudo, or when that was root. What sudo
    /// says and cannot be understood is an error: to go on as root would be worse.
    pub fn of_sudo() -> Result<Option<Self>, String> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let Some(uid) = number("SUDO_UID")? else { return Ok(None) };
        if uid == 0 {
            return Ok(None);
        }
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let gid = match number("SUDO_GID")? {
            Some(gid) => Gid::from_raw(gid),
            None => user.as_ref().map(|user| user.gid).ok_or("SUDO_GID is not set")?,
        };
        let named = user.map(|user| (user.name, user.dir));
        Ok(Some(Self { uid: Uid::from_raw(uid), gid, named }))
    }

    /// Makes a file this user's: one that is for its owner alone is of no use to a user as root's.
    pub fn give(&self, file: &File) -> io::Result<()> {
        fchown(file, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
    }

    /// Gives up the privileges of root for those of this user, for good.
    pub fn become_it(&self) -> Result<(), String> {
        match self.named.as_ref().and_then(|(name, _)| CString::new(name.as_str()).ok()) {
            Some(name) => initgroups(&name, self.gid).map_err(refused("initgroups"))?,
            None => setgroups(&[self.gid]).map_err(refused("setgroups"))?,
        }
        setgid(self.gid).map_err(refused("setgid"))?;
        setuid(self.uid).map_err(refused("setuid"))
    }

    /// Has a command run with this user's privileges, and in no group but the user's own.
    pub fn runs(&self, command: &mut Command) {
        command.uid(self.uid.as_raw()).gid(self.gid.as_raw()).envs(self.environment());
    }

    /// What the environment says of the user: sudo has put root there.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let Some((name, home)) = &self.named else { return Vec::new() };
        vec![("HOME", home.into()), ("USER", name.into()), ("LOGNAME", name.into())]
    }
}

/// Creates a file that must not exist yet, for its owner alone: the user who called sudo, or else this
/// one. Where it cannot be given away it stays root's.
pub fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if let Ok(Some(invoker)) = Invoker::of_sudo()
        && let Err(error) = invoker.give(&file)
    {
        tracing::warn!(%error, path = %path.display(), "the file stays root's");
    }
    Ok(file)
}

fn refused(call: &'static str) -> impl Fn(Errno) -> String {
    move |errno| format!("{call}: {}", errno.desc())
}

fn number(variable: &str) -> Result<Option<u32>, String> {
    let Some(value) = env::var_os(variable) else { return Ok(None) };
    let number = value.to_str().and_then(|text| u32::from_str(text).ok());
    number.map(Some).ok_or_else(|| format!("{variable} is no number: {}", value.display()))
}
