//! Places in files that the stacks of a batch need, asked for together: a question to the reader costs more
//! than most answers.

use super::Request;
use super::Space;
use super::engine::Engine;
use super::frames::Code;
use super::mapping::Backing;
use super::process::Snapshot;
use super::reader::{Asked, Owner};
use super::resolve::place_in;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Places that are asked for at once.
const MAX_PLACES: usize = 256;

/// A place in a file, and where it is mapped.
struct Place {
    /// What the reader calls the file, and the offset into it.
    at: (u64, u64),
    snapshot: Rc<Snapshot>,
    code: Code,
}

impl Engine {
    /// Has the frames of places kept that nobody asked for before. What cannot be told here is found out
    /// when the stack is resolved.
    pub(super) fn look_ahead<'a>(&mut self, stacks: impl Iterator<Item = &'a Request>) {
        let mut wanted: BTreeMap<Owner, Vec<Place>> = BTreeMap::new();
        let mut met = FxHashSet::default();
        self.not_ahead.clear();
        for request in stacks {
            let Space::User { pid } = request.space else { continue };
            match self.processes.known(pid) {
                Some(snapshot) => self.collect(&snapshot, request, &mut met, &mut wanted),
                // What is to be done before in this batch tells which memory it has.
                None => drop(self.not_ahead.insert(pid)),
            }
        }
        self.look_up_all(wanted);
    }

    /// The same for one stack, of a process that was not known before.
    pub(super) fn look_ahead_in(&mut self, snapshot: &Rc<Snapshot>, request: &Request) {
        let mut wanted = BTreeMap::new();
        self.collect(snapshot, request, &mut FxHashSet::default(), &mut wanted);
        self.look_up_all(wanted);
    }

    fn collect(
        &mut self,
        snapshot: &Rc<Snapshot>,
        request: &Request,
        met: &mut FxHashSet<(u32, u64)>,
        wanted: &mut BTreeMap<Owner, Vec<Place>>,
    ) {
        for code in Code::of_stack(&request.addresses) {
            let Some(mapping) = snapshot.mapping(code.within()) else { continue };
            let Backing::Binary(binary) = &mapping.backing else { continue };
            let offset = mapping.file_offset(code.within());
            let key = place_in(binary, offset, code);
            if !self.places.has(&key)
                && met.insert(key)
                && let Some((number, owner)) = self.binaries.open(binary)
            {
                let place = Place { at: (number, offset), snapshot: Rc::clone(snapshot), code };
                wanted.entry(owner).or_default().push(place);
            }
        }
    }

    /// Those of root's files first.
    fn look_up_all(&mut self, wanted: BTreeMap<Owner, Vec<Place>>) {
        for (owner, mut places) in wanted {
            // A file that was opened since may have had another one closed.
            places.retain(|place| self.binaries.reader.is_open(place.at.0));
            let mut before: Option<(Asked, &[Place])> = None;
            for places in places.chunks(MAX_PLACES) {
                let at = places.iter().map(|place| place.at).collect();
                let asked = self.binaries.reader.ask_for_all(owner, at);
                self.keep(before.take());
                before = asked.map(|asked| (asked, places));
            }
            self.keep(before);
        }
    }

    /// Keeps the frames of places that were asked for.
    fn keep(&mut self, asked: Option<(Asked, &[Place])>) {
        let Some((asked, places)) = asked else { return };
        let Some(found) = self.binaries.reader.take(asked, places.len()) else { return };
        for (Place { at, snapshot, code }, symbol) in places.iter().zip(found) {
            let Some(mapping) = snapshot.mapping(code.within()) else { continue };
            let Backing::Binary(binary) = &mapping.backing else { continue };
            let frames = self.found_in(binary, mapping, *code, symbol.as_ref());
            self.places.insert(place_in(binary, at.1, *code), frames);
        }
    }
}
