//! Places in files that the stacks of a batch need, asked for together: a question to the reader costs more
//! than most answers.

use super::Request;
use super::Space;
use super::engine::Engine;
use super::frames::{self, Code};
use super::mapping::Backing;
use super::process::Snapshot;
use super::reader::Owner;
use super::resolve::place_in;
use crate::source::FrameKind;
use rustc_hash::{FxHashMap, FxHashSet};
use std::rc::Rc;

/// Places that are asked for at once.
const MAX_PLACES: usize = 1_024;

/// A place in a file, and where it is mapped.
struct Place {
    /// What the reader calls the file, and the offset into it.
    at: (u64, u64),
    snapshot: Rc<Snapshot>,
    code: Code,
}

impl Engine {
    /// Has the frames of places kept that are in files which are open, and that nobody asked for before.
    /// What cannot be told here is found out when the stack is resolved.
    pub(super) fn look_ahead<'a>(&mut self, stacks: impl Iterator<Item = &'a Request>) {
        let mut wanted: FxHashMap<Owner, Vec<Place>> = FxHashMap::default();
        let mut met = FxHashSet::default();
        for request in stacks {
            let Space::User { pid } = request.space else { continue };
            let Some(snapshot) = self.processes.known(pid) else { continue };
            for code in Code::of_stack(&request.addresses) {
                let Some(mapping) = snapshot.mapping(code.within()) else { continue };
                let Backing::Binary(binary) = &mapping.backing else { continue };
                let offset = mapping.file_offset(code.within());
                let key = place_in(binary, offset, code);
                if !self.places.has(&key)
                    && met.insert(key)
                    && let Some((number, owner)) = self.binaries.open(binary)
                {
                    let snapshot = Rc::clone(&snapshot);
                    let place = Place { at: (number, offset), snapshot, code };
                    wanted.entry(owner).or_default().push(place);
                }
            }
        }
        for (owner, mut places) in wanted {
            places.truncate(MAX_PLACES);
            // One alone is as well asked for when it is needed.
            if places.len() > 1 {
                self.look_up_all(owner, &places);
            }
        }
    }

    fn look_up_all(&mut self, owner: Owner, places: &[Place]) {
        let asked = places.iter().map(|place| place.at).collect();
        let Some(found) = self.binaries.reader.look_up_all(owner, asked) else { return };
        for (Place { at, snapshot, code }, symbol) in places.iter().zip(found) {
            let Some(mapping) = snapshot.mapping(code.within()) else { continue };
            let Backing::Binary(binary) = &mapping.backing else { continue };
            let (module, beyond) = (binary.origin(), code.beyond());
            let named = symbol.and_then(|symbol| {
                frames::of_symbol(&symbol, FrameKind::User, &module, beyond, &mut self.names)
            });
            let frames = named.unwrap_or_else(|| self.unnamed(mapping, *code, false));
            self.places.insert(place_in(binary, at.1, *code), frames);
        }
    }
}
