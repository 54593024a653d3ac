use crate::python::offsets::{self, Version};

const V3_13_0: Version = Version(0x030d_00f0);

/// `_PyRuntime.debug_offsets` of 3.13.0, of which the first word is a text.
fn debug_offsets() -> Vec<u8> {
    let words: [u64; 73] = [
        0, 51183856, 0, 283320, 608, 632, 194968, 7272, 7264, 7344, 7400, 7656, 7640, 7648, 16,
        7752, 0, 7768, 7760, 304, 0, 8, 16, 72, 152, 160, 232, 32, 80, 8, 0, 56, 72, 70, 208, 112,
        120, 128, 136, 68, 52, 96, 104, 200, 16, 8, 416, 24, 88, 168, 32, 24, 16, 40, 24, 16, 48,
        32, 40, 24, 16, 32, 16, 24, 40, 16, 32, 64, 32, 16, 40, 240, 200,
    ];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes[..8].copy_from_slice(b"xdebugpy");
    bytes
}

#[test]
fn offsets_of_3_13_are_those_of_its_headers() {
    let offsets = offsets::of(V3_13_0, &debug_offsets()).unwrap();
    let layout = offsets.layout;
    assert_eq!((layout.interpreters, layout.next_interpreter, layout.threads), (632, 7264, 7344));
    assert_eq!((layout.next_thread, layout.thread_id, layout.frame), (8, 152, 72));
    assert_eq!((layout.c_frames, layout.entries), (0, 0));
    let frame = (layout.code, layout.previous, layout.instruction, layout.owner);
    assert_eq!(frame, (0, 8, 56, 70));
    let objects = offsets.objects;
    let code = (objects.filename, objects.qualname, objects.linetable, objects.first_line);
    assert_eq!(code, (112, 128, 136, 68));
    assert_eq!((objects.instructions, objects.bytes_size, objects.bytes_data), (200, 16, 32));
    assert_eq!((objects.text_length, objects.text_state), (16, 32));
    assert_eq!((objects.ascii_data, objects.compact_data), (40, 56));
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let known = debug_offsets();
    assert!(offsets::of(Version(0x030b_07f0), &[]).is_some());
    assert!(offsets::of(Version(0x030c_01f0), &[]).is_some());
    for (version, why) in [
        (Version(0x030a_0df0), "3.10"),
        (Version(0x030b_00b1), "a beta of 3.11"),
        (Version(0x030e_00f0), "3.14"),
        (Version(0x030d_01f0), "3.13.1 with the offsets of 3.13.0"),
        (Version(0), "none"),
    ] {
        assert_eq!(offsets::of(version, &known), None, "{why}");
    }
    for (word, value, why) in [
        (0, 0, "no cookie"),
        (2, 1, "built without the lock"),
        (5, 1 << 40, "a field behind the end of its structure"),
        (3, 1 << 40, "a structure that is too large"),
        (70, u64::MAX, "a header that is too large"),
    ] {
        let mut other = known.clone();
        other[word * 8..][..8].copy_from_slice(&u64::to_le_bytes(value));
        assert_eq!(offsets::of(V3_13_0, &other), None, "{why}");
    }
    assert_eq!(offsets::of(V3_13_0, &known[..known.len() - 1]), None, "cut off");
    assert_eq!(Version(0x030d_02f0).to_string(), "3.13.2");
}
