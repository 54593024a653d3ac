//! A flame graph on the screen: the root at the bottom, width by samples.
//!
//! [`layout`] decides what is where; [`FlameView`] is what the user selected, zoomed into and
//! searched for. What it looks like is the screen's business.

mod info;
mod layout;
#[cfg(test)]
mod properties;
mod spans;
mod view;

pub use info::{BoxInfo, info, search_summary};
pub use layout::{Cell, Edge, Layout, Look, layout};
pub(super) use spans::{is_seen_open, open_seen};
pub use view::{FlameView, Motion};
