//! The small capture that the fuzz targets replay. It was written by the first version of the format,
//! and must be read for ever.

use super::captures::busy_seconds;
use super::shot::{Shot, recorded};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/small.syscope");

#[test]
fn the_small_capture_is_read() {
    let small = std::fs::read(PATH).unwrap();
    insta::assert_snapshot!("small_capture", Shot::of(&small, (120, 40)).screen());
}

/// `cargo test -p syscope --lib -- --ignored writes_the_small`: after a change of the format.
#[test]
#[ignore = "writes files into fuzz/"]
fn writes_the_small_capture_and_seeds() {
    use super::captures::{hostile, normal};
    use crate::capture::{Encoder, fuzzing};
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(format!("{}/../fuzz/{name}", env!("CARGO_MANIFEST_DIR")), bytes).unwrap();
    };
    write("small.syscope", &recorded(&busy_seconds(20)));
    for (name, bytes) in [("normal", normal()), ("hostile", hostile())] {
        write(&format!("corpus/capture/seed-{name}"), &bytes);
    }
    let mut encoder = Encoder::new(true);
    let mut frames: Vec<_> =
        busy_seconds(3).iter().filter_map(|batch| encoder.push(batch)).collect();
    encoder.begin_key();
    frames.extend(busy_seconds(1).iter().filter_map(|batch| encoder.push(batch)));
    frames.extend(encoder.flush());
    write("corpus/frames/seed-two-keys", &fuzzing::parts(&frames));
}
