//! Names of functions as they are written in the source, of those that compilers make of them.

use crate::symbols::frames::clipped;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::sync::Arc;

/// Bytes of names that are remembered; then it begins anew.
const MAX_BYTES: usize = 4 << 20;

/// Demangles names, each once: a function that is inlined here and there is met again and again,
/// and to read a name of C++ takes longer than to find it.
#[derive(Debug, Default)]
pub(super) struct Names(RefCell<Known>);

#[derive(Debug, Default)]
struct Known {
    names: FxHashMap<Box<str>, Arc<str>>,
    bytes: usize,
}

impl Names {
    /// The name as it is in the source, where `raw` is one that a compiler of Rust or C++ has made; its
    /// beginning, where it is long.
    pub(super) fn demangled(&self, raw: &str) -> Arc<str> {
        let mut known = self.0.borrow_mut();
        if let Some(name) = known.names.get(raw) {
            return Arc::clone(name);
        }
        let name: Arc<str> = clipped(&demangle(raw)).into();
        let bytes = raw.len() + name.len();
        if bytes > MAX_BYTES {
            return name;
        }
        if known.bytes + bytes > MAX_BYTES {
            *known = Known::default();
        }
        known.bytes += bytes;
        known.names.insert(raw.into(), Arc::clone(&name));
        name
    }
}

/// What names of C++ begin with; with more underscores where the system puts one before each name, and in blocks.
const CPP: [&str; 5] = ["_Z", "__Z", "___Z", "____Z", "_GLOBAL_"];

/// As blazesym does it, without knowing the language: a name of Rust never is one of C++ that means something
/// else.
fn demangle(raw: &str) -> String {
    if !raw.starts_with('_') {
        return raw.to_owned();
    }
    if let Ok(name) = rustc_demangle::try_demangle(raw) {
        return format!("{name:#}");
    }
    // The library takes codes of types as well, and a function of C may be called `_f`.
    let is_cpp = CPP.iter().any(|prefix| raw.starts_with(prefix));
    let name = is_cpp.then(|| cpp_demangle::Symbol::new(raw).ok()?.demangle().ok()).flatten();
    name.unwrap_or_else(|| raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::elf::Elf;
    use super::super::wire::Reads;
    use super::*;
    use blazesym::symbolize::source::Source;
    use blazesym::symbolize::{Input, Symbolized, Symbolizer};
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    #[test]
    fn names_are_told_as_in_the_source_however_often_they_are_met() {
        let names = Names::default();
        for _ in 0..2 {
            let told = |raw| names.demangled(raw).to_string();
            assert_eq!(
                told("_ZNSt6vectorIiSaIiEE9push_backEOi"),
                "std::vector<int, std::allocator<int> >::push_back(int&&)"
            );
            assert_eq!(told("_ZN4core3fmt5write17h0123456789abcdefE"), "core::fmt::write");
            assert_eq!(told("_RNvC6_123foo3bar"), "123foo::bar");
            assert_eq!(told("main"), "main");
            assert_eq!(told("_Z"), "_Z");
            assert_eq!(told(""), "");
            // Codes of types in names of C++, and functions of C.
            for name in ["f", "i", "v", "w", "Pc", "St", "Z1fv", "R", "_R", "_f"] {
                assert_eq!(told(name), name);
            }
            assert_eq!(told("__Z3addii"), "add(int, int)");
            assert_eq!(told("_Z3addii.constprop.0"), "add(int, int) [clone .constprop.0]");
        }
        assert_eq!(names.0.borrow().names.len(), 18);
    }

    /// Templates, operators, lambdas, constructors: inlined and not.
    const SOURCE: &str = r#"
        #include <algorithm>
        #include <cstdio>
        #include <map>
        #include <memory>
        #include <string>
        #include <vector>
        namespace { struct Hidden { std::string text; Hidden(const char *t) : text(t) {} }; }
        template <typename T, int N> struct Row {
            T all[N] = {};
            T &operator[](int at) { return all[at % N]; }
            template <typename F> void each(F &&f) { for (auto &one : all) f(one); }
        };
        int main(int argc, char **argv) {
            std::map<std::string, std::vector<std::unique_ptr<Hidden>>> map;
            Row<unsigned long, 7> row;
            for (int i = 0; i < argc; i++) {
                map[argv[i]].push_back(std::make_unique<Hidden>(argv[i]));
                row[i] += map.size();
            }
            row.each([&](unsigned long &one) { one += argc; });
            std::sort(row.all, row.all + 7, [](auto a, auto b) { return a > b; });
            for (auto &[name, all] : map) printf("%s %zu %lu\n", name.c_str(), all.size(), row[0]);
        }"#;

    /// A program of C++, if there is a compiler.
    fn compiled(folder: &Path) -> Option<PathBuf> {
        let [source, program] = ["names.cc", "names"].map(|name| folder.join(name));
        fs::write(&source, SOURCE).unwrap();
        let mut compiler = Command::new("c++");
        compiler.args(["-std=c++17", "-g", "-O1", "-o"]).args([&program, &source]);
        compiler.status().is_ok_and(|status| status.success()).then_some(program)
    }

    /// The names at addresses all over a program, those of inlined functions too, told by a function.
    fn told(program: &Path, demangling: bool, tell: impl Fn(&str) -> String) -> Vec<String> {
        let file = File::open(program).unwrap();
        let elf = Elf::inspect(&file, Reads::Everything).unwrap();
        let bytes = file.metadata().unwrap().len();
        let offsets = (0..bytes).step_by((bytes / 8_000).max(1) as usize);
        let addresses: Vec<_> = offsets.filter_map(|offset| elf.address_of(offset)).collect();
        let symbolizer = Symbolizer::builder().enable_demangling(demangling).build();
        let source = Source::Elf(blazesym::symbolize::source::Elf::new(program));
        let found = symbolizer.symbolize(&source, Input::VirtOffset(&addresses)).unwrap();
        let found = found.iter().filter_map(Symbolized::as_sym);
        let names = found.flat_map(|it| {
            let inlined = it.inlined.iter().map(|inlined| &*inlined.name);
            inlined.chain([&*it.name]).map(&tell).collect::<Vec<_>>()
        });
        names.collect()
    }

    #[test]
    fn names_are_those_that_blazesym_tells_by_the_language() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::env::current_exe().unwrap();
        for program in [Some(own), compiled(folder.path())].into_iter().flatten() {
            let names = Names::default();
            let ours = told(&program, false, |raw| names.demangled(raw).to_string());
            let theirs = told(&program, true, clipped);
            assert!(ours.len() > 300, "{}: {}", program.display(), ours.len());
            let raw = told(&program, false, str::to_owned);
            assert!(raw != ours, "{}: no name is mangled", program.display());
            let other = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
            assert_eq!(other, None, "{}", program.display());
            assert_eq!(ours.len(), theirs.len());
        }
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let names = Names::default();
        for number in 0..6_000 {
            let long = format!("{}{number}", "x".repeat(1_000));
            assert_eq!(*names.demangled(&long), *long);
            assert!(names.0.borrow().bytes <= MAX_BYTES);
        }
        let huge = "y".repeat(MAX_BYTES);
        assert_eq!(*names.demangled(&huge), *clipped(&huge));
        assert!(!names.0.borrow().names.is_empty(), "it does not drive the others out");
    }
}
