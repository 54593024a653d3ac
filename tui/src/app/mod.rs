//! The state of the screen and what changes it: no clock, no I/O, no drawing.

mod boxes;
mod changes;
pub mod derive;
pub mod exporting;
pub mod flame;
pub mod keymap;
pub mod layout;
pub mod line;
mod mouse;
pub mod page;
pub mod pane;
mod refresh;
pub mod script;
pub mod state;
pub mod table;
#[cfg(test)]
mod tests;
pub mod time;
pub(crate) mod typing;
pub mod update;
pub mod wrap;

pub use state::App;

/// Whether to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourChoice {
    /// Unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Not at all; bold, underlined and reversed text says the same.
    Never,
}
