//! Names of functions as they are written in the source, of those that compilers make of them.

use rustc_hash::FxHashMap;
use std::cell::RefCell;

/// Bytes of names that are remembered, those of a file; then it begins anew.
const MAX_BYTES: usize = 2 << 20;

/// Demangles the names of a file, each once: a function that is inlined here and there is met again and again,
/// and to read a name of C++ takes longer than to find it.
#[derive(Debug, Default)]
pub(super) struct Names(RefCell<Known>);

#[derive(Debug, Default)]
struct Known {
    names: FxHashMap<Box<str>, Box<str>>,
    bytes: usize,
}

impl Names {
    /// The name as it is in the source, where `raw` is one that a compiler of Rust or C++ has made.
    pub(super) fn demangled(&self, raw: &str) -> String {
        let mut known = self.0.borrow_mut();
        if let Some(name) = known.names.get(raw) {
            return name.to_string();
        }
        let name = demangle(raw);
        let bytes = raw.len() + name.len();
        if bytes > MAX_BYTES {
            return name;
        }
        if known.bytes + bytes > MAX_BYTES {
            *known = Known::default();
        }
        known.bytes += bytes;
        known.names.insert(raw.into(), name.as_str().into());
        name
    }
}

/// As blazesym does it, without knowing the language: a name of Rust never is one of C++ that means something
/// else.
fn demangle(raw: &str) -> String {
    if let Ok(name) = rustc_demangle::try_demangle(raw) {
        return format!("{name:#}");
    }
    let name = cpp_demangle::Symbol::new(raw).ok().and_then(|name| name.demangle().ok());
    name.unwrap_or_else(|| raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_as_in_the_source_however_often_they_are_met() {
        let names = Names::default();
        for _ in 0..2 {
            let told = |raw| names.demangled(raw);
            assert_eq!(
                told("_ZNSt6vectorIiSaIiEE9push_backEOi"),
                "std::vector<int, std::allocator<int> >::push_back(int&&)"
            );
            assert_eq!(told("_ZN4core3fmt5write17h0123456789abcdefE"), "core::fmt::write");
            assert_eq!(told("_RNvC6_123foo3bar"), "123foo::bar");
            assert_eq!(told("main"), "main");
            assert_eq!(told("_Z"), "_Z");
            assert_eq!(told(""), "");
        }
        assert_eq!(names.0.borrow().names.len(), 6);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let names = Names::default();
        for number in 0..3_000 {
            let long = format!("{}{number}", "x".repeat(1_000));
            assert_eq!(names.demangled(&long), long);
            assert!(names.0.borrow().bytes <= MAX_BYTES);
        }
        let huge = "y".repeat(MAX_BYTES);
        assert_eq!(names.demangled(&huge), huge);
        assert!(!names.0.borrow().names.is_empty(), "it does not drive the others out");
    }
}
