//! The ways to open a file, one after the other.

use super::truth::Truth;
use crate::raw::{self, Outcome};
use libc::{AT_FDCWD, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY};
use nix::unistd::chdir;
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// How many ways there are.
const WAYS: usize = 17;
/// A name that would play tricks on a terminal.
const HOSTILE: &[u8] = b"esc\x1b[31m\x1b]0;title\x07\nline\tand \xff\xfe bad \xc3\xa4\xe6\x97\xa5";
/// Each rare way is taken once in so many rounds of all ways.
const RARE: usize = 40;

/// Files, directories and descriptors to open things with.
pub struct Families {
    base: PathBuf,
    dir: OwnedFd,
    moving: OwnedFd,
    long: PathBuf,
    nearly_too_long: CString,
    too_long: CString,
    path_file: fs::File,
}

impl Families {
    /// Makes everything that is going to be opened, below `base`.
    pub fn prepare(base: &Path) -> Self {
        let at = |name: &str| base.join(name);
        for dir in ["cwd/sub", "dir", "a/b", "c", "moving-0", "real"] {
            fs::create_dir_all(at(dir)).expect("room for a directory");
        }
        symlink("real", at("link")).expect("room for a link");
        let long = path_of_length(base, 300);
        fs::create_dir_all(long.parent().expect("it is below the base")).expect("room");
        let files = ["plain", "cwd/rel", "cwd/sub/rel", "dir/at", "a/b/same", "c/same", "real/in"];
        let files = files.iter().map(|name| at(name)).chain([
            at("moving-0").join("f"),
            base.join(OsStr::from_bytes(HOSTILE)),
            long.clone(),
        ]);
        files.for_each(|file| fs::write(file, "").expect("room for a file"));
        let path_file = at("path-in-a-file");
        let mapped = c_path(&at("mapped-and-missing"));
        fs::write(&path_file, mapped.as_bytes_with_nul()).expect("room for a file");
        Self {
            dir: fs::File::open(at("dir")).expect("it was made").into(),
            moving: fs::File::open(at("moving-0")).expect("it was made").into(),
            long,
            nearly_too_long: c_path(&path_of_length(base, 4095)),
            too_long: c_path(&path_of_length(base, 5000)),
            path_file: fs::File::open(path_file).expect("it was made"),
            base: base.to_owned(),
        }
    }

    /// The open of this round, recorded.
    pub fn open(&self, round: usize, truth: &mut Truth) {
        let turn = round / WAYS;
        match round % WAYS {
            0 => self.absolute("plain", truth),
            1 => self.absolute(&format!("missing-{turn}"), truth),
            2 => self.in_cwd("cwd", "rel", truth),
            3 => self.in_cwd("cwd", &format!("gone-{turn}"), truth),
            4 => self.in_cwd("cwd", "sub/rel", truth),
            5 => self.in_cwd(["a/b", "c"][turn % 2], "same", truth),
            6 => self.at_dirfd(truth),
            7 => self.at_renamed(turn, truth),
            8 => self.through_link(truth),
            9 => Self::across_mounts(truth),
            10 => self.hostile(truth),
            11 => {
                let outcome = raw::openat(AT_FDCWD, &c_path(&self.long), O_RDONLY, 0);
                truth.record(&self.long, "O_RDONLY", outcome);
            }
            12 => self.created(turn, truth),
            13 => self.openat2(truth),
            14 => self.creat(truth),
            15 => self.plain_open(truth),
            _ => self.rare(turn, truth),
        }
    }

    fn absolute(&self, name: &str, truth: &mut Truth) {
        let path = self.base.join(name);
        let outcome = raw::openat(AT_FDCWD, &c_path(&path), O_RDONLY | O_CLOEXEC, 0);
        truth.record(&path, "O_RDONLY|O_CLOEXEC", outcome);
    }

    fn in_cwd(&self, cwd: &str, name: &str, truth: &mut Truth) {
        let cwd = self.base.join(cwd);
        chdir(&cwd).expect("it was made");
        let outcome = relative(AT_FDCWD, name);
        // What is the working directory later must not matter.
        chdir("/").expect("the root is there");
        truth.record(&cwd.join(name), "O_RDONLY", outcome);
    }

    fn at_dirfd(&self, truth: &mut Truth) {
        let outcome = relative(self.dir.as_raw_fd(), "at");
        truth.record(&self.base.join("dir/at"), "O_RDONLY", outcome);
    }

