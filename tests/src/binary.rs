//! The program under test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The syscope program: `SYSCOPE_BIN` if that is set, else the one of this checkout and build
/// profile, brought up to date first (cargo builds no programs of other packages for a test).
pub fn syscope() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match env::var_os("SYSCOPE_BIN") {
        Some(program) => program.into(),
        None => build(),
    })
}

/// A program of this package, built along with the tests.
pub fn own(name: &str) -> PathBuf {
    profile_dir().join(name)
}

/// The checkout's top folder.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a workspace")
}

fn build() -> PathBuf {
    let profile = profile_dir();
    let target = profile.parent().expect("a profile is in a target folder");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--bin", "syscope", "--target-dir"]).arg(target);
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(name) => {
            command.args(["--profile", name]);
        }
    }
    // Two test programs at once wait for each other on cargo's own lock.
    let status = command.current_dir(checkout()).status().expect("cargo starts");
    assert!(status.success(), "syscope does not build");
    profile.join("syscope")
}

/// `target/<profile>`: tests run from `target/<profile>/deps`.
fn profile_dir() -> PathBuf {
    let test = env::current_exe().expect("a process has a program");
    test.parent().and_then(Path::parent).expect("cargo's layout").to_owned()
}

/// Copies a program, to be started under another name or by somebody else. In a process of its own: a
/// child that another thread starts meanwhile would have the copy open for writing, too, and as long as
/// it has, the copy cannot be started (`ETXTBSY`).
pub fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg(from).arg(to).status().expect("there is a cp");
    assert!(status.success(), "{} cannot be copied to {}", from.display(), to.display());
}
