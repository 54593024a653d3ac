//! What the screen does outside of itself.

use crate::app::exporting::Export;
use crate::flame::export;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};

/// Writes a flame graph as an SVG into a folder; gives its path, or why there is none.
pub fn export(export: &Export, folder: &Path, time_zone: &TimeZone) -> Result<PathBuf, String> {
    let time = real_time(export.time_ns, time_zone)?;
    let name = export::default_file_name(export.tree.measure, time.datetime());
    let path = free_name(&absolute(folder)?, &name);
    let title = format!("{} of {}", export.tree.measure.title(), export.subject);
    let until = time.strftime("%F %T %Z");
    let subtitle = match export.since_ns {
        None => format!("until {until}"),
        Some(since) => format!("{} to {until}", real_time(since, time_zone)?.strftime("%F %T")),
    };
    export::save(&path, |out| export::write_svg(&export.tree, &title, &subtitle, out))
        .map_err(|error| error.to_string())?;
    Ok(path)
}

fn real_time(ns: i64, time_zone: &TimeZone) -> Result<Zoned, String> {
    let time = Timestamp::from_nanosecond(i128::from(ns)).map_err(|error| error.to_string())?;
    Ok(time.to_zoned(time_zone.clone()))
}

/// A new file's path for a capture of a host, at a time in ns since the Unix epoch.
pub fn capture_path(
    folder: &Path,
    host: &str,
    time_ns: i64,
    time_zone: &TimeZone,
) -> Result<PathBuf, String> {
    let time = real_time(time_ns, time_zone)?.strftime("%Y%m%d-%H%M%S").to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let host: String = host.chars().filter(|c| plain(*c)).take(64).collect();
    let parts = ["syscope", &host, &time];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Ok(free_name(&absolute(folder)?, &format!("{}.syscope", parts.join("-"))))
}

fn absolute(folder: &Path) -> Result<PathBuf, String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::path::absolute(folder).map_err(|error| format!("the current folder: {error}"))
}

/// A name that no file has: two files within a second are two files.
fn free_name(folder: &Path, name: &str) -> PathBuf {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let numbered = (2..1000).map(|number| folder.join(format!("{stem}-{number}.{extension}")));
    let first = folder.join(name);
    let mut names = std::iter::once(first.clone()).chain(numbered);
    names.find(|path| path.symlink_metadata().is_err()).unwrap_or(first)
}

/// Stops every process of the job, this one included, as Ctrl-Z does.
pub fn stop_job() -> nix::Result<()> {
    kill(Pid::from_raw(0), Signal::SIGTSTP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flame::Measure;
    use crate::flame::tests::tree;

    #[test]
    fn two_exports_within_a_second_are_two_files() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(Measure::Cpu, &[(7, "web", &["main", "serve"], 5)]);
        let write = |subject: &str| {
            let (tree, subject) = (tree.clone().into(), subject.to_owned());
            let wanted = Export {
                tree,
                subject,
                since_ns: None,
                time_ns: 1_767_323_045_000_000_000,
                process: None,
            };
            export(&wanted, folder.path(), &TimeZone::UTC).unwrap()
        };
        let (first, second) = (write("web (7)"), write("all processes"));
        assert!(first.ends_with("syscope-cpu-20260102-030405.svg"), "{first:?}");
        assert!(second.ends_with("syscope-cpu-20260102-030405-2.svg"), "{second:?}");
        let svg = std::fs::read_to_string(&first).unwrap();
        assert!(svg.contains("CPU profile of web (7)"));
        assert!(svg.contains("5 samples · until 2026-01-02 03:04:05 UTC"));
    }

    #[test]
    fn off_cpu_time_has_a_name_and_a_title_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(Measure::OffCpu, &[(7, "web", &["main", "read"], 5_000_000)]).into();
        let subject = "web (7)".to_owned();
        let wanted = Export {
            tree,
            subject,
            since_ns: None,
            time_ns: 1_767_323_045_000_000_000,
            process: None,
        };
        let path = export(&wanted, folder.path(), &TimeZone::UTC).unwrap();
        assert!(path.ends_with("syscope-offcpu-20260102-030405.svg"), "{path:?}");
        assert!(std::fs::read_to_string(&path).unwrap().contains("Off-CPU time of web (7)"));
    }

    #[test]
    fn a_capture_is_named_after_its_host_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = |host| {
            capture_path(folder.path(), host, 1_767_323_045_000_000_000, &TimeZone::UTC).unwrap()
        };
        let first = path("web1.example");
        assert!(first.ends_with("syscope-web1.example-20260102-030405.syscope"), "{first:?}");
        std::fs::write(&first, "").unwrap();
        let second = path("web1.example");
        assert!(second.ends_with("syscope-web1.example-20260102-030405-2.syscope"), "{second:?}");
        let hostile = path("../\u{1b}[2J /");
        assert!(hostile.ends_with("syscope-..2J-20260102-030405.syscope"), "{hostile:?}");
        assert!(path("").ends_with("syscope-20260102-030405.syscope"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let tree = tree(Measure::Cpu, &[(7, "web", &["main"], 5)]);
        let subject = String::new();
        let wanted =
            Export { tree: tree.into(), subject, since_ns: None, time_ns: 0, process: None };
        let reason = export(&wanted, Path::new("/nonexistent/x"), &TimeZone::UTC).unwrap_err();
        assert!(reason.contains("/nonexistent/x"), "{reason}");
    }
}
