//! Options of `replay` and `demo`.

use super::moment::Moment;
use super::values;
use crate::filter::Filter;
use clap::Args;
use std::path::PathBuf;

/// Options of `replay`.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// The capture, as `syscope record` writes it.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How it is shown.
    #[command(flatten)]
    pub screen: ReplayScreenArgs,
}

/// Options of `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// How it is shown.
    #[command(flatten)]
    pub screen: ReplayScreenArgs,
}

/// How a capture is shown.
#[derive(Args, Clone, Debug)]
pub struct ReplayScreenArgs {
    /// How fast time passes, 0.1 to 100.
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::speed)]
    pub speed: f64,
    /// Start here: time since the capture's start (12s, 1m30s, 01:30) or time of day (12:03:10).
    #[arg(long, value_name = "TIME", value_parser = values::moment)]
    pub at: Option<Moment>,
    /// Show what this filter accepts (see "Filter" in `syscope --help`).
    #[arg(long, value_name = "FILTER", value_parser = values::filter)]
    pub filter: Option<Filter>,
    /// Press these keys and print the screen, for tests: no terminal is used.
    #[arg(long, value_name = "KEYS", hide = true)]
    pub keys: Option<String>,
    /// Columns and rows of that screen.
    #[arg(long, value_name = "WxH", hide = true, requires = "keys", default_value = "120x40",
        value_parser = values::size)]
    pub size: (u16, u16),
}
