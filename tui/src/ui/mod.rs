//! ui

pub mod widgets;
