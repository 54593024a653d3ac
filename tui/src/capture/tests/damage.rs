//! Captures that were cut, damaged, or made to do harm.

use super::arbitrary::{batch, batches};
use super::{batches_of, file_of, frames_of, open};
use crate::capture::container::{HEAD_LEN, START_LEN};
use crate::capture::{Capture, Decoder, OpenError, VERSION, container};
use crate::source::{Batch, OpenEvent, OpenPath, ProcessEvent};
use proptest::prelude::*;
use std::sync::Arc;

/// A small capture of several frames, with names that later frames refer to.
fn small() -> Vec<Batch> {
    let open = |index: u64| OpenEvent {
        time_ns: index * 1_000,
        duration_ns: 500,
        pid: 7,
        tid: 8,
        comm: "cat".to_owned(),
        path: OpenPath { text: format!("/etc/{}", index % 3), ..OpenPath::default() },
        flags: 0,
        mode: 0,
        result: Ok(3),
    };
    let batch = |index: u64| Batch {
        time_ns: (index + 1) * 1_000_000_000,
        window_ns: 1_000_000_000,
        processes: vec![ProcessEvent::Exit { time_ns: index, pid: 7 }],
        opens: vec![open(index), open(index + 1)],
        waiting: Some(Vec::new()),
        ..Batch::default()
    };
    (0..5).map(batch).collect()
}

/// Reads whatever can be read, as a hostile file is read; returns the batches.
fn read_all(bytes: &[u8]) -> Vec<Batch> {
    let Ok(capture) = Capture::from_bytes("test", Arc::from(bytes)) else { return Vec::new() };
    let mut decoder = Decoder::new();
    let frames = (0..capture.frames.len()).map(|frame| capture.read(frame).unwrap());
    let decoded: Vec<_> = frames.filter_map(|bytes| decoder.decode(&bytes).ok()).collect();
    decoded.into_iter().flat_map(|decoded| decoded.batches).collect()
}

#[test]
fn a_capture_cut_at_any_byte_opens_up_to_its_last_whole_frame() {
    let batches = small();
    let frames = frames_of(&batches);
    let file = file_of(&frames);
    let whole = open(&file);
    assert!(whole.complete);
    let first = whole.frames[0].offset as usize;
    for len in 0..file.len() {
        let opened = Capture::from_bytes("test", Arc::from(&file[..len]));
        if len < first {
            let what = opened.unwrap_err().to_string();
            assert!(
                what.contains("cut off") || len == 0 && what.contains("empty"),
                "{len}: {what}"
            );
            continue;
        }
        let capture = opened.unwrap();
        let end = |frame: &crate::capture::FrameInfo| frame.offset as usize + frame.len as usize;
        let fit = whole.frames.iter().filter(|frame| end(frame) <= len).count();
        assert_eq!(capture.frames.len(), fit, "cut at {len}");
        let used = whole.frames[..fit].last().map_or(first, end);
        assert_eq!(capture.cut_bytes, (len - used) as u64, "cut at {len}");
        assert_eq!(capture.damaged, 0, "cut at {len}");
        assert!(!capture.complete);
        assert_eq!(batches_of(&capture), batches[..fit], "cut at {len}");
    }
}

#[test]
fn a_damaged_byte_costs_one_frame() {
    let batches = small();
    let file = file_of(&frames_of(&batches));
    let whole = open(&file);
    for frame in &whole.frames[1..] {
        for byte in 0..frame.len as usize {
            let mut damaged = file.clone();
            damaged[frame.offset as usize + byte] ^= 0x20;
            let capture = open(&damaged);
            let mut decoder = Decoder::new();
            let read: Vec<_> = (0..capture.frames.len())
                .filter_map(|frame| decoder.decode(&capture.read(frame).unwrap()).ok())
                .flat_map(|decoded| decoded.batches)
                .collect();
            let lost = batches.len() - read.len();
            assert_eq!(lost, 1, "byte {byte} of the frame at {}", frame.offset);
            let counted = capture.damaged as usize + capture.frames.len() - read.len();
            assert_eq!(counted, 1);
        }
    }
}

#[test]
fn what_a_missing_frame_told_is_a_note_and_counted() {
    let batches = small();
    let frames = frames_of(&batches);
    let mut decoder = Decoder::new();
    decoder.decode(&frames[0].bytes).unwrap();
    // The second frame tells a path that the third uses.
    let third = decoder.decode(&frames[2].bytes).unwrap();
    assert!(decoder.unknown() > 0);
    let paths: Vec<_> = third.batches[0].opens.iter().map(|open| open.path.text.as_str()).collect();
    assert!(paths.iter().any(|path| path.contains("[lost: damaged part")), "{paths:?}");
    assert!(third.batches[0].opens.iter().all(|open| open.comm == "cat"), "told before the gap");
}

#[test]
fn a_frame_that_comes_twice_is_refused_and_does_no_harm() {
    let batches = small();
    let frames = frames_of(&batches);
    let mut decoder = Decoder::new();
    decoder.decode(&frames[0].bytes).unwrap();
    decoder.decode(&frames[1].bytes).unwrap();
    decoder.decode(&frames[1].bytes).unwrap_err();
    let next = decoder.decode(&frames[2].bytes).unwrap();
    assert_eq!(next.batches, batches[2..3]);
    assert_eq!(decoder.unknown(), 0);
}

