//! What was opened, counted.

use crate::raw::{self, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Opens by path, flags and result.
#[derive(Default)]
pub struct Truth(BTreeMap<(String, &'static str, String), u64>);

impl Truth {
    /// Notes an open of `path` (absolute, as bytes) and closes what it opened.
    pub fn record(&mut self, path: &Path, flags: &'static str, outcome: Outcome) {
        self.record_text(escaped(path.as_os_str().as_bytes()), flags, outcome);
    }

    /// Notes an open of a path that is not what the caller named: cut, or unreadable.
    pub fn record_text(&mut self, path: String, flags: &'static str, outcome: Outcome) {
        let result = match outcome {
            Ok(fd) => {
                raw::close(fd).expect("it was just opened");
                format!("fd {fd}")
            }
            Err(libc::ENOENT) => "ENOENT".to_owned(),
            Err(libc::EFAULT) => "EFAULT".to_owned(),
            Err(libc::ENAMETOOLONG) => "ENAMETOOLONG".to_owned(),
            Err(other) => panic!("{path}: error {other} is not part of the plan"),
        };
        *self.0.entry((path, flags, result)).or_default() += 1;
    }

    /// Adds what another thread did. Which descriptors two threads get depends on chance, and the
    /// truth has them all.
    pub fn merge(&mut self, other: Self) {
        for (key, count) in other.0 {
            *self.0.entry(key).or_default() += count;
        }
    }

    /// As a JSON array of `path`, `flags`, `result`, `count`.
    pub fn json(&self) -> Value {
        let one = |((path, flags, result), count): (&(String, &'static str, String), &u64)| json!({ "path": path, "flags": flags, "result": result, "count": count });
        self.0.iter().map(one).collect()
    }
}

/// Bytes as text, with what is no UTF-8 as `\xNN`.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
