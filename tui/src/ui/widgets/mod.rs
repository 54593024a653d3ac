//! Widgets that are more than a table.

pub mod flame;
