//! What readers of pprof's format find: read back by the messages it is written with. That the numbers
//! of the fields are the right ones is held by bytes that were read by `go tool pprof`.

use super::super::profile_proto::{Label, Profile, Sample};
use super::paths;
use super::*;
use crate::flame::tests::frame;
use crate::flame::{State, Weighed, fold, weigh};
use crate::model::properties::folded;
use crate::model::{Bounds, Model, ProcKey, Watched};
use crate::source::arbitrary::batches;
use flate2::read::GzDecoder;
use prost::Message;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

const ABOUT: About<'_> = About { title: "CPU profile of web1", command: "syscope flame" };

fn written(stacks: &[Weighed<'_>], measure: Measure, model: &Model) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_pprof(stacks, measure, model, ABOUT, &mut bytes).unwrap();
    bytes
}

fn read(gzip: &[u8]) -> Profile {
    let mut bytes = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut bytes).unwrap();
    Profile::decode(&bytes[..]).unwrap()
}

/// A label as text.
fn label(profile: &Profile, labels: &[Label], key: &str) -> Option<String> {
    let is_key = |label: &&Label| profile.string_table[label.key as usize] == key;
    let label = labels.iter().find(is_key)?;
    Some(match label.str {
        0 => label.num.to_string(),
        text => profile.string_table[text as usize].clone(),
    })
}

/// Stacks from the root, as a flame graph has them, and their last value.
fn stacks(profile: &Profile) -> BTreeMap<Vec<String>, u64> {
    let mut stacks = BTreeMap::new();
    for sample in &profile.sample {
        assert_eq!(sample.value.len(), profile.sample_type.len());
        let of = |key| label(profile, &sample.label, key);
        let comm = of("comm").unwrap_or_default();
        let mut path = vec![format!("{comm} ({})", of("pid").unwrap())];
        path.extend(of("thread").filter(|thread| *thread != comm));
        for id in sample.location_id.iter().rev() {
            let location = &profile.location[*id as usize - 1];
            assert!(location.id == *id && location.mapping_id <= profile.mapping.len() as u64);
            path.extend(location.line.iter().rev().map(|line| {
                let function = &profile.function[line.function_id as usize - 1];
                profile.string_table[function.name as usize].clone()
            }));
        }
        path.extend(of("state"));
        *stacks.entry(path).or_default() += *sample.value.last().unwrap() as u64;
    }
    stacks
}

/// Frames of a program: an inlined function, the one it is in, and one without debug information; and
/// one of the kernel on top.
fn frames() -> (Vec<Arc<Frame>>, Vec<Arc<Frame>>) {
    let place = |name: &str, file: Option<&str>, line| {
        let known = Frame { build_id: Some("c0ffee".into()), ..(*frame(name)).clone() };
        Arc::new(Frame { file: file.map(Into::into), line, ..known })
    };
    let user = vec![
        place("copy_[i]", Some("mem.h"), Some(7)),
        place("serve", Some("web.c"), Some(40)),
        place("main", None, None),
    ];
    (user, vec![frame("write_[k]")])
}

fn weighed<'a>(user: &'a [Arc<Frame>], kernel: &'a [Arc<Frame>]) -> Weighed<'a> {
    let process = ProcKey { pid: 7, start_ns: 1 };
    let (comm, thread) = ("web", Some("pool 1"));
    Weighed { process, comm, thread, user, kernel, state: None, count: 3, weight: 3 }
}

fn model() -> Model {
    let watched = Watched {
        host: "web1".into(),
        kernel: "6.1.0".into(),
        arch: "x86_64".into(),
        cpus: 4,
        frequency_hz: 100,
        start_ns: 5,
        realtime_offset_ns: 1_700_000_000_000_000_000,
        ..Watched::default()
    };
    let mut model = Model::new(watched, Bounds::REPORT);
    model.now_ns = 2_000_000_005;
    model
}

