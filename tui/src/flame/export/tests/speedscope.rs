//! Files for speedscope, read by types that are what its schema asks for.

use super::paths;
use super::*;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "$schema")]
    schema: String,
    exporter: String,
    name: String,
    #[serde(rename = "activeProfileIndex")]
    active_profile_index: usize,
    shared: Shared,
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    frames: Vec<Frame>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    name: String,
    #[serde(default)]
    file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Profile {
    r#type: String,
    name: String,
    unit: String,
    start_value: u64,
    end_value: u64,
    samples: Vec<Vec<usize>>,
    weights: Vec<u64>,
}

fn written(tree: &FlameTree, title: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write_speedscope(tree, title, &mut out).unwrap();
    out
}

fn read(tree: &FlameTree, title: &str) -> (File, Profile) {
    let mut file: File = serde_json::from_slice(&written(tree, title)).unwrap();
    assert_eq!((file.profiles.len(), file.active_profile_index), (1, 0));
    let profile = file.profiles.remove(0);
    assert_eq!(profile.samples.len(), profile.weights.len());
    (file, profile)
}

#[test]
fn a_profile_is_sampled_and_names_every_function_once() {
    let stacks: &[_] = &[
        (12, "web", &["main", "serve", "write_[k]"][..], 60),
        (12, "web", &["main", "fill_[i]"], 30),
    ];
    let (file, profile) = read(&tree(Measure::Cpu, stacks), "CPU \u{1b}[2J");
    assert_eq!(file.schema, "https://www.speedscope.app/file-format-schema.json");
    assert!(file.exporter.starts_with("syscope@"));
    assert_eq!((file.name.as_str(), profile.name.as_str()), ("CPU \\e[2J", "CPU \\e[2J"));
    assert_eq!((profile.r#type.as_str(), profile.unit.as_str()), ("sampled", "none"));
    assert_eq!((profile.start_value, profile.end_value), (0, 90));
    let named = |name: &str, file: Option<&str>| Frame {
        name: name.to_owned(),
        file: file.map(str::to_owned),
    };
    let app = Some("/usr/bin/app");
    assert_eq!(
        file.shared.frames,
        [
            named("web (12)", None),
            named("main", app),
            named("fill", app),
            named("serve", app),
            named("write_[k]", Some("[kernel]")),
        ]
    );
    assert_eq!(profile.samples, [vec![0, 1, 2], vec![0, 1, 3, 4]]);
    assert_eq!(profile.weights, [30, 60]);
    let (_, waits) = read(&tree(Measure::OffCpu, stacks), "");
    assert_eq!(waits.unit, "nanoseconds");
}

#[test]
fn nothing_is_no_file() {
    let mut out = Vec::new();
    let error = write_speedscope(&tree(Measure::Cpu, &[]), "t", &mut out).unwrap_err();
    assert!(matches!(error, Error::NoSamples) && out.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_stacks_are_those_of_the_flame_graph(tree in any_tree()) {
        prop_assume!(!tree.is_empty());
        let (file, profile) = read(&tree, "t");
        let mut stacks: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for (sample, weight) in profile.samples.iter().zip(&profile.weights) {
            let path = sample.iter().map(|place| file.shared.frames[*place].name.clone());
            *stacks.entry(path.collect()).or_default() += weight;
        }
        prop_assert_eq!(stacks.values().sum::<u64>(), profile.end_value);
        prop_assert_eq!(stacks, paths(&tree));
        prop_assert_eq!(written(&tree, "t"), written(&tree, "t"));
    }
}
