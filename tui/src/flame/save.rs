//! Files that are never half written.

use super::export::Error;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Where a file's bytes go.
enum Target {
    /// Into a file beside this one, which then takes its place.
    Replace {
        path: PathBuf,
        /// Those of the file that is replaced.
        permissions: Option<Permissions>,
    },
    /// A device or a pipe: into it, for it cannot be replaced.
    Into(PathBuf),
}

/// Writes a file: beside it first, so that a file of that name is replaced whole or not at all. A
/// symbolic link stays one. New files get the permissions that the umask leaves.
pub fn save(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<(), Error> {
    let named = |source| Error::File { path: path.to_owned(), source };
    let result = match target(path).map_err(named)? {
        Target::Into(device) => {
            let file = OpenOptions::new().write(true).open(device).map_err(named)?;
            write_to(file, write).map(drop)
        }
        Target::Replace { path: target, permissions } => {
            let file = beside(&target).map_err(named)?;
            write_to(file, write).and_then(|file| {
                if let Some(permissions) = permissions {
                    file.as_file().set_permissions(permissions)?;
                }
                file.persist(&target).map_err(|e| e.error)?;
                Ok(())
            })
        }
    };
    result.map_err(|error| match error {
        Error::Write(source) => named(source),
        other => other,
    })
}

/// Finds out whether a file could be saved, and leaves nothing behind.
pub fn check(path: &Path) -> Result<(), Error> {
    let result = match target(path) {
        Ok(Target::Replace { path, .. }) => beside(&path).map(drop),
        Ok(Target::Into(device)) => OpenOptions::new().write(true).open(device).map(drop),
        Err(error) => Err(error),
    };
    result.map_err(|source| Error::File { path: path.to_owned(), source })
}

fn write_to<W: Write>(
    file: W,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<W, Error> {
    let mut buffer = BufWriter::new(file);
    write(&mut buffer)?;
    Ok(buffer.into_inner().map_err(io::IntoInnerError::into_error)?)
}

fn target(path: &Path) -> io::Result<Target> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        // To open a pipe waits for its reader, for ever if none comes.
        Ok(found) if found.file_type().is_fifo() || found.file_type().is_socket() => {
            Err(io::Error::other("it is a pipe or a socket: write to standard output with `-o -`"))
        }
        // Renaming over /dev/null would break the machine; over a link such as /dev/stdout, too.
        Ok(found) if !found.is_file() => Ok(Target::Into(path.to_owned())),
        Ok(found) => {
            let permissions = Some(found.permissions());
            Ok(Target::Replace { path: fs::canonicalize(path)?, permissions })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.file_name() {
            Some(_) => Ok(Target::Replace { path: path.to_owned(), permissions: None }),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // tempfile's message would name the temporary file, which nobody has heard of.
    let mut errno = None;
    let file = tempfile::Builder::new().prefix(".syscope-").make_in(folder, |path| {
        // The kernel takes the umask's bits off.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o666).open(path);
        file.inspect_err(|error| errno = error.raw_os_error())
    });
    file.map_err(|error| errno.map_or(error, io::Error::from_raw_os_error))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::fs::{PermissionsExt, symlink};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn umask() -> u32 {
        let status = procfs::process::Process::myself().unwrap().status().unwrap();
        status.umask.unwrap()
    }

    #[test]
    fn a_file_is_made_with_the_umasks_permissions_and_replaced_with_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.svg");
        save(&path, |out| Ok(out.write_all(b"first")?)).unwrap();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(), 0o666 & !umask());
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        check(&path).unwrap();
        save(&path, |out| Ok(out.write_all(b"second")?)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(mode(), 0o640);
        assert_eq!(names(folder.path()), ["out.svg"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_whole_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.svg");
        fs::write(&path, "old").unwrap();
        let error = save(&path, |out| {
            out.write_all(&[b'x'; 100_000])?;
            Err(io::Error::other("disk on fire").into())
        });
        let text = error.unwrap_err().to_string();
        assert_eq!(text, format!("cannot write {}: disk on fire", path.display()));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let empty = save(&path, |_| Err(Error::NoSamples)).unwrap_err();
        assert!(matches!(empty, Error::NoSamples));
        assert_eq!(names(folder.path()), ["out.svg"]);
    }

    #[test]
    fn what_cannot_be_written_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/such/out.svg");
        for (path, reason) in
            [(missing.as_path(), "No such file or directory"), (folder.path(), "is a directory")]
        {
            let text = check(path).unwrap_err().to_string();
            assert!(text.starts_with(&format!("cannot write {}: ", path.display())), "{text}");
            assert!(text.contains(reason), "{text}");
            assert_eq!(save(path, |_| Ok(())).unwrap_err().to_string(), text);
        }
        assert!(save(Path::new(""), |_| Ok(())).is_err());
    }

    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.svg"), folder.path().join("link.svg"));
        fs::write(&real, "old").unwrap();
        symlink(&real, &link).unwrap();
        save(&link, |out| Ok(out.write_all(b"new")?)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        let device = folder.path().join("null");
        symlink("/dev/null", &device).unwrap();
        save(&device, |out| Ok(out.write_all(b"gone")?)).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(fs::symlink_metadata(&device).unwrap().is_symlink());
    }

    #[test]
    fn a_pipe_without_a_reader_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.svg");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = check(&pipe).unwrap_err().to_string();
        assert!(error.contains("-o -"), "{error}");
        assert!(save(&pipe, |_| Ok(())).is_err());
    }
}