#[test]
fn a_cpu_profile_has_counts_and_times_places_and_labels() {
    let (user, kernel) = frames();
    let profile = read(&written(&[weighed(&user, &kernel)], Measure::Cpu, &model()));
    let text = |id: i64| profile.string_table[id as usize].as_str();
    let types: Vec<_> =
        profile.sample_type.iter().map(|t| (text(t.r#type), text(t.unit))).collect();
    assert_eq!(types, [("samples", "count"), ("cpu", "nanoseconds")]);
    assert_eq!((text(profile.default_sample_type), profile.period), ("cpu", 10_000_000));
    assert_eq!(profile.time_nanos, 1_700_000_000_000_000_005);
    assert_eq!(profile.duration_nanos, 2_000_000_000);
    let comments: Vec<_> = profile.comment.iter().map(|id| text(*id)).collect();
    assert_eq!(
        comments,
        [
            "CPU profile of web1",
            "host: web1, 4 CPUs",
            "kernel: 6.1.0 x86_64",
            "command: syscope flame"
        ]
    );
    let sample = &profile.sample[0];
    assert_eq!(sample.value, [3, 30_000_000]);
    for (key, value) in [("pid", "7"), ("comm", "web"), ("thread", "pool 1")] {
        assert_eq!(label(&profile, &sample.label, key).as_deref(), Some(value));
    }
    // Leaf first; what is inlined shares the location of the function that it is in.
    let lines: Vec<Vec<_>> = profile
        .location
        .iter()
        .map(|location| {
            let of_line = |line: &profile_proto::Line| {
                let function = &profile.function[line.function_id as usize - 1];
                (text(function.name), text(function.filename), line.line)
            };
            location.line.iter().map(of_line).collect()
        })
        .collect();
    assert_eq!(
        lines,
        [
            vec![("write_[k]", "", 0)],
            vec![("copy", "mem.h", 7), ("serve", "web.c", 40)],
            vec![("main", "", 0)]
        ]
    );
    let mappings: Vec<_> =
        profile.mapping.iter().map(|m| (text(m.filename), text(m.build_id))).collect();
    assert_eq!(mappings, [("[kernel]", ""), ("/usr/bin/app", "c0ffee")]);
}

/// These bytes, gzipped, were read by `go tool pprof -raw` as the test above reads them.
#[test]
fn the_fields_have_the_numbers_of_the_public_format() {
    let (user, kernel) = frames();
    let profile =
        super::super::pprof::profile(&[weighed(&user, &kernel)], Measure::Cpu, &model(), ABOUT);
    insta::assert_snapshot!(hex(&profile.encode_to_vec()));
}

fn hex(bytes: &[u8]) -> String {
    let row = |row: &[u8]| row.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    bytes.chunks(40).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn without_a_frequency_there_are_counts_alone_and_no_number_is_too_large() {
    let (user, kernel) = frames();
    let hostile = Weighed { count: u64::MAX, weight: u64::MAX, ..weighed(&user, &kernel) };
    let mut model = model();
    let profile = read(&written(std::slice::from_ref(&hostile), Measure::Cpu, &model));
    assert_eq!(profile.sample[0].value, [i64::MAX, i64::MAX]);
    for frequency_hz in [0, u64::MAX] {
        model.watched.frequency_hz = frequency_hz;
        let profile = read(&written(std::slice::from_ref(&hostile), Measure::Cpu, &model));
        assert_eq!((profile.sample_type.len(), profile.period), (1, 0));
        assert_eq!(profile.sample[0].value, [i64::MAX]);
    }
}

#[test]
fn nothing_is_no_profile() {
    let mut out = Vec::new();
    for (measure, said) in [(Measure::Cpu, "no samples: nothing"), (Measure::OffCpu, "no thread")] {
        let error = write_pprof(&[], measure, &model(), ABOUT, &mut out).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    assert!(out.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_stack_weighs_what_it_weighs_in_the_flame_graph(batches in batches()) {
        let model = folded(batches);
        for measure in [Measure::Cpu, Measure::OffCpu, Measure::Wall] {
            let weighed = weigh(&model, measure, |_| true);
            let tree = fold(measure, &weighed);
            if tree.is_empty() {
                continue;
            }
            let bytes = written(&weighed, measure, &model);
            prop_assert_eq!(&bytes, &written(&weighed, measure, &model), "the same bytes");
            let profile = read(&bytes);
            let mut expected = paths(&tree);
            if measure == Measure::Cpu {
                let period = model.watched.period_ns().unwrap();
                expected.values_mut().for_each(|samples| *samples *= period);
            }
            prop_assert_eq!(stacks(&profile), expected);
            let first: i64 = profile.sample.iter().map(|sample| sample.value[0]).sum();
            let counted = weighed.iter().filter(|stack| match measure {
                Measure::Wall => stack.state == Some(State::Running),
                _ => true,
            });
            let counted: u64 = match measure {
                Measure::Wall => counted.map(|stack| stack.weight).sum(),
                _ => counted.map(|stack| stack.count).sum(),
            };
            prop_assert_eq!(first as u64, counted);
            let parts = |value: &[i64]| match measure {
                Measure::Cpu => value[1],
                Measure::OffCpu => value[1] + value[2],
                Measure::Wall => value[0] + value[1] + value[2],
            };
            let all = |sample: &Sample| sample.value.last() == Some(&parts(&sample.value));
            prop_assert!(profile.sample.iter().all(all));
        }
    }
}