    /// The descriptor stays, the directory gets another name every time.
    fn at_renamed(&self, turn: usize, truth: &mut Truth) {
        let name = |turn: usize| self.base.join(format!("moving-{turn}"));
        let now = name(turn + 1);
        fs::rename(name(turn), &now).expect("it has that name since the turn before");
        let outcome = relative(self.moving.as_raw_fd(), "f");
        truth.record(&now.join("f"), "O_RDONLY", outcome);
    }

    fn through_link(&self, truth: &mut Truth) {
        chdir(&self.base.join("link")).expect("it was made");
        let outcome = relative(AT_FDCWD, "in");
        truth.record(&self.base.join("real/in"), "O_RDONLY", outcome);
    }

    fn across_mounts(truth: &mut Truth) {
        chdir("/proc/sys").expect("proc is mounted");
        let outcome = relative(AT_FDCWD, "kernel/ostype");
        truth.record(Path::new("/proc/sys/kernel/ostype"), "O_RDONLY", outcome);
    }

    fn hostile(&self, truth: &mut Truth) {
        let path = self.base.join(OsStr::from_bytes(HOSTILE));
        let outcome = raw::openat(AT_FDCWD, &c_path(&path), O_RDWR, 0);
        truth.record(&path, "O_RDWR", outcome);
    }

    fn created(&self, turn: usize, truth: &mut Truth) {
        let path = self.base.join(format!("created-{turn}"));
        let flags = O_CREAT | O_EXCL | O_WRONLY;
        let outcome = raw::openat(AT_FDCWD, &c_path(&path), flags, 0o640);
        truth.record(&path, "O_WRONLY|O_CREAT|O_EXCL", outcome);
        fs::remove_file(&path).expect("it was made");
    }

    fn openat2(&self, truth: &mut Truth) {
        let path = self.base.join("dir");
        let outcome = raw::openat2(AT_FDCWD, &c_path(&path), O_RDONLY | O_DIRECTORY, 0);
        truth.record(&path, "O_RDONLY|O_DIRECTORY", outcome);
    }

    fn creat(&self, truth: &mut Truth) {
        let path = self.base.join("creat");
        let outcome = raw::creat(&c_path(&path), 0o600);
        truth.record(&path, "O_WRONLY|O_CREAT|O_TRUNC", outcome);
    }

    fn plain_open(&self, truth: &mut Truth) {
        let path = self.base.join("plain");
        truth.record(&path, "O_RDONLY", raw::open(&c_path(&path), O_RDONLY));
    }

    /// What would fill the ring if it were done all the time; else as every other.
    fn rare(&self, turn: usize, truth: &mut Truth) {
        let open = |path: &CString| raw::openat(AT_FDCWD, path, O_RDONLY, 0);
        match turn % RARE {
            0 => {
                let path = Path::new(OsStr::from_bytes(self.nearly_too_long.as_bytes()));
                truth.record(path, "O_RDONLY", open(&self.nearly_too_long));
            }
            1 => {
                let cut = &self.too_long.as_bytes()[..4095];
                let cut = String::from_utf8(cut.to_vec()).expect("the base is plain text");
                truth.record_text(cut, "O_RDONLY", open(&self.too_long));
            }
            2 => {
                truth.record_text(String::new(), "O_RDONLY", raw::openat_nowhere(O_RDONLY));
            }
            3 => self.not_in_memory(truth),
            _ => self.absolute("plain", truth),
        }
    }

    /// A path whose page this process has never touched: it can be read only once the kernel has
    /// brought it into memory for the call itself.
    fn not_in_memory(&self, truth: &mut Truth) {
        let path = self.base.join("mapped-and-missing");
        let length = path.as_os_str().len() + 1;
        let mapping = raw::map_untouched(&self.path_file, length);
        let outcome = raw::openat_mapped(mapping, O_RDONLY);
        truth.record(&path, "O_RDONLY", outcome);
    }
}

fn relative(dirfd: i32, name: &str) -> Outcome {
    let name = CString::new(name).expect("no NUL in a name");
    raw::openat(dirfd, &name, O_RDONLY, 0)
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no NUL in a path")
}

/// A path below `base` of exactly this many bytes, in components that a file system takes.
fn path_of_length(base: &Path, bytes: usize) -> PathBuf {
    let mut path = base.as_os_str().as_bytes().to_vec();
    while path.len() < bytes {
        let left = bytes - path.len();
        // Never leaves a single byte, which could only be a slash at the end.
        let name = if left > 202 { 200 } else { left - 1 };
        path.push(b'/');
        path.resize(path.len() + name, b'x');
    }
    PathBuf::from(OsString::from_vec(path))
}
