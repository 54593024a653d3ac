//! What goes in comes out.

use super::arbitrary::batches;
use super::{batches_of, file_of, frames_of, open};
use crate::capture::{Decoder, Tick};
use crate::source::Batch;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_come_out_as_they_went_in(batches in batches()) {
        let frames = frames_of(&batches);
        let capture = open(&file_of(&frames));
        prop_assert!(capture.complete);
        prop_assert_eq!((capture.cut_bytes, capture.damaged), (0, 0));
        prop_assert_eq!(batches_of(&capture), batches.clone());
        let ticks: Vec<Tick> =
            capture.frames.iter().flat_map(|frame| frame.ticks.iter().copied()).collect();
        let expected: Vec<Tick> = batches.iter().map(Tick::of).collect();
        prop_assert_eq!(ticks, expected);
    }

    #[test]
    fn what_was_read_is_written_to_the_same_bytes(batches in batches()) {
        let first = frames_of(&batches);
        let read = batches_of(&open(&file_of(&first)));
        let again = frames_of(&read);
        prop_assert_eq!(first.len(), again.len());
        for (one, other) in first.iter().zip(&again) {
            prop_assert_eq!(&one.bytes, &other.bytes);
        }
    }

    #[test]
    fn reading_can_start_at_every_key(batches in batches()) {
        let frames = frames_of(&batches);
        let mut whole = Decoder::new();
        let mut first = true;
        for (index, frame) in frames.iter().enumerate() {
            let decoded = whole.decode(&frame.bytes).unwrap();
            prop_assert_eq!(frame.key, decoded.before.is_some());
            if let Some(before) = &decoded.before {
                prop_assert_eq!(first, *before == Batch::default());
                let mut from_here = Decoder::new();
                let again = from_here.decode(&frame.bytes).unwrap();
                prop_assert_eq!(&again.before, &decoded.before);
                prop_assert_eq!(&again.recalled, &decoded.recalled);
                prop_assert_eq!(&again.batches, &decoded.batches);
                prop_assert_eq!(from_here.unknown(), 0, "frame {}", index);
            }
            first = false;
        }
        prop_assert_eq!(whole.unknown(), 0);
    }
}
