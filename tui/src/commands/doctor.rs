//! `syscope doctor`.

use super::{HEADLESS_INTERVAL, print, refused};
use crate::cli::DoctorArgs;
use crate::filter::Filter;
use crate::kernel::Wanted;
use crate::source::Health;
use crate::source::live;
use crate::{doctor, headless, report};
use color_eyre::eyre::{self, bail};
use std::process::ExitCode;
use std::time::Duration;

/// Says what can run here; and, where it is to watch, what that cost.
pub fn run(args: &DoctorArgs) -> eyre::Result<ExitCode> {
    let found = doctor::check();
    let health = args.watch.map(watched).transpose()?;
    let text = if args.json {
        let mut document = found.to_json();
        if let Some(health) = &health {
            document["health"] = report::health_json(health)?;
        }
        format!("{document:#}\n")
    } else {
        let watched = health.as_ref().map(report::health_text);
        found.to_text() + &watched.unwrap_or_default()
    };
    print(|out| out.write_all(text.as_bytes()))?;
    Ok(ExitCode::from(found.exit_code()))
}

/// Watches everything for a while, only to see what that costs.
fn watched(duration: Duration) -> eyre::Result<Health> {
    if let Some(refusal) = doctor::privilege_error() {
        bail!(refusal);
    }
    let options = live::Options {
        wanted: Wanted::PANES,
        interval: HEADLESS_INTERVAL,
        frequency_hz: 99,
        include_self: false,
        filter: Filter::default(),
        budget: None,
        debuginfod: None,
    };
    match headless::watch(&options, duration, true, None) {
        Ok(watch) => Ok(watch.model.health),
        Err(headless::WatchError::Start(error)) => Err(refused(error)),
        Err(error) => Err(error.into()),
    }
}
