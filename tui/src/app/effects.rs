//! What the screen does outside of itself.

use super::update::Export;
use crate::flame::export;
use jiff::tz::TimeZone;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};

/// Writes a flame graph as an SVG into a folder; gives its path, or why there is none.
pub fn export(export: &Export, folder: &Path, time_zone: &TimeZone) -> Result<PathBuf, String> {
    let time = jiff::Timestamp::from_nanosecond(i128::from(export.time_ns))
        .map_err(|error| error.to_string())?
        .to_zoned(time_zone.clone());
    let folder =
        std::path::absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
            .map_err(|error| format!("the current folder: {error}"))?;
    let path = free_name(&folder, &export::default_file_name(export.tree.unit, time.datetime()));
    let title = format!("CPU profile of {}", export.subject);
    let subtitle = format!("{} samples until {}", export.tree.total(), time.strftime("%F %T %Z"));
    export::save(&path, |out| export::write_svg(&export.tree, &title, &subtitle, out))
        .map_err(|error| error.to_string())?;
    Ok(path)
}

/// A name that no file has: two exports within a second are two files.
fn free_name(folder: &Path, name: &str) -> PathBuf {
    let stem = name.trim_end_matches(".svg");
    let numbered = (2..1000).map(|number| folder.join(format!("{stem}-{number}.svg")));
    let first = folder.join(name);
    let mut names = std::iter::once(first.clone()).chain(numbered);
    names.find(|path| path.symlink_metadata().is_err()).unwrap_or(first)
}

/// Stops every process of the job, this one included, as Ctrl-Z does.
pub fn stop_job() -> nix::Result<()> {
    kill(Pid::from_raw(0), Signal::SIGTSTP)
}
