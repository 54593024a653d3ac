//! Files with code that are held open, so that they can be read after the process is gone, and the
//! file deleted or replaced.

use super::files::{Identity, open_first};
use rustc_hash::FxHashMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Files held open at once. A process mostly may have 1,024 descriptors.
const MAX_HELD: usize = 256;

/// The files; shared by the threads that look at processes.
#[derive(Debug)]
pub(super) struct Held {
    files: Mutex<FxHashMap<Identity, Entry>>,
    most: usize,
}

#[derive(Debug)]
struct Entry {
    file: Arc<File>,
    used: Instant,
    /// A path outside of `/proc` led to it when it was opened: likely it still will.
    lasting: bool,
}

impl Default for Held {
    fn default() -> Self {
        Self::with_room_for(MAX_HELD)
    }
}

impl Held {
    pub(super) fn with_room_for(most: usize) -> Self {
        Self { files: Mutex::default(), most }
    }

    fn files(&self) -> MutexGuard<'_, FxHashMap<Identity, Entry>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file, if it is held; it thereby counts as used.
    pub(super) fn get(&self, identity: &Identity) -> Option<Arc<File>> {
        let mut files = self.files();
        let entry = files.get_mut(identity)?;
        entry.used = Instant::now();
        Some(Arc::clone(&entry.file))
    }

    /// Holds the file that one of these ways leads to, unless it is held already. `path` is how its
    /// process calls it.
    pub(super) fn hold<'a>(
        &self,
        identity: &Identity,
        path: &Path,
        ways: impl Iterator<Item = &'a Path>,
    ) -> Option<Arc<File>> {
        if let Some(known) = self.get(identity) {
            return Some(known);
        }
        let file = Arc::new(open_first(ways, identity)?);
        let lasting = Identity::at(path).as_ref() == Some(identity);
        let mut files = self.files();
        if files.len() < self.most || make_room(&mut files, lasting) {
            let entry = Entry { file: Arc::clone(&file), used: Instant::now(), lasting };
            files.insert(*identity, entry);
        }
        Some(file)
    }

    /// Lets those go that were not used for so long and are not `wanted`: an open file keeps its
    /// blocks on the disk, and its file system busy.
    pub(super) fn let_go(&self, unused_for: Duration, wanted: impl Fn(&Identity) -> bool) {
        self.files()
            .retain(|identity, entry| entry.used.elapsed() < unused_for || wanted(identity));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.files().len()
    }
}

/// Drops the file used longest ago, of those that a path leads to if there are any. Such a one never
/// takes the place of one that no path leads to.
fn make_room(files: &mut FxHashMap<Identity, Entry>, for_lasting: bool) -> bool {
    let least = files.iter().min_by_key(|(_, entry)| (!entry.lasting, entry.used));
    let Some((identity, lasting)) = least.map(|(identity, entry)| (*identity, entry.lasting))
    else {
        return false;
    };
    let makes_room = lasting || !for_lasting;
    if makes_room {
        files.remove(&identity);
    }
    makes_room
}