#[test]
fn a_newer_version_and_other_files_are_named() {
    let mut newer = container::file_start(VERSION + 4).to_vec();
    newer.extend([0; 64]);
    let error = Capture::from_bytes("x", newer.into()).unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found, known: VERSION, .. } if found == VERSION + 4)
    );
    let cases: [(&[u8], &str); 9] = [
        (b"", "empty"),
        (b"\x7fELF\x02\x01\x01", "ELF"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x28\xb5\x2f\xfd\x00", "zstd"),
        (b"PERFILE2\x00", "perf"),
        (b"<?xml version=\"1.0\"?><svg width=\"1\">", "SVG"),
        (b"  {\"a\": 1}", "JSON"),
        (b"hello \xc3", "text"),
        (b"\x00\x01\x02\x03", "does not begin"),
    ];
    for (bytes, expected) in cases {
        let error = Capture::from_bytes("x", Arc::from(bytes)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = Capture::open(&std::env::temp_dir()).unwrap_err().to_string();
    assert!(error.contains("directory"), "{error}");
}

#[test]
fn declared_lengths_are_not_believed() {
    // A head may claim no more than the limits, and a body no more than its bytes can hold.
    let frame = &frames_of(&small())[0].bytes;
    for raw in [0u32, 1, 1 << 26, u32::MAX] {
        let mut bytes = frame.to_vec();
        bytes[16..20].copy_from_slice(&raw.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..28]);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        Decoder::new().decode(&bytes).unwrap_err();
    }
}

#[test]
fn repeating_what_was_told_cannot_fill_memory() {
    // Each step copies the whole list before and doubles it: 2^40 entries from a few bytes.
    let wait = crate::source::WaitingNow {
        pid: 1,
        tid: 1,
        state: crate::source::WaitState::Idle,
        kernel_stack: crate::source::StackId::NONE,
        user_stack: crate::source::StackId::NONE,
        since_ns: 0,
        woken_ns: None,
    };
    let mut body = first_body(&Batch { waiting: Some(vec![wait]), ..Batch::default() });
    let waiting = &mut body.waiting;
    let batches = 40u32;
    for doubling in 0..batches {
        use crate::capture::column::{put, put_signed};
        put(&mut waiting.steps, 3);
        for _ in 0..2 {
            put(&mut waiting.step, 1 << (doubling + 2));
        }
        put_signed(&mut waiting.skip, 0);
        put_signed(&mut waiting.skip, -(1i64 << doubling));
        for count in [
            &mut body.processes.count,
            &mut body.syscalls.count,
            &mut body.opens.count,
            &mut body.offcpu.count,
        ] {
            put(count, 0);
        }
        put(&mut body.batches.time_ns, 0);
        put(&mut body.batches.window_ns, 0);
    }
    let error = decode_body(&body).unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
}

/// The body of the frame that an encoder makes of one batch.
fn first_body(batch: &Batch) -> crate::capture::messages::Body {
    let frames = frames_of(std::slice::from_ref(batch));
    let (_, _, raw) = container::unpack(&frames[0].bytes).unwrap();
    prost::Message::decode(&raw[..]).unwrap()
}

fn decode_body(
    body: &crate::capture::messages::Body,
) -> Result<crate::capture::Decoded, crate::capture::Damage> {
    let raw = prost::Message::encode_to_vec(body);
    let (bytes, _) = container::Packer::new().pack(true, &[], &raw);
    Decoder::new().decode(&bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_anywhere_never_panics(
        batches in batches(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut file = file_of(&frames_of(&batches));
        for (place, value) in changes {
            let place = place.index(file.len());
            file[place] = value;
        }
        read_all(&file);
    }

    /// The checksums are right, what they cover is not.
    #[test]
    fn numbers_of_any_size_are_added_up_reported_and_shown(batches in batches()) {
        crate::fuzzing::capture(&file_of(&frames_of(&batches)));
    }

    #[test]
    fn a_hostile_body_never_panics(
        batch in batch(),
        key: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let frame = &frames_of(&[batch])[0];
        let (head, clear, mut raw) = container::unpack(&frame.bytes).unwrap();
        prop_assert!(head.key);
        for (place, value) in changes {
            let place = place.index(raw.len());
            raw[place] = value;
        }
        let (bytes, _) = container::Packer::new().pack(key, clear, &raw);
        let mut decoder = Decoder::new();
        let _ = decoder.decode(&bytes);
        // It can go on with the next.
        prop_assert!(decoder.decode(&frame.bytes).is_ok());
    }

    #[test]
    fn frames_in_any_order_never_panic(
        batches in batches(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        garbage in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let frames = frames_of(&batches);
        let mut file = file_of(&[]);
        file.truncate(file.len() - HEAD_LEN);
        let header = file.len();
        prop_assert!(header > START_LEN);
        for place in order.iter().filter(|_| !frames.is_empty()) {
            file.extend_from_slice(&frames[place.index(frames.len())].bytes);
            file.extend_from_slice(&garbage);
        }
        let capture = open(&file);
        let expected = if frames.is_empty() { 0 } else { order.len() };
        prop_assert_eq!(capture.frames.len(), expected);
        let stretches = if garbage.is_empty() { 0 } else { expected.saturating_sub(1) as u64 };
        prop_assert_eq!(capture.damaged, stretches);
        read_all(&file);
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut file = file_of(&[]);
        file.extend_from_slice(&bytes);
        read_all(&file);
        let _ = Decoder::new().decode(&bytes);
        read_all(&bytes);
    }
}
