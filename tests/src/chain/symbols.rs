//! Names for a program that has none: from its twin before it was stripped.

use super::Seen;
use crate::schema::Frame;
use std::path::Path;
use std::process::Command;

/// Functions of a program by where they are in its file.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    /// Name of the file that they are for.
    file: String,
    /// Start, size and name.
    functions: Vec<(u64, u64, String)>,
}

impl Symbols {
    /// Those of `twin`, for the file of the name `file` that has the same code. Addresses are offsets
    /// in the file, as they are where the linker puts code at the same place in both.
    ///
    /// # Panics
    ///
    /// If `nm` (binutils) cannot be run.
    pub fn of_twin(twin: &Path, file: &str) -> Self {
        let output = Command::new("nm").args(["--defined-only", "--print-size"]).arg(twin).output();
        let output = output.expect("nm runs where the compiler does");
        let text = String::from_utf8_lossy(&output.stdout);
        let mut symbols = Self { file: file.to_owned(), functions: Vec::new() };
        symbols.functions.extend(text.lines().filter_map(function));
        assert!(!symbols.functions.is_empty(), "{}: no functions", twin.display());
        symbols
    }

    /// A frame of a report, with the name of the twin's function in place of a bare address.
    pub fn named(&self, frame: &Frame) -> Seen {
        let mut seen = Seen::new(frame);
        if seen.file.as_deref() == Some(&self.file) && frame.is_bare_address() {
            let holds = |(start, size, _): &&(u64, u64, String)| {
                (*start..start + size).contains(&frame.offset)
            };
            if let Some((_, _, name)) = self.functions.iter().find(holds) {
                seen.name.clone_from(name);
            }
        }
        seen
    }
}

/// A line of `nm`: address, size, kind, name.
fn function(line: &str) -> Option<(u64, u64, String)> {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let &[start, size, "T" | "t", name] = &words[..] else { return None };
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(start)?, number(size)?, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_address_gets_the_name_of_the_twin() {
        let lines = ["1130 11 T leaf", "1150 8 t middle", "4000 8 D data", "1170 T _init"];
        let functions: Vec<_> = lines.iter().filter_map(|line| function(line)).collect();
        assert_eq!(functions.len(), 2);
        let symbols = Symbols { file: "plain".to_owned(), functions };
        let frame = |name: &str, module: &str, offset| Frame {
            name: name.to_owned(),
            module: Some(module.to_owned()),
            offset,
            file: None,
            line: None,
            inlined: false,
        };
        let named = |frame| symbols.named(&frame).name;
        assert_eq!(named(frame("plain+0x1130", "/tmp/plain", 0x1135)), "leaf");
        assert_eq!(named(frame("plain+0x1141", "/tmp/plain", 0x1141)), "plain+0x1141");
        assert_eq!(named(frame("plain+0x1135", "/tmp/other", 0x1135)), "plain+0x1135");
        assert_eq!(named(frame("main", "/tmp/plain", 0x1135)), "main");
    }
}
