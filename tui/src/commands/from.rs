//! What `report` and `flame` print of a capture.

use super::moments::When;
use crate::capture::Capture;
use crate::cli::{MomentRange, WatchArgs};
use crate::filter::Filter;
use crate::history::{Seeker, Span, Timeline};
use crate::model::{Bounds, Model};
use crate::report::Missing;
use crate::stderr;
use crate::text;
use color_eyre::eyre::{self, bail};
use jiff::tz::TimeZone;
use std::path::Path;
use std::sync::Arc;

/// A part of a capture.
#[derive(Debug)]
pub struct Part {
    /// What happened in it.
    pub model: Arc<Model>,
    /// What of it is asked for.
    pub filter: Filter,
    /// What is missing in the capture; `None` when it is whole.
    pub missing: Option<Missing>,
}

/// Reads a capture, or a range of it, which the option of this name gave. Says on standard error what
/// is missing.
pub fn read(
    path: &Path,
    (option, range): (&str, Option<&MomentRange>),
    args: &WatchArgs,
) -> eyre::Result<Part> {
    let capture = Arc::new(Capture::open(path)?);
    let timeline = timeline(&capture);
    let name = text::visible(&path.to_string_lossy()).into_owned();
    if timeline.is_empty() {
        bail!("{name} holds nothing: it was cut off before its first second was written");
    }
    let span = match range {
        Some(range) => {
            let offset = capture.header.watched.realtime_offset_ns;
            let when = When::new(&timeline, offset, TimeZone::system());
            when.span(range).map_err(|error| eyre::eyre!("{option}: {error}"))?
        }
        None => Span { start: 0, end: timeline.end() },
    };
    let mut seeker = Seeker::of_capture(Arc::clone(&capture), Bounds::REPORT).one_way();
    let model = seeker.model(span)?;
    let missing = Missing::of(&capture, seeker.losses());
    if let Some(missing) = &missing {
        stderr::tell(format_args!("{name} is not whole: {missing}"));
    }
    let filter = recorded_filter(&capture, &model, &name).and(&args.filter()?)?;
    Ok(Part { model, filter, missing })
}

/// The timeline of a capture.
pub fn timeline(capture: &Capture) -> Timeline {
    Timeline::new(capture.frames.iter().flat_map(|frame| frame.ticks.iter().copied()))
}

/// The filter that was recorded with: what it does not accept is there in part only. Where it changed
/// while it was recorded, everything is shown.
fn recorded_filter(capture: &Capture, model: &Model, name: &str) -> Filter {
    let recorded = &capture.header.filter;
    let why = if model.health.filter != *recorded {
        format!("the filter was changed while {name} was recorded")
    } else {
        match Filter::parse(recorded) {
            Ok(filter) => return filter,
            Err(error) => {
                let filter = text::visible(recorded);
                format!("the filter of {name} is not understood (`{filter}`: {error})")
            }
        }
    };
    stderr::tell(format_args!("{why}: all of it is shown"));
    Filter::default()
}
