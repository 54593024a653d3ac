//! Names what a file is that is no capture.

/// Bytes from the start of a file that are enough to tell.
pub const ENOUGH: usize = 512;
/// Of a capture that ends before its first frame.
pub const CUT: &str = "it was cut off within its header, before anything was recorded";
/// Of a capture whose header cannot be read.
pub const HEADER_DAMAGED: &str = "its header is damaged, which tells what its data mean";

/// What a file is that begins so and is so long.
pub fn what(start: &[u8], len: u64) -> String {
    if len == 0 {
        return "the file is empty".to_owned();
    }
    let by_magic: &[(&[u8], &str)] = &[
        (b"\x7fELF", "it is a program or library (ELF)"),
        (b"\x1f\x8b", "it is compressed with gzip: unpack it first (gunzip)"),
        (b"\x28\xb5\x2f\xfd", "it is compressed with zstd: unpack it first (unzstd)"),
        (b"\xfd7zXZ\0", "it is compressed with xz: unpack it first (unxz)"),
        (b"BZh", "it is compressed with bzip2: unpack it first (bunzip2)"),
        (b"PK\x03\x04", "it is a zip archive"),
        (b"PERFILE2", "it is a recording of perf (perf.data)"),
        (b"\x89PNG", "it is a picture (PNG)"),
        (b"%PDF", "it is a PDF document"),
        (b"SQLite format 3\0", "it is an SQLite database"),
    ];
    if let Some((_, what)) = by_magic.iter().find(|(magic, _)| start.starts_with(magic)) {
        return (*what).to_owned();
    }
    if super::container::MAGIC.starts_with(start) {
        return CUT.to_owned();
    }
    if start.get(257..262) == Some(b"ustar") {
        return "it is a tar archive".to_owned();
    }
    of_text(start).unwrap_or("it does not begin as a capture does").to_owned()
}

fn of_text(start: &[u8]) -> Option<&'static str> {
    // The last character may be cut.
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let text = valid.trim_start();
    let control = |c: char| c.is_control() && !c.is_whitespace();
    if valid.chars().any(control) {
        return None;
    }
    Some(match text {
        _ if text.contains("<svg") => "it is a picture (SVG): a flame graph, perhaps",
        _ if text.starts_with(['{', '[']) => "it is JSON: a report, perhaps",
        _ if text.starts_with("#!") => "it is a script",
        _ => "it is text",
    })
}
