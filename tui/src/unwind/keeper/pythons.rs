//! The versions of Python that were met, in the `PYTHONS` map.

use super::maps::Maps;
use crate::python::{Found, Image};
use object::ReadCache;
use std::fs::File;
use std::sync::Arc;
use syscope_shared::python::{LAYOUTS_MAX, Layout};

/// A Python in a file.
#[derive(Clone, Debug)]
pub struct Python {
    /// What leads to its threads in a process.
    pub image: Arc<Image>,
    /// Index of its layout.
    pub layout: u32,
}

/// All that were met.
#[derive(Debug, Default)]
pub struct Pythons {
    layouts: Vec<Layout>,
    /// Files with one of which nothing is known.
    pub unknown: u64,
}

impl Pythons {
    /// Looks for one in a file, and tells the programs of its layout.
    pub fn find(&mut self, file: &File, maps: &mut dyn Maps) -> Option<Python> {
        let image = match Image::find(&ReadCache::new(file)) {
            Found::Nothing => return None,
            Found::Python(image) => image,
            Found::Unknown(version) => {
                tracing::info!(%version, "a Python of which nothing is known: native frames only");
                self.unknown += 1;
                return None;
            }
        };
        let layout = image.offsets.layout;
        let known = self.layouts.iter().position(|known| *known == layout);
        let index = known.or_else(|| self.add(layout, maps))?;
        Some(Python { image: Arc::new(image), layout: index as u32 })
    }

    fn add(&mut self, layout: Layout, maps: &mut dyn Maps) -> Option<usize> {
        let index = self.layouts.len();
        if index >= LAYOUTS_MAX as usize {
            self.unknown += 1;
            return None;
        }
        if let Err(error) = maps.write_python(index as u32, &layout) {
            tracing::warn!(%error, "the map of Python's versions");
            return None;
        }
        self.layouts.push(layout);
        Some(index)
    }
}
