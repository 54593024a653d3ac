//! What was found at some places, as it goes over the wire: each text once. Functions that are inlined here
//! and there have most of the names, and names of templates are long.

use crate::symbols::frames::MAX_TEXT;
use crate::symbols::symbol::{Inlined, Line, MAX_INLINED, Symbol};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// See the module.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Found {
    texts: Vec<Arc<str>>,
    /// In the order of the question; `None`: nothing that has a name.
    places: Vec<Option<Place>>,
}

/// A text, by its index.
type Text = u32;
/// Path, and number of a line.
type PackedLine = (Text, Option<u32>);

/// A [`Symbol`]: its name, size, offset, line, and what is inlined in it.
#[derive(Debug, Serialize, Deserialize)]
struct Place(Text, Option<usize>, usize, Option<PackedLine>, Vec<(Text, Option<PackedLine>)>);

impl Found {
    pub(super) fn pack(symbols: &[Option<Symbol>]) -> Self {
        let mut texts = Texts::default();
        let places = symbols.iter().map(|symbol| symbol.as_ref().map(|it| texts.place(it)));
        let places = places.collect();
        Self { texts: texts.all, places }
    }

    /// `None`: it is nothing that [`Found::pack`] makes.
    pub(super) fn unpack(self) -> Option<Vec<Option<Symbol>>> {
        let texts = self.texts;
        // A text can stand at many places, and each has a copy of its own in the end.
        if texts.iter().any(|text| text.len() > MAX_TEXT) {
            return None;
        }
        let places = self.places.into_iter();
        places.map(|place| place.map_or(Some(None), |it| symbol(&texts, it).map(Some))).collect()
    }
}

/// Texts that were met.
#[derive(Default)]
struct Texts<'a> {
    all: Vec<Arc<str>>,
    indexes: FxHashMap<&'a str, Text>,
}

impl<'a> Texts<'a> {
    fn place(&mut self, symbol: &'a Symbol) -> Place {
        let Symbol { name, size, offset, line, inlined } = symbol;
        let (name, line) = (self.index(name), self.line(line.as_ref()));
        let inlined = inlined.iter().map(|it| (self.index(&it.name), self.line(it.line.as_ref())));
        Place(name, *size, *offset, line, inlined.collect())
    }

    fn line(&mut self, line: Option<&'a Line>) -> Option<PackedLine> {
        line.map(|line| (self.index(&line.path), line.number))
    }

    fn index(&mut self, text: &'a Arc<str>) -> Text {
        *self.indexes.entry(text).or_insert_with(|| {
            self.all.push(Arc::clone(text));
            (self.all.len() - 1) as Text
        })
    }
}

fn symbol(texts: &[Arc<str>], place: Place) -> Option<Symbol> {
    let text = |index: Text| texts.get(index as usize).cloned();
    let line = |packed: Option<PackedLine>| match packed {
        Some((path, number)) => text(path).map(|path| Some(Line { path, number })),
        None => Some(None),
    };
    let Place(name, size, offset, of_it, inlined) = place;
    if inlined.len() > MAX_INLINED + 1 {
        return None;
    }
    let inlined = inlined.into_iter();
    let inlined = inlined.map(|(name, of_it)| {
        let (name, line) = (text(name)?, line(of_it)?);
        Some(Inlined { name, line })
    });
    let inlined = inlined.collect::<Option<_>>()?;
    Some(Symbol { name: text(name)?, size, offset, line: line(of_it)?, inlined })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str, number: u32) -> Option<Line> {
        Some(Line { path: path.into(), number: Some(number) })
    }

    fn some_symbols() -> Vec<Option<Symbol>> {
        let inlined = |name: &str, number| Inlined { name: name.into(), line: line("a.h", number) };
        let symbol = |offset, inlined| Symbol {
            name: "outer".into(),
            size: Some(90),
            offset,
            line: line("a.h", 7),
            inlined,
        };
        vec![
            Some(symbol(1, vec![inlined("std::swap", 1), inlined("std::move", 2)])),
            None,
            Some(Symbol::unnamed(3)),
            Some(symbol(60, vec![inlined("std::move", 9)])),
        ]
    }

    #[test]
    fn what_is_packed_comes_back_and_each_text_is_there_once() {
        let packed = Found::pack(&some_symbols());
        let texts: Vec<&str> = packed.texts.iter().map(|text| &**text).collect();
        assert_eq!(texts, ["outer", "a.h", "std::swap", "std::move", ""]);
        let sent = serde_json::to_vec(&packed).expect("plain data");
        let received: Found = serde_json::from_slice(&sent).expect("what was sent");
        assert_eq!(received.unpack(), Some(some_symbols()));
    }

    #[test]
    fn what_nobody_packs_is_refused() {
        let packed = |change: &dyn Fn(&mut Found)| {
            let mut found = Found::pack(&some_symbols());
            change(&mut found);
            found.unpack()
        };
        assert_eq!(packed(&|found| drop(found.texts.pop())), None, "no such text");
        assert_eq!(packed(&|found| found.texts[0] = "x".repeat(MAX_TEXT + 1).into()), None);
        let endless = |found: &mut Found| {
            let place = found.places[0].as_mut().expect("it has a name");
            place.4 = vec![(0, None); MAX_INLINED + 2];
        };
        assert_eq!(packed(&endless), None);
    }
}
