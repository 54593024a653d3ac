//! The `syscope` program: reads the command line and runs what it says.

use color_eyre::config::HookBuilder;
use color_eyre::eyre::{self, WrapErr};
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use syscope::cli::Cli;
use syscope::{commands, kernel, stderr, symbols, text};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    kernel::share_heap();
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    match prepare(cli.common.log.as_deref()).and_then(|()| commands::run(cli)) {
        Ok(status) => status,
        Err(error) => {
            let said = text::visible(&text::causes(error.as_ref())).replace("\\n", "\n");
            stderr::tell(said);
            ExitCode::FAILURE
        }
    }
}

fn prepare(log: Option<&Path>) -> eyre::Result<()> {
    HookBuilder::default().display_env_section(false).install()?;
    symbols::log_caught_panics();
    kernel::survive_cut_off_files()?;
    if let Some(path) = log {
        start_log(path)?;
    }
    Ok(())
}

/// Writes a log of syscope itself: level `info` and above, unless `RUST_LOG` says otherwise.
fn start_log(path: &Path) -> eyre::Result<()> {
    let file = File::create(path)
        .wrap_err_with(|| format!("cannot write the log to {}", path.display()))?;
    let levels = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(levels).with_ansi(false).with_writer(file).init();
    Ok(())
}
